"""What customers refuses."""

from app.errors import Invalid


class InvalidReference(Invalid):
    """A customer reference has 1 to 100 characters."""


class InvalidName(Invalid):
    """A name has at most 200 characters and no line breaks."""


class InvalidEmail(Invalid):
    """This is not an e-mail address: {why}"""


class InvalidPhone(Invalid):
    """Give the phone number with its country code, like +351912345678."""


class InvalidLocale(Invalid):
    """Give the language as a BCP 47 tag, like pt-PT or en."""


class InvalidGroup(Invalid):
    """A customer group has 1 to 60 printable characters."""
