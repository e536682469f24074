"""What handover refuses."""

from app.errors import Invalid, Refusal


class AgeCheckRequiresHandover(Refusal):
    """These goods are handed over in person only, because the age is checked at the door."""


class HandoverNotAllowed(Refusal):
    """This way of handing over is not possible here ({reason}); choose another one."""


class InvalidDropPreference(Invalid):
    """{what}"""
