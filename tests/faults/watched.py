"""What must hold after every step of weeks.py, and what each request may be answered, by the model."""

from __future__ import annotations

from contextlib import closing
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import sqlalchemy as sa
from hypothesis.stateful import RuleBasedStateMachine, invariant
from sqlalchemy import Connection, Engine

from app.booking.rules import (
    OCCUPYING,
    BookingStatus,
    HoldOrigin,
    HoldStatus,
    RepromiseState,
    WaitlistStatus,
    status_at,
)
from app.booking.tables import DeliveryBooking, RepromiseProposal, SlotHold, WaitlistEntry, WaitlistWindow
from app.capacity.rules import PoolSelector
from app.capacity.tables import CapacityPool
from app.customers.rules import CustomerFacts
from app.database.runner import settled
from app.errors import Refusal
from app.jobs import Job
from app.slots.tables import DeliverySlot
from app.standing.tables import StandingSlotOccurrence
from app.tables import metadata
from app.values.actor import Actor
from app.values.load import DIMENSIONS, Load
from tests.factories import NOW
from tests.faults import invariants
from tests.faults.agenda import (
    HORIZON,
    LEAST_OFFER,
    OK,
    SUBMIT,
    Agenda,
    Pool,
    Said,
    Series,
    Slot,
    Week,
    span,
    today,
)
from tests.faults.fortnight import BASKETS, DAYS, OPENING, Fortnight, Verbs, plain
from tests.faults.model import AT_DOOR_S, LATE, MOVES, Claim


