"""Several operators and shoppers at once: the calendar stays one, and a promise stays a promise."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.change_calendar import CalendarOutcome, change_calendar
from app.booking.tables import SlotHold
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.errors import OperatorsOnly
from app.slots.drafts import CutoffDraft, Draft, TemplateDraft
from app.slots.rules import CutoffKind
from app.slots.tables import CalendarChange, CutoffRule, DeliverySlot, SlotTemplate
from app.values.actor import Actor, Role
from tests.factories import Shop, make_hold, make_open_slot, make_shop

OPERATOR = Actor("house", Role.OPERATOR, "Olga")


def change(db: Database, draft: Draft, *, dry_run: bool = False, actor: Actor = OPERATOR) -> CalendarOutcome:
    return db.write_now(
        lambda c, n: change_calendar(c, now=n, actor=actor, reason="a test", draft=draft, dry_run=dry_run)
    )


def noon(key: str, cutoff: str) -> TemplateDraft:
    return TemplateDraft(key, "Noon", "FREQ=DAILY", "12:00", "13:00", cutoff, date(2026, 11, 1))


def opened(db: Database) -> tuple[Shop, DeliverySlot, str]:
    def work(conn: Connection, _now: datetime) -> tuple[Shop, DeliverySlot, str]:
        shop = make_shop(conn)
        slot = make_open_slot(conn, shop)
        (rule,) = rows(conn, CutoffRule, sa.select(table_of(CutoffRule)))
        return shop, slot, rule.key

    return db.write_now(work)


def test_two_operators_at_once_open_each_window_once(db: Database) -> None:
    _, _, cutoff = opened(db)
    with ThreadPoolExecutor(8) as threads:
        drafts = [noon(f"noon-{n}", cutoff) for n in range(8)]
        outcomes = list(threads.map(lambda draft: change(db, draft), drafts))
    # The first opens the noon window of both days; for all others it is there already.
    assert sorted(len(one.saved.effect.opened) for one in outcomes)[:7] == [0] * 7
    slots = db.read_now(lambda c, _: rows(c, DeliverySlot, sa.select(table_of(DeliverySlot))))
    assert len({(slot.zone_id, slot.starts_at, slot.ends_at) for slot in slots}) == len(slots)
    assert len(db.read_now(lambda c, _: rows(c, CalendarChange, sa.select(table_of(CalendarChange))))) == 8


def test_shoppers_hold_while_the_cut_off_is_changed_and_keep_what_they_were_told(db: Database) -> None:
    shop, slot, _ = opened(db)
    (evening,) = db.read_now(lambda c, _: rows(c, SlotTemplate, sa.select(table_of(SlotTemplate))))

    def work(number: int) -> object:
        if number % 4 == 0:
            rule = CutoffDraft("moving", CutoffKind.ELAPSED, elapsed_min=60 + number, template=evening.key)
            return change(db, rule)
        return db.write_now(lambda c, n: make_hold(c, shop, slot, now=n, customer=f"c{number}"))

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(12)))
    holds = db.read_now(lambda c, _: rows(c, SlotHold, sa.select(table_of(SlotHold))))
    assert len(holds) == 9
    told = {slot.starts_at - timedelta(minutes=minutes) for minutes in (120, 60, 64, 68)}
    assert {hold.cutoff_at for hold in holds} <= told


def test_who_is_no_operator_changes_nothing_not_even_dry(db: Database) -> None:
    shop, _, cutoff = opened(db)
    for dry_run in (True, False):
        with pytest.raises(OperatorsOnly):
            change(db, noon("noon", cutoff), dry_run=dry_run, actor=shop.actor)
    assert db.read_now(lambda c, _: rows(c, CalendarChange, sa.select(table_of(CalendarChange)))) == []


def test_a_dry_run_leaves_no_row_behind(db: Database) -> None:
    _, slot, cutoff = opened(db)
    outcome = change(db, noon("noon", cutoff), dry_run=True)
    assert outcome.saved.effect.opened
    (kept,) = db.read_now(lambda c, _: rows(c, DeliverySlot, sa.select(table_of(DeliverySlot))))
    assert kept.id == slot.id
