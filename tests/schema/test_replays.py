"""One key, one answer: a day later, whatever has happened since, every field of it is as it was."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from graphql import get_named_type
from sqlalchemy import Connection

from app.booking.reclaim import reclaim
from app.database.runner import Database
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.load import DIMENSIONS, Load
from schema.root import schema
from tests.api import Api, worked, world_on
from tests.conftest import Clock
from tests.factories import ROOM, evening, make_fee_rule, make_pools, pool_plan
from tests.schema.conftest import Opened
from tests.schema.test_journey import ADDRESS, hold_input, offers
from tests.schema.whole import mutation

type Asked = list[tuple[Api, str, dict[str, Any], Any]]


class Memory:
    """What was asked and answered, to be asked again."""

    def __init__(self) -> None:
        self.asked: Asked = []

    def ask(self, api: Api, name: str, **told: Any) -> Any:
        """Ask for everything that a mutation can answer, with a key of its own."""
        told = {"idempotencyKey": f"{name}-{len(self.asked)}", **told}
        answer = api.data(mutation(name), input=told)[name]
        self.asked.append((api, name, told, answer))
        return answer

    def different(self) -> list[str]:
        """The mutations that answer otherwise now."""
        changed = []
        for api, name, told, answer in self.asked:
            again = api.data(mutation(name), input=told)[name]
            changed += [f"{name}{path}" for path in _different(answer, again)]
        return changed


def _different(before: Any, after: Any, path: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        return [p for key in before for p in _different(before[key], after.get(key), f"{path}.{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [
            p
            for place, (one, other) in enumerate(zip(before, after, strict=True))
            for p in _different(one, other, f"{path}.{place}")
        ]
    return [] if before == after else [f"{path}: {before!r:.80} -> {after!r:.80}"]


@pytest.fixture
def operator(db: Database, api: Api, opened: Opened) -> Api:
    def work(conn: Connection, now: Any) -> None:
        shop = opened.shop.actor.storefront_id
        issue_key(conn, now=now, storefront_id=shop, key="op", name="operations", role=Role.OPERATOR)

    db.write_now(work)
    return Api(api.client, "op")


def rooms(db: Database, opened: Opened, orders: int, *, later: int = 0) -> None:
    """The evening's first hour has room for so many drops, and its second and third for others."""
    plans = [
        pool_plan(
            opened.shop,
            evening(start=start, end=start + 1),
            sell=Load(count, *(getattr(ROOM, d) for d in DIMENSIONS[1:])),
        )
        for start, count in ((18, orders), (19, later), (20, later))
        if count
    ]
    db.write_now(lambda c, n: make_pools(c, *plans, now=n))


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currencyCode": "EUR"}


def who(name: str) -> dict[str, Any]:
    return {"reference": name, "name": name, "email": f"{name}@example.com"}


# Asked twice where a vehicle breaks down, which takes an evening of its own: tests/journeys/test_breakdown.py.
ELSEWHERE = {"reportDisruption", "chooseWindow", "endDisruption"}


def test_every_keyed_answer_is_the_same_a_day_later(
    api: Api, operator: Api, db: Database, opened: Opened, clock: Clock
) -> None:
    memory = Memory()
    rooms(db, opened, 4, later=3)
    first, wide, late = (offer["slot"]["id"] for offer in offers(api))
    one_shopper(memory, api, clock, first, late)
    others(memory, api, first, wide, late)
    pools = {"pools": {"day": "2026-11-25"}}
    lowered = {"change": {"percentOfPlan": 20}, "choice": "START_REPROMISE", "reason": "rain"}
    changed = memory.ask(operator, "changeCapacity", pools=pools, **lowered)
    assert changed["userErrors"] == []
    override = changed["override"]["id"]
    memory.ask(operator, "liftCapacityOverride", overrideId=override, reason="dry", choice="KEEP_OVERBOOKED")

    # A day goes by: prices change, what was held ends, everything is taken by others.
    shop = opened.shop.actor.storefront_id
    clock.forward(timedelta(hours=2))
    db.write_now(lambda c, n: make_fee_rule(c, storefront_id=shop, valid_from=n, base_minor=900))
    db.write_now(lambda c, n: reclaim(c, now=n))
    worked(world_on(db))
    clock.forward(timedelta(hours=21))
    db.write_now(lambda c, n: reclaim(c, now=n))
    rooms(db, opened, 1)
    worked(world_on(db))
    different = memory.different()
    assert not different, "\n".join(different)
    assert {name for _, name, _, _ in memory.asked} == keyed() - ELSEWHERE