class Watched(RuleBasedStateMachine):
    """One history: every step is a savepoint of one transaction that is rolled back at the end."""

    engine: ClassVar[Engine]
    fortnight: ClassVar[Fortnight]
    verbs: ClassVar[Verbs] = Verbs()

    def __init__(self) -> None:
        super().__init__()
        self.conn = self.engine.connect()
        self.history = self.conn.begin()
        self.now, self.keys = NOW, 0
        self.actor = self.fortnight.shop.actor
        self.answered: list[tuple[str, dict[str, Any], str, Any]] = []
        pools = {row.id: row for row in invariants.every(self.conn, CapacityPool)}
        self.ids = {(p.node_id, p.starts_at): p.id for p in pools.values()}
        self.model = Agenda(
            nodes=tuple(self.fortnight.nodes),
            node_keys=self.fortnight.nodes,
            pools={
                one.id: Pool(one.id, one.node_id, one.window, one.loads("sell"), 300)
                for one in pools.values()
            },
            rules={(draft.kind, draft.key): draft for draft in OPENING},
        )
        self.taken = {one: Load() for one in pools}
        # Until when what was promised can be changed, by hold; and who is doing what in this step.
        self.until: dict[str, datetime] = {}
        self.step: tuple[str, str | None, date | None] = ("", None, None)
        self._meet_slots()

    def teardown(self) -> None:
        """Nothing of it stays."""
        with closing(self.conn):
            self.history.rollback()

    # What holds after every step

    @invariant()
    def everything_holds(self) -> None:
        self._meet()
        assert invariants.capacity(self.conn) == []
        self._nothing_is_sold_above_what_may_be()
        self._what_was_promised_stands()
        self._every_offer_has_room_of_its_own()
        self._every_week_is_what_it_says()

    def _meet(self) -> None:
        """Offers and weeks are made by whoever frees room or opens days; the model learns of them here."""
        for row in invariants.every(self.conn, SlotHold):
            if row.id not in self.model.claims:
                assert row.origin is not HoldOrigin.SHOPPER, "a hold of nobody"
                self._meet_hold(row)
                if row.origin is HoldOrigin.WAITLIST:
                    assert row.expires_at - self.now >= LEAST_OFFER
                else:
                    assert row.expires_at == self.until[row.id] - SUBMIT > self.now
        for one in invariants.every(self.conn, StandingSlotOccurrence):
            series = self.model.series[one.standing_id]
            before = series.weeks.get(one.day)
            if before is None or (before.state, before.hold) != (one.state, one.hold_id):
                assert self._may_become(series, before, one), f"{one.day} was {before}, is {one!r}"
                series.weeks[one.day] = Week(one.state, one.hold_id)
        self._no_day_is_forgotten()
        self.step = ("", None, None)

    def _meet_hold(self, row: SlotHold) -> None:
        slot = self.model.slots[row.slot_id]
        assert self.model.shut(slot, self.now) is None, f"{slot} is sold and shut"
        assert row.cutoff_at == slot.cutoff_at
        self.until[row.id] = row.cutoff_at
        self.model.claims[row.id] = Claim(
            id=row.id,
            customer=row.customer_id,
            cart=row.cart_reference,
            slot=row.slot_id,
            pool=row.pool_id,
            basket=row.basket,
            work_s=row.work_s,
            created_at=row.created_at,
            expires_at=row.expires_at,
        )
        self._check_room_was_there(row.id)

    def _check_room_was_there(self, hold_id: str) -> None:
        claim = self.model.claims[hold_id]
        pool, slot = self.model.pools[claim.pool], self.model.slots[claim.slot]
        assert slot.window.covers(pool.window)
        assert self.model.serves(pool, slot), "its node does not work for this window"

    def _nothing_is_sold_above_what_may_be(self) -> None:
        for row in invariants.every(self.conn, CapacityPool):
            taken = row.loads("held") + row.loads("booked")
            if row.window.end > self.now:
                assert row.loads("sell") == self.model.sold(row.id), (
                    "what an operator said is not what is sold"
                )
            for d in DIMENSIONS:
                most = max(getattr(self.model.sold(row.id), d), getattr(self.taken[row.id], d))
                assert getattr(taken, d) <= most, f"{d} was sold above what may be"
            self.taken[row.id] = taken

    def _what_was_promised_stands(self) -> None:
        rows = {row.id: row for row in invariants.every(self.conn, SlotHold)}
        held = {key: status_at(row.status, row.expires_at, self.now).value for key, row in rows.items()}
        assert held == {c.id: c.status(self.now) for c in self.model.claims.values()}
        booked = {
            row.hold_id: (
                row.id,
                row.slot_id,
                row.starts_at,
                row.ends_at,
                row.pool_id,
                row.cutoff_at,
                row.moves,
            )
            for row in invariants.every(self.conn, DeliveryBooking)
        }
        slots = self.model.slots
        assert booked == {
            c.id: (
                c.booking,
                c.slot,
                slots[c.slot].window.start,
                slots[c.slot].window.end,
                c.pool,
                self.until[c.id],
                c.moves,
            )
            for c in self.model.claims.values()
            if c.booking
        }
        gone = {row.hold_id for row in invariants.every(self.conn, DeliveryBooking) if is_cancelled(row)}
        assert gone == {c.id for c in self.model.claims.values() if c.cancelled}

    def _every_offer_has_room_of_its_own(self) -> None:
        held = {row.id: row for row in invariants.every(self.conn, SlotHold)}
        entries = invariants.every(self.conn, WaitlistEntry)
        offered = {e.hold_id for e in entries if e.status is WaitlistStatus.OFFERED}
        waiting = {
            k for k, row in held.items() if row.origin is HoldOrigin.WAITLIST and row.status in OCCUPYING
        }
        assert offered == waiting
        taken = {e.hold_id for e in entries if e.status is WaitlistStatus.ACCEPTED}
        assert all(held[one].status is HoldStatus.CONFIRMED for one in taken if one)

    def _every_week_is_what_it_says(self) -> None:
        """An open week has one hold of its own, and no hold is kept for a week that is not."""
        held: dict[str, str] = {}
        for series in self.model.series.values():
            for day, hold_id in self.model.holds_of(series, self.now).items():
                assert hold_id not in held, "two weeks share a hold"
                held[hold_id] = f"{series.id} {day}"
                assert not series.ended
        standing = {
            row.id
            for row in invariants.every(self.conn, SlotHold)
            if row.origin is HoldOrigin.STANDING and self.model.claims[row.id].status(self.now) == "ACTIVE"
        }
        assert standing == held.keys()

    def _no_day_is_forgotten(self) -> None:
        """Who books days decides each one within the horizon that can still be ordered in time."""
        if self.step[0] != "book":
            return
        only = self.step[1]
        for series in (one for one in self.model.series.values() if only in (None, one.id) and not one.ended):
            for day in (
                d for d in DAYS if series.has(d) and today(self.now) <= d <= today(self.now) + HORIZON
            ):
                # With the wave's cut-off, the earliest that there is.
                late = self.now >= span(day - timedelta(days=1), (16, 17)).start - SUBMIT
                assert late or day in series.weeks, f"{day} of {series} is forgotten"

    def _everybody_wastold_of(self) -> None:
        """After a round: of each week that is no more, and of each that must be ordered for within a day."""
        jobs = {
            (j.kind, j.payload["occurrence_id"])
            for j in invariants.every(self.conn, Job)
            if "standing_" in j.kind
        }
        for one in invariants.every(self.conn, StandingSlotOccurrence):
            claim = self.model.claims.get(one.hold_id or "")
            expired = claim is not None and claim.status(self.now) == "EXPIRED"
            if one.state == "RELEASED" and expired and not self.model.series[one.standing_id].ended:
                assert ("engagement.standing_released", one.id) in jobs, f"nobody was told of {one!r}"
            if one.state == "MISSED":
                assert ("engagement.standing_missed", one.id) in jobs
            open_now = one.state in ("BOOKED_AHEAD", "MOVED") and claim and claim.status(self.now) == "ACTIVE"
            if open_now and claim and claim.expires_at - self.now <= SUBMIT:
                assert ("engagement.standing_reminder", one.id) in jobs

    def _meet_slots(self) -> None:
        """What the calendar has and what is opened are the same windows, each with its cut-off."""
        rows = {row.id: row for row in invariants.every(self.conn, DeliverySlot)}
        for row in rows.values():
            if row.id not in self.model.slots:
                slot = Slot(row.id, row.day, row.window, row.cutoff_at, None, frozenset())
                self.model.slots[row.id] = slot
        self.model.follow(self.now)
        coming = [row for row in rows.values() if row.starts_at > self.now and row.withdrawn_at is None]
        there = {(row.day, row.starts_at, row.ends_at, row.cutoff_at) for row in coming}
        wanted = {
            (day, window.start, window.end, self.model.cutoff_at(day, window))
            for day in DAYS
            for window in (span(day, hours) for hours in self.model.windows(day))
            if window.start > self.now
        }
        assert there == wanted

    # What may be

    def _may_become(self, series: Series, before: Week | None, one: StandingSlotOccurrence) -> bool:
        what, only, day = self.step
        if only not in (None, series.id) or (day is not None and day != one.day):
            return False
        undecided = before is None or before.state == "PAUSED"
        books = what == "book" and undecided and not series.ended
        slot = next(
            (
                s
                for s in self.slots()
                if (s.day, s.window) == (one.day, span(one.day, series.hours)) and s.template
            ),
            None,
        )
        claim = self.model.claims.get(before.hold or "") if before else None
        match one.state:
            case "BOOKED_AHEAD":
                return books and not series.rests(one.day)
            case "MISSED":
                load = BASKETS[0].load(300 + AT_DOOR_S["ATTENDED"])
                return books and slot is not None and "SLOT_FULL" in self.model.room(slot, self.now, load)
            case "SKIPPED":
                shut = slot is None or self.model.shut(slot, self.now) == "BLACKOUT"
                given_up = claim is not None and claim.released and what == "book"
                return what == "skip" or (books and shut) or given_up
            case "PAUSED":
                return what in ("pause", "book") and series.rests(one.day)
            case "RELEASED":
                return what == "end" or (what == "book" and claim is not None and not claim.booking)
            case "CONFIRMED":
                return what == "book" and claim is not None and claim.booking is not None
        return what == "move" and one.state == "MOVED"

    def _locked(self, series: Series, day: date, state: str | None) -> set[str] | None:
        """Why a week cannot be changed, or None."""
        if series.ended:
            return {"STANDING_SLOT_ENDED"}
        if not series.has(day):
            return {"NOT_AN_OCCURRENCE"}
        if state == "CONFIRMED":
            return {"OCCURRENCE_CONFIRMED"}
        return {"OCCURRENCE_ENDED"} if state == "CANCELLED" or day < today(self.now) else None

    def _state(self, series: Series, day: date) -> str | None:
        week = series.weeks.get(day)
        if week is None or week.hold is None:
            return week.state if week else None
        claim = self.model.claims[week.hold]
        if claim.booking:
            return "CANCELLED" if claim.cancelled else "CONFIRMED"
        lives = claim.status(self.now) in ("ACTIVE", "CONFLICTED")
        return "RELEASED" if week.state in ("BOOKED_AHEAD", "MOVED") and not lives else week.state

    def _may_move_week(self, series: Series, day: date, slot: Slot) -> set[str]:
        if slot.template is None:
            return {"SLOT_NOT_FOUND"}
        if slot.day.isocalendar()[:2] != day.isocalendar()[:2]:
            return {"OTHER_WEEK"}
        week = series.weeks.get(day)
        claim = self.model.claims[week.hold] if week and week.hold else None
        may: set[str] = set()
        if claim and claim.slot == slot.id:
            if claim.lives(self.now):
                return {"SAME_WINDOW"}
            # It ended, and who has noticed is not known here.
            may = {"SAME_WINDOW"}
        if shut := self.model.shut(slot, self.now):
            return {shut} | may
        if self.now >= slot.cutoff_at - SUBMIT:
            return {"CUTOFF_PASSED"} | may
        kept = dict(self.model.claims)
        if claim and claim.lives(self.now):
            self.model.change(claim.id, released=True)
        load = BASKETS[0].load(300 + AT_DOOR_S["ATTENDED"])
        may |= self.model.room(slot, self.now, load)
        self.model.claims = kept
        return may

    def _may_confirm(self, claim: Claim) -> set[str]:
        status = claim.status(self.now)
        if status in ("CONFIRMED", "RELEASED"):
            return {"HOLD_ALREADY_CONFIRMED" if status == "CONFIRMED" else "HOLD_RELEASED"}
        if self.now >= self.until[claim.id]:
            return {"CUTOFF_PASSED"}
        if status == "ACTIVE":
            return {OK}
        return {OK, "HOLD_EXPIRED"} if self.now < claim.expires_at + LATE else {"HOLD_EXPIRED"}

    def _may_move(self, claim: Claim, slot: Slot) -> set[str]:
        if refused := self._closed(claim):
            return {refused}
        if claim.moves >= MOVES:
            return {"MOVE_LIMIT_REACHED"}
        if slot.id == claim.slot:
            return {"SAME_WINDOW"}
        if shut := self.model.shut(slot, self.now):
            return {shut}
        if any(pool.id == claim.pool and self.model.serves(pool, slot) for pool in self.model.inside(slot)):
            return {OK}
        return self.model.room(slot, self.now, claim.load)

    def _room_elsewhere(self, claim: Claim, slot: Slot) -> set[str]:
        others = [pool for pool in self.model.inside(slot) if pool.id != claim.pool]
        if not any(self.model.serves(pool, slot) for pool in others):
            return {"BASKET_TOO_LARGE", "SLOT_FULL"}
        return self.model.room(slot, self.now, claim.load, but=claim.pool)

    def _closed(self, claim: Claim) -> str | None:
        if claim.cancelled:
            return "BOOKING_ENDED"
        return "CUTOFF_PASSED" if self.now >= self.until[claim.id] else None

    # How it is asked

    def _wanted(self, customer: str, basket: int) -> dict[str, Any]:
        facts = CustomerFacts(reference=customer, email=f"{customer}@example.com")
        return {"place": self.fortnight.shop.place, "basket": BASKETS[basket], "customer": facts}

    def _keyed(
        self, name: str, told: dict[str, Any], may: set[str], *, actor: Actor | None = None
    ) -> tuple[str, Any]:
        self.keys += 1
        told = {**told, "key": f"key-{self.keys}"}
        code, answer = self._asked(name, told, actor=actor)
        assert code in may, f"{name} was answered {code}, not {may}"
        self.answered.append((name, told, code, plain(answer)))
        return code, answer

    def _done(self, name: str, told: dict[str, Any], may: set[str]) -> bool:
        code, _ = self._asked(name, told)
        assert code in may, f"{name} was answered {code}, not {may}"
        return code == OK

    def _asked(self, name: str, told: dict[str, Any], *, actor: Actor | None = None) -> tuple[str, Any]:
        """As the runner asks: a settled refusal keeps what was written, any other leaves nothing."""
        verb = getattr(self.verbs, name)

        def work(conn: Connection, now: datetime) -> Any:
            return verb(conn, now=now, actor=actor or self.actor, **told)

        try:
            with self.conn.begin_nested():
                answer, refusal = settled(work, self.conn, self.now)
        except Refusal as refused:
            return refused.code, None
        return (refusal.code, None) if refusal else (OK, answer)

    def _everything(self) -> dict[str, list[tuple[Any, ...]]]:
        """All rows there are, to see whether anything was written."""
        return {
            table.name: sorted(tuple(map(str, row)) for row in self.conn.execute(sa.select(table)))
            for table in metadata.sorted_tables
        }

    def slots(self) -> list[Slot]:
        """Every window there is or was, in order of time."""
        return sorted(
            self.model.slots.values(), key=lambda slot: (slot.window.start, slot.window.end, slot.id)
        )

    def _open_slots(self) -> list[Slot]:
        return [slot for slot in self.slots() if self.model.shut(slot, self.now) is None]

    def is_full(self, slot: Slot) -> bool:
        """Whether a window that could be ordered has no room."""
        load = BASKETS[0].load(300 + AT_DOOR_S["ATTENDED"])
        return not self.model.shut(slot, self.now) and OK not in self.model.room(slot, self.now, load)

    def waiting(self) -> int:
        """How many wait for a window."""
        entries = invariants.every(self.conn, WaitlistEntry)
        return sum(one.status is WaitlistStatus.WAITING for one in entries)

    def _waits_in_vain(self) -> list[Slot]:
        """The windows with room that somebody waits for, and could still be offered."""
        entries = invariants.every(self.conn, WaitlistEntry)
        waiting = {one.id for one in entries if one.status is WaitlistStatus.WAITING}
        wanted = invariants.every(self.conn, WaitlistWindow)
        slots = {one.slot_id: self.model.slots[one.slot_id] for one in wanted if one.entry_id in waiting}
        load = BASKETS[0].load(300 + AT_DOOR_S["ATTENDED"])
        return [
            slot
            for slot in slots.values()
            if not self.model.shut(slot, self.now)
            and slot.cutoff_at - self.now >= LEAST_OFFER
            and OK in self.model.room(slot, self.now, load)
        ]

    def _proposals(self) -> list[RepromiseProposal]:
        every = invariants.every(self.conn, RepromiseProposal)
        return sorted((one for one in every if one.state is RepromiseState.OPEN), key=lambda one: one.id)

    def _booked(self) -> list[Claim]:
        return [claim for _, claim in sorted(self.model.claims.items()) if claim.booking]

    def _a_series(self, which: int) -> Series:
        """One of them, mostly one that has not ended."""
        ids = sorted(self.model.series)
        lasting = [one for one in ids if not self.model.series[one].ended]
        return self.model.series[self._pick(lasting if which % 8 and lasting else ids, which)]

    def _a_week(self, which: int, when: int) -> tuple[Series, date]:
        """One of its weeks, mostly, or any day."""
        series = self._a_series(which)
        mine = sorted(series.weeks) if when % 8 else []
        return series, self._pick(mine or list(DAYS), when)

    def _day(self, when: int) -> date:
        """A day on which somebody has something, mostly, or any."""
        busy = sorted({self.model.slots[c.slot].day for c in self.model.claims.values() if c.lives(self.now)})
        return self._pick(busy if when % 4 and busy else list(DAYS), when)

    def _let_go(self, series: Series, days: list[date]) -> None:
        held = self.model.holds_of(series, self.now)
        for day in days:
            if day in held:
                self.model.change(held[day], released=True)

    def _which(self, day: date, node: int | None) -> PoolSelector:
        return PoolSelector(day=day, node_id=None if node is None else self.model.nodes[node])

    def _under(self, said: Said, pool_id: str) -> Load:
        self.model.said.append(said)
        try:
            return self.model.sold(pool_id)
        finally:
            self.model.said.pop()

    def _pick[T](self, many: list[T], which: int) -> T:
        return many[which % len(many)]


def fits(taken: Load, room: Load) -> bool:
    return all(getattr(taken, d) <= getattr(room, d) for d in DIMENSIONS)


def is_cancelled(row: DeliveryBooking) -> bool:
    return row.status is BookingStatus.CANCELLED
