"""Lockers that a customer accepts beside the door: which ones, and for what goods."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from app.booking.errors import LockerNotHere
from app.database.rows import by_id
from app.handover.errors import AgeCheckRequiresHandover, HandoverNotAllowed
from app.handover.rules import HandoverMode, HandoverRefusal, refused
from app.handover.tables import HandoverPolicy
from app.places.collection_points import lockers_by_id
from app.places.tables import CollectionPoint
from app.places.zone_of import zones_of
from app.values.basket import Basket

MAX_LOCKERS = 3
# What the walk to a locker counts for, in minor units: whoever accepts one still likes the door better.
AWAY_MINOR = 5
_FIELD = ("input", "lockerIds")


def accepted(
    conn: Connection, *, zone_id: str, locker_ids: Sequence[str], basket: Basket, collected: bool
) -> list[str]:
    """The lockers that a hold is to keep, in the customer's order; nothing is read where none is named.

    They stand in the zone of the door, whose windows and vehicles are theirs too. Raises LockerNotHere,
    AgeCheckRequiresHandover, HandoverNotAllowed.
    """
    wanted = list(dict.fromkeys(locker_ids))
    if not wanted:
        return []
    known = lockers_by_id(conn, wanted)
    zones = zones_of(conn, points=[one.point for one in known.values()])
    there = [key for key in wanted if key in known and _in(zones.get(known[key].point), zone_id)]
    if len(there) != len(wanted) or len(wanted) > MAX_LOCKERS:
        raise LockerNotHere(field=_FIELD, most=MAX_LOCKERS)
    if collected or locker_policy(conn) is None:
        raise HandoverNotAllowed(field=_FIELD, reason="not offered")
    reason = refused(HandoverMode.LOCKER, basket)
    if reason is HandoverRefusal.AGE_CHECK_REQUIRES_HANDOVER:
        raise AgeCheckRequiresHandover(field=_FIELD)
    if reason is not None:
        raise HandoverNotAllowed(field=_FIELD, reason=reason.lower().replace("_", " "))
    return wanted


def _in(zone: object, zone_id: str) -> bool:
    return getattr(zone, "id", None) == zone_id


def locker_policy(conn: Connection) -> HandoverPolicy | None:
    """How goods are put into lockers, if this deployment does so."""
    return by_id(conn, HandoverPolicy, HandoverMode.LOCKER)


def usable(
    lockers: dict[str, CollectionPoint], locker_ids: Sequence[str], basket: Basket
) -> list[CollectionPoint]:
    """Those that a customer accepts, that operators still offer, and that these goods may go to."""
    if refused(HandoverMode.LOCKER, basket) is not None:
        return []
    return [lockers[key] for key in locker_ids if key in lockers]
