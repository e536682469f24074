"""Choose how goods change hands, if these goods may."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from app.database.rows import add, made
from app.handover.errors import AgeCheckRequiresHandover, HandoverNotAllowed, InvalidDropPreference
from app.handover.queries import policies
from app.handover.rules import DropWish, HandoverMode, HandoverRefusal, missing, options, usual
from app.handover.tables import DropPreference, HandoverPolicy
from app.values.basket import Basket

_FIELD = ("input", "dropPreference")


def choose(
    conn: Connection, *, now: datetime, wish: DropWish | None, basket: Basket, collected: bool = False
) -> DropPreference:
    """Write the wish down with its seconds at the door, fee and proof; None is the usual way there.

    `collected` says that the address is a collection point. Raises InvalidDropPreference,
    AgeCheckRequiresHandover, HandoverNotAllowed.
    """
    preference = drafted(policies(conn), now=now, wish=wish, basket=basket, collected=collected)
    add(conn, preference)
    return preference


def drafted(
    known: Sequence[HandoverPolicy],
    *,
    now: datetime,
    wish: DropWish | None,
    basket: Basket,
    collected: bool = False,
) -> DropPreference:
    """The wish as `choose` would write it down; raises the same."""
    ways = options(known, basket, collected=collected)
    if wish is None:
        meant = usual(ways)
        wish = DropWish(meant.mode if meant else HandoverMode.ATTENDED)
    lacks = missing(wish)
    if lacks:
        raise InvalidDropPreference(field=_FIELD, what=lacks)
    option = next((o for o in ways if o.mode is wish.mode), None)
    if option is None:
        raise HandoverNotAllowed(field=_FIELD, reason="not offered")
    if option.reason is HandoverRefusal.AGE_CHECK_REQUIRES_HANDOVER:
        raise AgeCheckRequiresHandover(field=_FIELD)
    if option.reason is not None:
        raise HandoverNotAllowed(field=_FIELD, reason=option.reason.lower().replace("_", " "))
    return made(
        DropPreference,
        mode=wish.mode,
        place=wish.place,
        neighbour=wish.neighbour,
        neighbour_line1=wish.neighbour_line1,
        note=wish.note,
        ring_bell=wish.ring_bell,
        contact_free=wish.contact_free,
        extra_min=wish.extra_min,
        at_door_s=option.at_door_s + wish.extra_min * 60,
        fee_minor=option.fee_minor,
        proof=[kind.value for kind in option.proof],
        created_at=now,
    )
