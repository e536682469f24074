"""The uses of delivery passes: reserved with a hold, redeemed with its booking, given back with either."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import add, rows, table_of
from app.promotions.errors import Exhausted
from app.promotions.pass_rules import UsablePass
from app.promotions.rules import RedemptionState
from app.promotions.tables import DeliveryPass, PassUse


def usable_passes(conn: Connection, *, now: datetime, customer_id: str) -> list[UsablePass]:
    """The customer's passes that have not ended and have a delivery left, whatever their holds reserve.

    A pass belongs to one customer, so what is reserved is their own and free again with the hold.
    """
    found = rows(conn, DeliveryPass, _usable(), {"customer": customer_id, "now": now})
    return [UsablePass(one.id, one.terms) for one in found]


@cache
def _usable() -> sa.Select[*tuple[Any, ...]]:
    delivery_pass, use = table_of(DeliveryPass), table_of(PassUse)
    redeemed = (
        sa.select(sa.func.count())
        .where(use.c.pass_id == delivery_pass.c.id, use.c.state == RedemptionState.REDEEMED)
        .scalar_subquery()
    )
    return sa.select(delivery_pass).where(
        delivery_pass.c.customer_id == sa.bindparam("customer"),
        delivery_pass.c.ended_at.is_(None),
        delivery_pass.c.valid_until > sa.bindparam("now"),
        sa.or_(delivery_pass.c.max_deliveries.is_(None), redeemed < delivery_pass.c.max_deliveries),
    )


def pass_holders(conn: Connection, *, now: datetime, customer_ids: Sequence[str]) -> set[str]:
    """Those of these customers who have a pass that has not ended."""
    table = table_of(DeliveryPass)
    query = sa.select(table.c.customer_id).where(
        table.c.customer_id.in_(customer_ids), table.c.ended_at.is_(None), table.c.valid_until > now
    )
    return set(conn.execute(query).scalars())


def pass_on(conn: Connection, hold_id: str) -> UsablePass | None:
    """The pass that covers a hold or the booking it became."""
    delivery_pass, use = table_of(DeliveryPass), table_of(PassUse)
    query = (
        sa.select(delivery_pass)
        .join(use, use.c.pass_id == delivery_pass.c.id)
        .where(use.c.hold_id == hold_id, use.c.state != RedemptionState.RETURNED)
    )
    found = next(iter(rows(conn, DeliveryPass, query)), None)
    return UsablePass(found.id, found.terms) if found else None


def reserve_use(
    conn: Connection,
    *,
    now: datetime,
    pass_id: str,
    hold_id: str,
    covered_minor: int,
    reserved_until: datetime,
) -> bool:
    """Reserve a delivery of the pass for as long as the hold lasts; False when none is left."""
    if not _counted(conn, now, pass_id):
        return False
    add(
        conn,
        PassUse(
            pass_id=pass_id,
            hold_id=hold_id,
            state=RedemptionState.RESERVED,
            covered_minor=covered_minor,
            reserved_until=reserved_until,
            created_at=now,
        ),
    )
    return True


def keep_use(conn: Connection, *, now: datetime, hold_id: str, covered_minor: int) -> None:
    """Note what the pass covers of a booking that was moved; nothing gives the delivery back."""
    use = table_of(PassUse)
    mine = sa.and_(use.c.hold_id == hold_id, use.c.state != RedemptionState.RETURNED)
    if covered_minor:
        conn.execute(sa.update(use).where(mine).values(covered_minor=covered_minor))
    else:
        returned_uses(conn, now, mine)


def redeem_use(conn: Connection, *, now: datetime, hold_id: str, booking_id: str) -> None:
    """Spend what the hold has reserved."""
    conn.execute(_redeeming(), {"its_hold": hold_id, "its_booking": booking_id, "its_now": now})


@cache
def _redeeming() -> sa.Update:
    use = table_of(PassUse)
    mine = sa.and_(use.c.hold_id == sa.bindparam("its_hold"), use.c.state == RedemptionState.RESERVED)
    changes: dict[str, Any] = {
        "booking_id": sa.bindparam("its_booking"),
        "redeemed_at": sa.bindparam("its_now"),
    }
    return sa.update(use).where(mine).values(state=RedemptionState.REDEEMED, **changes)


def renew_use(conn: Connection, *, now: datetime, hold_id: str, until: datetime) -> None:
    """Reserve until then what the hold has, and what it had when it ended; raises Exhausted if it is gone."""
    use = table_of(PassUse)
    mine = use.c.hold_id == hold_id
    for lapsed in rows(conn, PassUse, sa.select(use).where(mine, use.c.lapsed.is_(True))):
        if not _counted(conn, now, lapsed.pass_id):
            raise Exhausted(field=("input", "holdId"))
        again = {"state": RedemptionState.RESERVED, "lapsed": False, "returned_at": None}
        conn.execute(sa.update(use).where(use.c.id == lapsed.id).values(**again))
    reserved = sa.and_(mine, use.c.state == RedemptionState.RESERVED)
    conn.execute(sa.update(use).where(reserved).values(reserved_until=until))


def returned_uses(
    conn: Connection, now: datetime, which: sa.ColumnElement[bool], *, lapsed: bool = False
) -> None:
    """Give back all uses that match, each by whoever changes its state first."""
    use, delivery_pass = table_of(PassUse), table_of(DeliveryPass)
    freed = conn.execute(
        sa.update(use)
        .where(which, use.c.state != RedemptionState.RETURNED)
        .values(state=RedemptionState.RETURNED, returned_at=now, lapsed=lapsed)
        .returning(use.c.pass_id)
    ).scalars()
    for pass_id in sorted(freed):
        conn.execute(
            sa.update(delivery_pass)
            .where(delivery_pass.c.id == pass_id)
            .values(used=delivery_pass.c.used - 1)
        )


def _counted(conn: Connection, now: datetime, pass_id: str) -> bool:
    """Whether one more delivery could be counted; what ended holds reserved is given back first."""
    if _counted_once(conn, pass_id):
        return True
    use = table_of(PassUse)
    ended = sa.and_(
        use.c.pass_id == pass_id, use.c.state == RedemptionState.RESERVED, use.c.reserved_until <= now
    )
    returned_uses(conn, now, ended, lapsed=True)
    return _counted_once(conn, pass_id)


def _counted_once(conn: Connection, pass_id: str) -> bool:
    table = table_of(DeliveryPass)
    left = sa.or_(table.c.max_deliveries.is_(None), table.c.used < table.c.max_deliveries)
    claim = sa.update(table).where(table.c.id == pass_id, left).values(used=table.c.used + 1)
    return conn.execute(claim).rowcount == 1
