"""What the outside world refuses, or what we refuse of it."""

from app.errors import Invalid, NotFound


class BrokenMapFile(Invalid):
    """The map file {file} cannot be read ({why}); give a complete OpenStreetMap extract (.osm.pbf)."""


class LinkInvalid(NotFound):
    """This link is not complete or was changed; open it again from your message."""


class LinkExpired(NotFound):
    """This link has ended; ask for a new one."""
