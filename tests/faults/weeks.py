"""Operators change capacity and the calendar under bookings, waitlists and standing slots: against a model.

Where machine.py crowds two windows with every verb of a shopper, this one has a fortnight of Tuesdays and
Fridays, two nodes, and the rules of the calendar. To add a rule of the calendar: a draft in fortnight.py, and
what it means in agenda.py. What must hold, and what may happen to a standing week, is in watched.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from sqlalchemy import Engine

from app.booking.reclaim import reclaim
from app.capacity.leave_word import may_have_opened
from app.capacity.resize import resize
from app.capacity.rules import OvercommitChoice, SizeChange
from app.slots.drafts import (
    Draft,
)
from app.slots.rules import RuleKind
from app.values.load import DIMENSIONS, Load
from tests.faults.agenda import (
    OK,
    Said,
    Series,
    Slot,
    today,
)
from tests.faults.fortnight import (
    BASKETS,
    DAYS,
    DRAFTS,
    OPERATOR,
    REMOVED,
    SIZES,
    Fortnight,
    Verbs,
    plain,
    serve_waiting,
    tend,
    told_of,
)
from tests.faults.model import AT_DOOR_S, HOLD
from tests.faults.watched import Watched, fits

_CUSTOMERS = st.sampled_from(("ana", "rui", "eva"))
_DAYS, _ANY = st.sampled_from(DAYS), st.integers(0, 999)


class Weeks(Watched):
    """The rules: shoppers, operators, standing slots, the worker, the clock, and lost answers."""

    @initialize()
    def opens_with_bookings_and_weeks(self) -> None:
        """So that a short history has something to go on."""
        friday = next(n for n, slot in enumerate(self.slots()) if slot.day == DAYS[1])
        for customer in ("ana", "rui"):
            self.keeps_a_window(customer=customer, which=friday)
            self._meet()
        self._book("eva", self.slots()[friday + 1], 0)
        self._meet()

    # Shoppers

    @rule(customer=_CUSTOMERS, which=_ANY, basket=st.integers(0, 1))
    def holds_a_window(self, customer: str, which: int, basket: int) -> None:
        self._hold(customer, self._pick(self.slots(), which), basket)

    @rule(customer=_CUSTOMERS, which=_ANY, basket=st.integers(0, 1))
    def books_a_window(self, customer: str, which: int, basket: int) -> None:
        self._book(customer, self._pick(self.slots(), which), basket)

    @precondition(lambda self: self.model.claims)
    @rule(which=_ANY)
    def confirms(self, which: int) -> None:
        self._confirm(self._pick(sorted(self.model.claims), which))

    @precondition(lambda self: self.model.claims)
    @rule(which=_ANY)
    def releases(self, which: int) -> None:
        hold_id = self._pick(sorted(self.model.claims), which)
        status = self.model.claims[hold_id].status(self.now)
        may = {"HOLD_ALREADY_CONFIRMED"} if status == "CONFIRMED" else {OK}
        if self._done("release", {"hold_id": hold_id}, may) and status != "EXPIRED":
            self.model.change(hold_id, released=True)

    @precondition(lambda self: self._booked())
    @rule(which=_ANY)
    def cancels(self, which: int) -> None:
        claim = self._pick(self._booked(), which)
        if self._keyed("cancel", {"booking_id": claim.booking}, {self._closed(claim) or OK})[1]:
            self.model.change(claim.id, cancelled=True)

    @precondition(lambda self: self._booked())
    @rule(which=_ANY, where=_ANY)
    def moves_a_booking(self, which: int, where: int) -> None:
        claim, slot = self._pick(self._booked(), which), self._pick(self.slots(), where)
        may = self._may_move(claim, slot)
        row = self._keyed("reschedule", {"booking_id": claim.booking, "slot_id": slot.id}, may)[1]
        if row is not None:
            self.model.change(claim.id, slot=slot.id, pool=row.pool_id, moves=claim.moves + 1)
            self.until[claim.id] = slot.cutoff_at
            self._check_room_was_there(claim.id)

    @precondition(lambda self: self.waiting() < 4)
    @rule(customer=_CUSTOMERS, which=_ANY, other=_ANY)
    def joins_the_waitlist(self, customer: str, which: int, other: int) -> None:
        crowded = [slot for slot in self.slots() if self.is_full(slot)] or self.slots()
        chosen = (self._pick(crowded, which), self._pick(self.slots(), other))
        wanted = {slot.id: slot for slot in (chosen if other % 2 else chosen[:1])}
        told = {**self._wanted(customer, 0), "slot_ids": list(wanted)}
        if any(slot.template is None for slot in wanted.values()):
            may = {"SLOT_NOT_FOUND"}
        else:
            late = all(self.now >= slot.cutoff_at for slot in wanted.values())
            may = {"CUTOFF_PASSED"} if late else {OK}
        self._keyed("join_waitlist", told, may)
        self.model.waited = True

    def _hold(self, customer: str, slot: Slot, basket: int) -> str | None:
        shut = self.model.shut(slot, self.now)
        load = BASKETS[basket].load(300 + AT_DOOR_S["ATTENDED"])
        may = {shut} if shut else self.model.room(slot, self.now, load)
        told = {**self._wanted(customer, basket), "slot_id": slot.id, "cart_reference": f"cart-{self.keys}"}
        row = self._keyed("hold", told, may)[1]
        if row is None:
            return None
        assert row.expires_at == self.now + HOLD
        self._meet_hold(row)
        return str(row.id)

    def _confirm(self, hold_id: str) -> None:
        claim = self.model.claims[hold_id]
        told = {"hold_id": hold_id, "order_reference": f"order-{self.keys}"}
        row = self._keyed("confirm", told, self._may_confirm(claim))[1]
        if row is not None:
            again = claim.status(self.now) == "EXPIRED" and row.pool_id != claim.pool
            self.model.change(hold_id, booking=row.id, order=told["order_reference"], pool=row.pool_id)
            if again:
                self._check_room_was_there(hold_id)
            self.until[hold_id] = row.cutoff_at

    def _book(self, customer: str, slot: Slot, basket: int) -> None:
        if hold_id := self._hold(customer, slot, basket):
            self._confirm(hold_id)

    # Operators

    @rule(when=_ANY, node=st.sampled_from((None, 0, 1)), to=st.sampled_from(SIZES))
    def previews_capacity(self, when: int, node: int | None, to: SizeChange) -> None:
        day = self._day(when)
        which = self._which(day, node)
        before = self._everything()
        code, over = self._asked("preview_change", {"which": which, "to": to}, actor=OPERATOR)
        assert self._everything() == before, "a preview wrote something"
        meant = self.model.meant(which, self.now)
        assert code == (OK if meant else "POOL_NOT_FOUND")
        said = Said("", which, to)
        for one in over or ():
            room = self._under(said, one.edit.pool_id)
            gone = {claim.id for claim in one.misfits}
            left = sum(
                (
                    c.load
                    for c in self.model.in_pool(one.edit.pool_id, self.now)
                    if not {c.id, c.booking} & gone
                ),
                Load(),
            )
            assert one.edit.after == room
            assert fits(left, room), "what stays does not fit"
            assert bool(gone) == (not fits(self.model.taken(one.edit.pool_id, self.now), room))

    @rule(
        when=_ANY,
        node=st.sampled_from((None, 0, 1)),
        to=st.sampled_from(SIZES),
        choice=st.sampled_from((None, *OvercommitChoice)),
    )
    def changes_capacity(
        self, when: int, node: int | None, to: SizeChange, choice: OvercommitChoice | None
    ) -> None:
        day = self._day(when)
        which = self._which(day, node)
        meant = self.model.meant(which, self.now)
        before = {one: self.model.sold(one) for one in meant}
        self.model.said.append(Said("", which, to))
        over = self.model.overbooked_by(meant, before, self.now)
        may = {"OVERCOMMITTED"} if over and choice is None else {OK}
        told = {"which": which, "to": to, "choice": choice, "reason": "a van broke down"}
        done = self._keyed("change_capacity", told, may if meant else {"POOL_NOT_FOUND"}, actor=OPERATOR)[1]
        self.model.said.pop()
        if done is not None:
            self.model.said.append(Said(done.override.id, which, to))
            asked = choice is OvercommitChoice.START_REPROMISE
            assert asked or not done.proposals, "nobody asked for other windows to be proposed"

    @precondition(lambda self: self.model.said)
    @rule(which=_ANY, choice=st.sampled_from((None, OvercommitChoice.KEEP_OVERBOOKED)))
    def lifts_an_override(self, which: int, choice: OvercommitChoice | None) -> None:
        said = self._pick(self.model.said, which)
        meant = self.model.meant(said.which, self.now)
        before = {one: self.model.sold(one) for one in meant}
        kept = list(self.model.said)
        self.model.said.remove(said)
        over = self.model.overbooked_by(meant, before, self.now)
        told = {"override_id": said.id, "choice": choice, "reason": "the van is back"}
        may = {"OVERCOMMITTED"} if over and choice is None else {OK}
        if self._keyed("lift_override", told, may, actor=OPERATOR)[1] is None:
            self.model.said = kept

    @precondition(lambda self: self._proposals())
    @rule(which=_ANY, where=_ANY)
    def takes_a_proposal(self, which: int, where: int) -> None:
        """A customer whose promise cannot be kept chooses another window, of those proposed mostly."""
        proposal = self._pick(self._proposals(), which)
        claim = next(c for c in self.model.claims.values() if c.booking == proposal.booking_id)
        slots = [self.model.slots[one] for one in proposal.alternatives] if where % 8 else []
        slot = self._pick(slots or self.slots(), where)
        if claim.cancelled or proposal.pool_id != claim.pool:
            may = {"PROPOSAL_SETTLED"}
        elif slot.template is None or slot.id not in proposal.alternatives:
            may = {"SLOT_NOT_FOUND"}
        else:
            shut = self.model.shut(slot, self.now)
            may = {shut} if shut else self._room_elsewhere(claim, slot)
        row = self._keyed("choose_window", {"booking_id": claim.booking, "slot_id": slot.id}, may)[1]
        if row is not None:
            self.model.change(claim.id, slot=slot.id, pool=row.pool_id)
            self.until[claim.id] = slot.cutoff_at
            self._check_room_was_there(claim.id)

    @rule(when=_ANY, percent=st.sampled_from((50, 100, 150, 200)))
    def plans_a_day_anew(self, when: int, percent: int) -> None:
        """A plan comes out under what operators said."""
        day = self._day(when)
        plans = []
        for plan in (p for p in self.fortnight.plans if p.day == day and p.window.start >= self.now):
            fresh = Load(*(getattr(plan.sell, d) * percent // 100 for d in DIMENSIONS))
            plans.append(replace(plan, sell=fresh, cap=fresh))
            pool_id = self.ids[plan.node_id, plan.window.start]
            self.model.pools[pool_id] = replace(self.model.pools[pool_id], planned=fresh)
        with self.conn.begin_nested():
            told: dict[str, Any] = {"actor": "planner", "reason": "another plan", "run_id": "run"}
            resize(self.conn, now=self.now, first=day, last=day, pools=plans, **told)
            may_have_opened(self.conn, now=self.now, first=day, last=day)

    @rule(when=_ANY, node=st.integers(0, 1), made=st.sampled_from(DRAFTS))
    def changes_the_calendar(self, when: int, node: int, made: Callable[[date, str], Draft]) -> None:
        day = self._day(when)
        draft = made(day, list(self.fortnight.nodes.values())[node])
        self._change_calendar({"draft": draft}, {**self.model.rules, (draft.kind, draft.key): draft})

    @precondition(lambda self: self._removable())
    @rule(which=_ANY)
    def removes_a_rule(self, which: int) -> None:
        key = self._pick(self._removable(), which)
        left = {one: rule for one, rule in self.model.rules.items() if one != key}
        self._change_calendar({"removed": key}, left)

    def _change_calendar(self, told: dict[str, Any], rules: dict[tuple[RuleKind, str], Draft]) -> None:
        told = {**told, "reason": "the operator said so"}
        before = self._everything()
        code, seen = self._asked("change_calendar", {**told, "dry_run": True}, actor=OPERATOR)
        assert self._everything() == before, "a dry run wrote something"
        again, done = self._asked("change_calendar", told, actor=OPERATOR)
        assert code == again == OK
        assert told_of(seen) == told_of(done), "what was shown is not what was done"
        gone = {slot.id for slot in self._open_slots()}
        self.model.rules = rules
        self._meet_slots()
        self.model.follow(self.now)
        gone -= {slot.id for slot in self._open_slots()}
        mine = {c.id for c in self.model.claims.values() if c.slot in gone and c.lives(self.now)}
        hit = {getattr(one.claim, "hold_id", one.claim.id) for one in done.claims}
        assert mine <= hit, "somebody in a window that closes is not listed"

    def _removable(self) -> list[tuple[RuleKind, str]]:
        return [key for key in sorted(self.model.rules) if key[0] in REMOVED and key[1] != "usual"]

    # Standing slots

    @rule(customer=_CUSTOMERS, which=_ANY)
    def keeps_a_window(self, customer: str, which: int) -> None:
        slot = self._pick(self.slots(), which)
        hours = (slot.window.start.hour, slot.window.end.hour)
        shut = self.model.shut(slot, self.now)
        same = [
            one
            for one in self.model.series.values()
            if (one.customer, one.first.weekday(), one.hours) == (customer, slot.day.weekday(), hours)
        ]
        if shut:
            may = {shut}
        elif not any(self.model.serves(pool, slot) for pool in self.model.inside(slot)):
            may = {"BASKET_TOO_LARGE"}
        else:
            may = {"ALREADY_STANDING"} if any(not one.ended for one in same) else {OK}
        told = {**self._wanted(customer, 0), "slot_id": slot.id}
        made = self._keyed("create", told, may)[1]
        if made is not None:
            self.model.series[made.row.id] = Series(made.row.id, customer, slot.day, hours)
            self.step = ("book", made.row.id, None)

    @precondition(lambda self: self.model.series)
    @rule(which=_ANY, when=_ANY)
    def skips_a_week(self, which: int, when: int) -> None:
        series, day = self._a_week(which, when)
        state = self._state(series, day)
        may = {"OCCURRENCE_ENDED"} if state == "RELEASED" else {OK}
        if self._done(
            "skip", {"standing_id": series.id, "day": day}, self._locked(series, day, state) or may
        ):
            self.step = ("skip", series.id, day)
            self._let_go(series, [day])

    @precondition(lambda self: self.model.series)
    @rule(which=_ANY, when=_ANY, where=_ANY)
    def moves_a_week(self, which: int, when: int, where: int) -> None:
        series, day = self._a_week(which, when)
        near = [slot for slot in self.slots() if slot.day.isocalendar()[:2] == day.isocalendar()[:2]]
        slot = self._pick(near if where % 8 else self.slots(), where)
        may = self._locked(series, day, self._state(series, day)) or self._may_move_week(series, day, slot)
        told = {"standing_id": series.id, "day": day, "slot_id": slot.id}
        if self._keyed("move", told, may)[1] is not None:
            self.step = ("move", series.id, day)
            self._let_go(series, [day])

    @precondition(lambda self: self.model.series)
    @rule(which=_ANY, first=_DAYS, last=st.one_of(st.none(), _DAYS))
    def pauses(self, which: int, first: date, last: date | None) -> None:
        series = self._a_series(which)
        may = {"STANDING_SLOT_ENDED"} if series.ended else {OK}
        if last is not None and last < first:
            may = {"INVALID_PAUSE"}
        if self._done("pause", {"standing_id": series.id, "first": first, "last": last}, may):
            series.pause = (first, last)
            self.step = ("pause", series.id, None)
            coming = [d for d in series.weeks if d >= today(self.now) and series.rests(d)]
            self._let_go(series, coming)

    @precondition(lambda self: self.model.series)
    @rule(which=_ANY)
    def resumes(self, which: int) -> None:
        series = self._a_series(which)
        may = {"STANDING_SLOT_ENDED"} if series.ended else {OK}
        if self._keyed("resume", {"standing_id": series.id}, may)[1] is not None:
            series.pause = None
            self.step = ("book", series.id, None)

    @precondition(lambda self: self.model.series)
    @rule(which=_ANY)
    def ends_it(self, which: int) -> None:
        series = self.model.series[self._pick(sorted(self.model.series), which)]
        if self._done("end", {"standing_id": series.id}, {OK}):
            series.ended = True
            self.step = ("end", series.id, None)
            self._let_go(series, list(series.weeks))

    @precondition(lambda self: any(one.weeks for one in self.model.series.values()))
    @rule(which=_ANY)
    def orders_for_a_week(self, which: int) -> None:
        held = sorted(
            week.hold for one in self.model.series.values() for week in one.weeks.values() if week.hold
        )
        if held:
            self._confirm(self._pick(held, which))

    @rule()
    def the_worker_goes_its_round(self) -> None:
        for hold_id in self.model.closed_holds(self.now):
            self.model.change(hold_id, released=True)
        self.step = ("book", None, None)
        with self.conn.begin_nested():
            tend(self.conn, now=self.now, verbs=self.verbs)
        self._meet()
        self._everybody_wastold_of()

    @rule()
    def the_worker_serves_who_waits(self) -> None:
        """After it nobody waits for a window that could be theirs, whatever opened it."""
        with self.conn.begin_nested():
            reclaim(self.conn, now=self.now)
            serve_waiting(self.conn, now=self.now, verbs=self.verbs)
        self._meet()
        assert self._waits_in_vain() == []

    # The clock, and answers that were lost

    @rule(hours=st.sampled_from((1, 3, 24)))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def sweeps(self) -> None:
        with self.conn.begin_nested():
            reclaim(self.conn, now=self.now)

    @precondition(lambda self: self.answered)
    @rule(which=_ANY)
    def repeats_a_request(self, which: int) -> None:
        """The same key gets the same answer, and nothing happens twice."""
        name, told, code, answer = self._pick(self.answered, which)
        before = self._everything()
        again, same = self._asked(
            name, told, actor=OPERATOR if "capacity" in name or "lift" in name else None
        )
        assert (again, plain(same)) == (code, answer), f"{name} has two answers"
        assert self._everything() == before, f"{name} did something twice"


def weeks_on(engine: Engine, fortnight: Fortnight, **verbs: Any) -> type[Weeks]:
    """The machine on a database where the fortnight has been committed."""
    told = {"engine": engine, "fortnight": fortnight, "verbs": Verbs(**verbs)}
    return type("WeeksHere", (Weeks,), told)
