"""Disruptions that overlap may end in any order: pools and tours count on what is left, and at last on all."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from app.database.runner import Database
from schema.ids import to_global
from tests.api import Api, client_on
from tests.conftest import Clock
from tests.factories import Shop
from tests.journeys.broken import END, OPERATOR, REPORT, told
from tests.journeys.test_outages import AT, TODAY, in_force, out_on, planned_city, sold

CHANGE = """mutation ($input: ChangeCapacityInput!) { changeCapacity(input: $input) {
  override { id vehiclesOut } userErrors { code message } } }"""
LIFT = """mutation ($input: LiftCapacityOverrideInput!) { liftCapacityOverride(input: $input) {
  userErrors { code message } } }"""
POOLS = """query ($day: Date!) { capacityPools(from: $day, to: $day, first: 50) { nodes {
  sell { orders } planned { orders } overrides { vehiclesOut percentOfPlan reason } } } }"""
UNTIL = (AT + timedelta(hours=9)).isoformat()


def reported(desk: Api, kind: str, **which: Any) -> str:
    done = desk.data(REPORT, input=told(kind, AT, **{"endsAt": UNTIL, **which}))["reportDisruption"]
    assert done["userErrors"] == []
    return str(done["disruption"]["id"])


def ended(desk: Api, disruption: str) -> None:
    what = {"disruptionId": disruption, "reason": "mended", "idempotencyKey": f"end {disruption}"}
    assert desk.data(END, input=what)["endDisruption"]["userErrors"] == []


def shares(desk: Api) -> list[tuple[int, int]]:
    """What each pool of the evening sells, and what the plan would."""
    nodes = desk.data(POOLS, day=TODAY.isoformat())["capacityPools"]["nodes"]
    return [(one["sell"]["orders"], one["planned"]["orders"]) for one in nodes]


def left(whole: list[tuple[int, int]], vehicles: int) -> list[tuple[int, int]]:
    """The same pools while so many of the three bikes are there, rounded down."""
    return [(planned * vehicles // 3, planned) for _, planned in whole]


ORDERS = list(permutations(("one", "another", "whichever")))


@pytest.mark.parametrize("order", ORDERS, ids=["-".join(order) for order in ORDERS])
def test_vehicles_that_are_out_together_come_back_in_any_order(
    db: Database, clock: Clock, order: tuple[str, ...]
) -> None:
    shop: Shop = planned_city(db)
    clock.set(AT)
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        whole = shares(desk)
        assert whole
        assert all(sell == planned > 0 for sell, planned in whole)
        node = to_global("FulfilmentNode", shop.node_id)
        noted = {
            "one": reported(desk, "VEHICLE", vehicleName="bike 0"),
            "another": reported(desk, "VEHICLE", vehicleName="bike 1"),
        }
        assert shares(desk) == left(whole, 1)
        # A courier of whichever bike: now nobody is left, and nothing is sold.
        noted["whichever"] = reported(desk, "COURIER", nodeId=node, vehicleKind="CARGO_BIKE")
        assert shares(desk) == left(whole, 0)
        assert out_on(db, shop)[0][2] == 0
        for back, name in enumerate(order, start=1):
            clock.forward(timedelta(minutes=1))
            ended(desk, noted[name])
            assert shares(desk) == left(whole, back)
            assert out_on(db, shop)[0][2] == back
        assert (shares(desk), in_force(db)) == (whole, [])


@pytest.mark.parametrize("first", ["node", "vehicle", "courier"])
def test_a_node_that_fails_over_a_vehicle_that_is_out_leaves_it_out_and_nothing_else(
    db: Database, clock: Clock, first: str
) -> None:
    shop = planned_city(db)
    clock.set(AT)
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        whole = shares(desk)
        # The same bike, reported as broken and as without its courier, is one bike.
        noted = {
            "vehicle": reported(desk, "VEHICLE", vehicleName="bike 0"),
            "courier": reported(desk, "COURIER", vehicleName="bike 0"),
        }
        assert (shares(desk), out_on(db, shop)[0][2]) == (left(whole, 2), 2)
        noted["node"] = reported(desk, "NODE", nodeId=to_global("FulfilmentNode", shop.node_id))
        assert (shares(desk), out_on(db, shop)[0][2]) == (left(whole, 0), 0)
        ended(desk, noted.pop(first))
        bikes = 2 if first == "node" else 0
        assert (shares(desk), out_on(db, shop)[0][2]) == (left(whole, bikes), bikes)
        for disruption in noted.values():
            ended(desk, disruption)
        assert (shares(desk), in_force(db), out_on(db, shop)[0][2]) == (whole, [], 3)


@pytest.mark.parametrize("lifted_first", [True, False], ids=["lifted first", "ended first"])
def test_what_an_operator_said_before_is_shared_out_and_comes_back_whole(
    db: Database, clock: Clock, lifted_first: bool
) -> None:
    planned_city(db)
    clock.set(AT)
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        whole, all_of_it = shares(desk), sold(db)
        half = {
            "pools": {"pools": {"day": TODAY.isoformat()}},
            "change": {"percentOfPlan": 50},
            "reason": "rain",
            "idempotencyKey": "half",
        }
        said = desk.data(CHANGE, input=half)["changeCapacity"]
        assert said["userErrors"] == []
        halved = shares(desk)
        assert halved == [(planned * 5_000 // 10_000, planned) for _, planned in whole]
        bike = reported(desk, "VEHICLE", vehicleName="bike 2")
        assert shares(desk) == [(sell * 2 // 3, planned) for sell, planned in halved]
        seen = desk.data(POOLS, day=TODAY.isoformat())["capacityPools"]["nodes"][0]["overrides"]
        assert seen == [
            {"vehiclesOut": 1, "percentOfPlan": None, "reason": "It broke down"},
            {"vehiclesOut": None, "percentOfPlan": 50, "reason": "rain"},
        ]
        lift = {
            "overrideId": said["override"]["id"],
            "reason": "dry",
            "choice": "KEEP_OVERBOOKED",
            "idempotencyKey": "lift",
        }
        if lifted_first:
            assert desk.data(LIFT, input=lift)["liftCapacityOverride"]["userErrors"] == []
            assert shares(desk) == left(whole, 2)
            ended(desk, bike)
        else:
            ended(desk, bike)
            assert shares(desk) == halved
            assert desk.data(LIFT, input=lift)["liftCapacityOverride"]["userErrors"] == []
        assert (shares(desk), sold(db), in_force(db)) == (whole, all_of_it, [])
