"""What storefronts refuses."""

from app.errors import NotAllowed, NotFound


class NotAuthenticated(NotAllowed):
    """{what}"""


class StorefrontNotFound(NotFound):
    """There is no storefront {key}; load a seed first, or name one that exists."""


class KeyNotFound(NotFound):
    """No working API key is called {name} here; it may be revoked already."""
