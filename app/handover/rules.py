"""How goods may change hands: goods x mode x proof, with the reason where they may not."""

from enum import StrEnum


class HandoverMode(StrEnum):
    """The ways of handing over."""

    ATTENDED = "ATTENDED"
    SAFE_PLACE = "SAFE_PLACE"
    NEIGHBOUR = "NEIGHBOUR"
    LOCKER = "LOCKER"
    COLLECTION = "COLLECTION"
    IN_HOME = "IN_HOME"


class ProofKind(StrEnum):
    """What shows that it was done."""

    PHOTO = "PHOTO"
    SIGNATURE = "SIGNATURE"
    PIN = "PIN"
    BARCODE = "BARCODE"
    ID_CHECK = "ID_CHECK"


class HandoverRefusal(StrEnum):
    """Why a way of handing over is not to be had."""

    AGE_CHECK_REQUIRES_HANDOVER = "AGE_CHECK_REQUIRES_HANDOVER"
    HIGH_VALUE_REQUIRES_HANDOVER = "HIGH_VALUE_REQUIRES_HANDOVER"
    TEMPERATURE = "TEMPERATURE"
    BULKY = "BULKY"
    NOT_AT_THIS_ADDRESS = "NOT_AT_THIS_ADDRESS"
    NOT_BY_THIS_VEHICLE = "NOT_BY_THIS_VEHICLE"
