"""What orders need of their vehicle: from bookings to the plan, its roster and its certificate."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from app.allocation.needs import unable
from app.database.runner import Database
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.values.actor import Role
from app.worker.plan import plan
from tests.allocation.test_plan import DAY, QUICK, loaded
from tests.allocation.towns import town
from tests.api import KEY, Api, client_on

DESK = "key-of-the-desk"
OFFERS = """query ($address: AddressInput!, $basket: BasketInput) {
  slotAvailability(address: $address, basket: $basket) { days { offers { slot { id } available } } } }"""
HOLD = "mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { hold { id } userErrors { code } } }"
CONFIRM = """mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) {
  booking { id } userErrors { code } } }"""
PLANNED = """query ($day: Date!) { allocationRun { bindingLimits { limit unit zone worth { amount } } }
  roster(date: $day) { fleets { vehicleKind shifts { vehicles } } } }"""


def test_fleets_are_told_apart_by_what_they_lack_alone_and_together() -> None:
    problem = town(1)
    van, bike = problem.fleets
    tall, strong = ("TAIL_LIFT",), ("TWO_PEOPLE",)
    fleets = (replace(van, skills=tall), replace(bike, skills=strong), replace(bike, skills=()))
    found = unable(replace(problem, fleets=fleets, needs=((tall, 1_000), (strong, 500))))
    told = {tuple(sorted(one.fleets)): (one.words, round(one.share, 4)) for one in found}
    assert told == {
        (2,): ("tail lift, two people", 0.85),
        (1, 2): ("tail lift", 0.9),
        (0, 2): ("two people", 0.95),
    }
    assert unable(replace(problem, fleets=fleets)) == []


def booked(shop: Api, number: int) -> None:
    """A washing machine to an address of the demo city, in whatever window is open."""
    address = {"postal": {"line1": "Rua das Flores 12", "countryCode": "PT"}}
    basket = {"weightGrams": 40_000, "ambientMillilitres": 300_000, "traits": ["BULKY"]}
    days = shop.data(OFFERS, address=address, basket=basket)["slotAvailability"]["days"]
    slot = next(o["slot"]["id"] for day in days for o in day["offers"] if o["available"])
    told: dict[str, Any] = {
        "slotId": slot,
        "address": address,
        "basket": basket,
        "customer": {"reference": f"c{number}", "name": "Ana", "email": f"c{number}@example.com"},
        "idempotencyKey": f"hold-{number}",
    }
    held = shop.data(HOLD, input=told)["holdSlot"]
    assert held["userErrors"] == []
    order = {"holdId": held["hold"]["id"], "orderReference": f"o{number}", "idempotencyKey": f"c-{number}"}
    assert shop.data(CONFIRM, input=order)["confirmBooking"]["userErrors"] == []


def test_what_was_booked_decides_how_many_vehicles_with_a_skill_are_planned(db: Database) -> None:
    loaded(db)

    def keys(conn: Connection, now: Any) -> None:
        shop = storefront_by_key(conn, "mercearia").id
        for key, role in ((KEY, Role.STOREFRONT), (DESK, Role.OPERATOR)):
            issue_key(conn, now=now, storefront_id=shop, key=key, name="x", role=role)

    db.write_now(keys)
    following = DAY + timedelta(days=1)

    def planned(desk: Api) -> tuple[int, set[str]]:
        plan(db, trigger="test", first=DAY, days=2, limits=QUICK)
        seen = desk.data(PLANNED, day=following.isoformat())
        vans = sum(
            shift["vehicles"]
            for fleet in seen["roster"]["fleets"]
            for shift in fleet["shifts"]
            if "VAN" in fleet["vehicleKind"]
        )
        return vans, {limit["limit"] for limit in seen["allocationRun"]["bindingLimits"]}

    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=DESK)
        few, limits = planned(desk)
        assert not any("large items" in limit for limit in limits)
        for number in range(25):
            booked(shop, number)
        # A fifth of what is known of needs what only vans can take.
        many, limits = planned(desk)
        assert many >= few + 4
        assert "vehicles for orders that need large items" in limits