def keyed() -> set[str]:
    """The mutations that take a key."""
    root = schema._schema.mutation_type
    assert root
    inputs = {name: get_named_type(field.args["input"].type) for name, field in root.fields.items()}
    return {name for name, told in inputs.items() if "idempotencyKey" in told.fields}


def one_shopper(memory: Memory, api: Api, clock: Clock, first: str, late: str) -> None:
    """Holds, changes, pays, books, moves and cancels."""
    held = memory.ask(api, "holdSlot", **hold_input(api, slotId=first, idempotencyKey="h"))["hold"]
    grown = {"ambientMillilitres": 40_000}
    memory.ask(api, "updateHold", holdId=held["id"], basket=grown)
    clock.forward(timedelta(seconds=1))
    memory.ask(api, "applyPromotion", holdId=held["id"], code="bemvindo")
    clock.forward(timedelta(minutes=52))
    memory.ask(api, "beginCheckout", holdId=held["id"])
    clock.forward(timedelta(seconds=1))
    booking = memory.ask(api, "confirmBooking", holdId=held["id"], orderReference="o-1")["booking"]
    clock.forward(timedelta(seconds=1))
    moved = memory.ask(api, "rescheduleBooking", bookingId=booking["id"], slotId=late)
    assert moved["userErrors"] == []
    assert memory.ask(api, "keepBookingWeekly", bookingId=booking["id"])["userErrors"] == []
    clock.forward(timedelta(seconds=1))
    assert memory.ask(api, "cancelBooking", bookingId=booking["id"])["userErrors"] == []


def others(memory: Memory, api: Api, first: str, wide: str, late: str) -> None:
    """Are flexible, wait, are in conflict, are refused, have a pass, keep a window every week."""
    rui = {"address": ADDRESS, "customer": who("rui")}
    several = {**rui, "slotIds": [first, wide]}
    assert memory.ask(api, "holdFlexibleSlot", **several, cartReference="f")["hold"]
    joined = memory.ask(api, "joinWaitlist", **{**rui, "customer": who("zoe"), "slotIds": [first]})
    assert joined["entry"]["offer"], "there was room, so the offer came at once"

    # In conflict, with what can be had instead; refused, with what can be had instead.
    eva = memory.ask(api, "holdSlot", **{**rui, "customer": who("eva"), "slotId": first})["hold"]
    wine = {"traits": ["BULKY"]}
    memory.ask(api, "updateHold", holdId=eva["id"], basket=wine)
    memory.ask(api, "holdSlot", **{**rui, "customer": who("ivo"), "slotId": first})
    refused = memory.ask(api, "holdSlot", **{**rui, "customer": who("uma"), "slotId": first})
    assert [e["code"] for e in refused["userErrors"]] == ["SLOT_FULL"]
    assert refused["alternatives"], "it names other windows"
    waiting = memory.ask(api, "joinWaitlist", **{**rui, "customer": who("uma"), "slotIds": [first]})
    assert waiting["entry"]["status"] == "WAITING"

    terms = {"label": "Pass", "validFrom": "2026-11-01T00:00:00Z", "validUntil": "2027-11-01T00:00:00Z"}
    memory.ask(api, "grantDeliveryPass", customer=who("ana"), covers=euros("3.00"), **terms)
    standing = memory.ask(api, "createStandingSlot", **{**rui, "customer": who("ida"), "slotId": late})
    assert standing["userErrors"] == []
    series = {"standingSlotId": standing["standingSlot"]["id"]}
    day = standing["standingSlot"]["occurrences"][0]["day"]
    assert memory.ask(api, "moveStandingOccurrence", **series, day=day, slotId=wide)["userErrors"] == []
    assert memory.ask(api, "resumeStandingSlot", **series)["userErrors"] == []
