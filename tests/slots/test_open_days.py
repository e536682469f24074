"""Opening days makes each slot once, and says what the clocks did not allow."""

from datetime import date

import sqlalchemy as sa

from app.database.rows import rows, table_of
from app.database.runner import Database
from app.slots.open_days import open_days
from app.slots.tables import DeliverySlot, SlotTemplate
from tests.conftest import Clock
from tests.factories import Shop, make_shop


def test_running_it_again_makes_nothing_new(db: Database) -> None:
    db.write_now(lambda c, _: make_shop(c))
    first = db.write_now(lambda c, n: open_days(c, now=n, first=date(2026, 11, 24), days=7))
    again = db.write_now(lambda c, n: open_days(c, now=n, first=date(2026, 11, 24), days=7))

    assert (first.slots, again.slots) == (7, 0)
    slots = db.read_now(lambda c, _: rows(c, DeliverySlot, sa.select(table_of(DeliverySlot))))
    assert {slot.starts_at.hour for slot in slots} == {18}
    assert all(slot.cutoff_at < slot.starts_at for slot in slots)


def test_windows_that_have_begun_are_not_made(db: Database, clock: Clock) -> None:
    db.write_now(lambda c, _: make_shop(c))
    clock.set(clock.now.replace(hour=18, minute=0))
    opened = db.write_now(lambda c, n: open_days(c, now=n, first=date(2026, 11, 24), days=1))
    assert opened.slots == 0


def test_the_skipped_hour_is_named(db: Database) -> None:
    shop: Shop = db.write_now(lambda c, _: make_shop(c))
    template = table_of(SlotTemplate)
    night = sa.update(template).where(template.c.id == shop.template_id)
    db.write_now(lambda c, _: c.execute(night.values(starts_local="01:00", ends_local="02:00")) and None)
    opened = db.write_now(lambda c, n: open_days(c, now=n, first=date(2027, 3, 27), days=3))

    assert opened.slots == 2
    assert len(opened.skipped) == 1
    assert "2027-03-28" in opened.skipped[0]
