"""The plan over the API: what it changed, who works when, how full the zones are; for operators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.database.runner import Database
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from schema.ids import to_global
from tests.allocation.by_hand import FIRST, Evening, Town, make_town, publish_days
from tests.api import KEY, Api, client_on
from tests.conftest import Clock
from tests.factories import NOW

CHANGES = """query ($run: ID, $day: Date) { planChanges(runId: $run, date: $day) {
  run { id trigger } before { id trigger }
  difference { contribution { amount currencyCode } newDays
    pools { kind date window { startsAt } nodeId vehicleClassId vehiclesBefore vehiclesAfter ordersBefore
      ordersAfter zonesGained zonesLost }
    zones { kind date window { startsAt } zoneId dropsBefore dropsAfter poolsBefore poolsAfter }
    shifts { date window { startsAt endsAt } nodeId vehicleClassId vehiclesBefore vehiclesAfter driverHours
      cost { amount } }
    days { date ordersBefore ordersAfter takenBefore takenAfter contributionBefore { amount }
      contributionAfter { amount } margin { amount } contribution { amount } whole } } } }"""
ROSTER = """query ($day: Date!) { roster(date: $day) { date
  fleets { nodeId vehicleClass vehicleKind vehicles inService onRoad driverHours
    shifts { vehicles driverHours window { startsAt endsAt } } }
  weeks { nodeId monday rosteredHours availableHours } } }"""
FILLS = """query ($day: Date!, $node: ID, $class: ID) {
  zoneFills(date: $day, nodeId: $node, vehicleClassId: $class) { zone { id name } window { startsAt timeZone }
    pools { id vehicles } bookedHere heldHere sell { orders } bookedInAll { orders } heldInAll { orders }
    leftOrders share tightest } }"""


@pytest.fixture
def town(db: Database, clock: Clock) -> Town:
    made = db.write_now(lambda c, _: make_town(c))

    def keys(conn: Any, _now: object) -> None:
        told: dict[str, Any] = {"now": NOW, "storefront_id": made.shop.actor.storefront_id}
        issue_key(conn, **told, key=KEY, name="shop", role=Role.STOREFRONT)
        issue_key(conn, **told, key="olga-key", name="Olga", role=Role.OPERATOR)

    db.write_now(keys)
    publish_days(db, made)
    clock.forward(timedelta(hours=1))
    tomorrow = FIRST + timedelta(days=1)
    publish_days(
        db, made, {FIRST: Evening(bikes=3, early=(6.0, 0.0)), tomorrow: Evening()}, trigger="calendar"
    )
    return made


@pytest.fixture
def olga(db: Database, town: Town) -> Iterator[Api]:
    assert town.near != town.far
    with client_on(db) as client:
        yield Api(client, "olga-key")


def test_an_operator_asks_what_a_plan_changed(olga: Api, town: Town) -> None:
    found = olga.data(CHANGES)["planChanges"]
    assert (found["run"]["trigger"], found["before"]["trigger"]) == ("calendar", "night")
    difference = found["difference"]
    assert difference["contribution"] == {"amount": "-60.00", "currencyCode": "EUR"}
    early, late = difference["pools"]
    assert (early["kind"], early["vehiclesBefore"], early["vehiclesAfter"]) == ("GROWN", 2, 3)
    assert (early["zonesLost"], late["zonesLost"]) == ([to_global("ServiceZone", town.far)], [])
    gone = next(one for one in difference["zones"] if one["kind"] == "CLOSED")
    assert (gone["zoneId"], gone["dropsBefore"], gone["poolsAfter"]) == (early["zonesLost"][0], 2, 0)
    (shift,) = difference["shifts"]
    assert (shift["vehiclesBefore"], shift["vehiclesAfter"], shift["cost"]["amount"]) == (2, 3, "60.00")
    assert [(day["takenAfter"], day["whole"]) for day in difference["days"]] == [(0, True)] * 2
    quiet = olga.data(CHANGES, day=(FIRST + timedelta(days=1)).isoformat())["planChanges"]["difference"]
    assert (quiet["pools"], quiet["zones"], len(quiet["days"])) == ([], [], 1)
    # The first plan of all changed nothing: there was none before it.
    assert olga.data(CHANGES, run=found["before"]["id"])["planChanges"] is None


def test_an_operator_asks_who_works_and_how_full_zones_are(olga: Api, town: Town) -> None:
    roster = olga.data(ROSTER, day=FIRST.isoformat())["roster"]
    (fleet,) = roster["fleets"]
    assert (fleet["inService"], fleet["onRoad"], fleet["driverHours"]) == (3, 3, 9.0)
    assert [(one["vehicles"], one["driverHours"]) for one in fleet["shifts"]] == [(3, 9.0)]
    (week,) = roster["weeks"]
    assert (week["rosteredHours"], week["availableHours"]) == (15.0, 400)
    only = {"node": fleet["nodeId"], "class": to_global("VehicleClass", town.shop.class_id)}
    fills = olga.data(FILLS, day=FIRST.isoformat(), **only)["zoneFills"]
    assert [(len(one["pools"]), one["share"]) for one in fills] == [(1, 0.0), (0, None), (1, 0.0), (1, 0.0)]
    assert fills[0]["leftOrders"] == fills[0]["sell"]["orders"] > 0
    assert fills[0]["window"]["timeZone"] == "Europe/Lisbon"


def test_only_operators_may_ask(olga: Api) -> None:
    shop = Api(olga.client, KEY)
    for query in (CHANGES, ROSTER, FILLS):
        assert shop.codes(query, day=FIRST.isoformat()) == ["OPERATORS_ONLY"]
        assert olga.send(query, day=FIRST.isoformat()).get("errors") is None
