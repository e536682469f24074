"""A promotion's whole life with a hold: reserved, redeemed, returned."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.booking.apply_promotion import apply_promotion
from app.booking.confirm import confirm
from app.booking.errors import HoldEnded
from app.booking.reclaim import reclaim
from app.booking.release import release
from app.booking.remove_promotion import remove_promotion
from app.booking.tables import SlotHold
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.promotions.errors import AlreadyUsed
from app.promotions.queries import applied
from app.promotions.rules import RedemptionState
from app.promotions.tables import Promotion
from app.slots.queries import slots_by_id
from app.values.ids import new_id
from tests.conftest import Clock
from tests.factories import NOW, Shop, make_hold, make_open_slot, make_promotion, make_shop


def open_world(db: Database) -> tuple[Shop, SlotHold]:
    def work(conn: sa.Connection, _now: object) -> tuple[Shop, SlotHold]:
        shop = make_shop(conn)
        make_promotion(conn, shop)
        return shop, make_hold(conn, shop, make_open_slot(conn, shop), now=NOW)

    return db.write_now(work)


def use(db: Database, shop: Shop, held: SlotHold) -> SlotHold:
    return db.write_now(
        lambda c, n: apply_promotion(
            c, now=n, actor=shop.actor, hold_id=held.id, code="bemvindo", key=new_id()
        )
    )


def spent(db: Database) -> tuple[int, int]:
    (row,) = db.read_now(lambda c, _: rows(c, Promotion, sa.select(table_of(Promotion))))
    return row.used, row.spent_minor


def states(db: Database, held: SlotHold) -> list[RedemptionState]:
    return [one.status for one in db.read_now(lambda c, _: applied(c, [held.id])).get(held.id, [])]


def test_a_code_is_reserved_with_the_hold_and_redeemed_with_the_booking(db: Database) -> None:
    shop, held = open_world(db)
    assert use(db, shop, held).version == 2
    assert (states(db, held), spent(db)) == ([RedemptionState.RESERVED], (1, 200))
    db.write_now(
        lambda c, n: confirm(c, now=n, actor=shop.actor, hold_id=held.id, order_reference="o", key="k")
    )
    assert (states(db, held), spent(db)) == ([RedemptionState.REDEEMED], (1, 200))


@pytest.mark.parametrize("how", ["release", "remove", "expire"])
def test_a_reserved_code_comes_back_once(db: Database, clock: Clock, how: str) -> None:
    shop, held = open_world(db)
    use(db, shop, held)
    for _ in range(2):
        if how == "release":
            db.write_now(lambda c, n: release(c, now=n, actor=shop.actor, hold_id=held.id))
        elif how == "remove":
            db.write_now(
                lambda c, n: remove_promotion(c, now=n, actor=shop.actor, hold_id=held.id, code="BEMVINDO")
            )
        else:
            clock.set(held.expires_at)
            db.write_now(lambda c, n: reclaim(c, now=n))
    assert spent(db) == (0, 0)


def test_a_customer_uses_a_welcome_code_once(db: Database) -> None:
    shop, held = open_world(db)
    use(db, shop, held)
    db.write_now(
        lambda c, n: confirm(c, now=n, actor=shop.actor, hold_id=held.id, order_reference="o", key="k")
    )
    (slot,) = db.read_now(lambda c, _: slots_by_id(c, [held.slot_id]))
    again = db.write_now(lambda c, n: make_hold(c, shop, slot, now=n))
    with pytest.raises(AlreadyUsed):
        use(db, shop, again)


def test_an_ended_hold_takes_no_code(db: Database, clock: Clock) -> None:
    shop, held = open_world(db)
    clock.set(held.expires_at + timedelta(seconds=1))
    with pytest.raises(HoldEnded):
        use(db, shop, held)
