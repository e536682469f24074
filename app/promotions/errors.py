"""What promotions refuse."""

from app.errors import Invalid, NotFound, Refusal


class CodeUnknown(Refusal):
    """There is no promotion with the code {promotion_code}; check the spelling."""


class CodeNotStarted(Refusal):
    """This code is valid from {starts_at} on."""


class CodeExpired(Refusal):
    """This code was valid until {ends_at}."""


class NotEligible(Refusal):
    """This code does not apply here: {reason}."""


class NotStackable(Refusal):
    """Only one code can be used for a delivery; remove the other one first."""


class AlreadyUsed(Refusal):
    """This customer has used the code as often as it may be."""


class Exhausted(Refusal):
    """This code has been used up."""


class PassNotFound(NotFound):
    """There is no delivery pass with this id for this storefront."""


class InvalidPass(Invalid):
    """This pass cannot be: {mistake}."""
