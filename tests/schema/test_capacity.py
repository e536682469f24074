"""An operator's work on capacity through the API: pools, the ledger, changes and proposals."""

from typing import Any

import pytest

from app.database.runner import Database
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.ids import new_id
from schema.ids import to_global
from tests.api import Api
from tests.factories import NOW
from tests.ledger import assert_ledger_equals_counters
from tests.schema.conftest import Opened

DAY = "2026-11-25"
POOLS = """
query ($day: Date!, $zone: ID, $first: Int, $after: String, $last: Int, $before: String) {
  capacityPools(from: $day, zoneId: $zone, first: $first, after: $after, last: $last, before: $before) {
    nodes { id nodeId node day vehicleKind vehicleClass vehicles window { startsAt endsAt timeZone }
      cap { orders } sell { orders workSeconds } planned { orders } held { orders } booked { orders workSeconds }
      override { id percentOfPlan sellOrders reason actor } }
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
LEDGER = """
query ($pool: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  capacityLedger(poolId: $pool, first: $first, after: $after, last: $last, before: $before) {
    nodes { number kind at actor reason reference changes { counter dimension before after } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
PREVIEW = """
query ($input: PreviewCapacityChangeInput!) {
  previewCapacityChange(input: $input) {
    overcommitment userErrors { code field message }
    pools { pool { id sell { orders } } before { orders } after { orders } overcommitment
      overcommitted { ... on SlotHold { id status } ... on DeliveryBooking { id code } } }
  }
}"""
CHANGE = """
mutation ($input: ChangeCapacityInput!) {
  changeCapacity(input: $input) {
    override { id reason actor sellOrders percentOfPlan poolId }
    pools { pool { id sell { orders } } before { orders } after { orders } overcommitment }
    overcommitment
    proposals { id state reason actor booking { id code promise { window { startsAt } } } alternatives { id } }
    userErrors { code field message }
  }
}"""
LIFT = """
mutation ($input: LiftCapacityOverrideInput!) {
  liftCapacityOverride(input: $input) {
    override { id liftedBy liftReason } pools { after { orders } } userErrors { code }
  }
}"""
PROPOSALS = """
query ($state: RepromiseState) {
  repromiseProposals(state: $state, first: 10) { nodes { id state booking { id } alternatives { id } } }
}"""
HOLD = "mutation ($input: HoldSlotInput!) { holdSlot(input: $input) { hold { id } userErrors { code } } }"
CONFIRM = """
mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) { booking { id } userErrors { code } } }"""
SLOTS = """
query ($point: PointInput!) { slotAvailability(address: {point: $point}, from: "2026-11-25", to: "2026-11-25") {
  days { offers { slot { id window { startsAt } } available } } } }"""


@pytest.fixture
def operator(db: Database, opened: Opened, api: Api) -> Api:
    def work(conn: Any, _now: object) -> None:
        storefront = opened.shop.actor.storefront_id
        issue_key(conn, now=NOW, storefront_id=storefront, key="olga-key", name="Olga", role=Role.OPERATOR)

    db.write_now(work)
    return Api(api.client, "olga-key")


def slot_id(api: Api, opened: Opened) -> str:
    point = {"latitude": opened.shop.point.latitude, "longitude": opened.shop.point.longitude}
    offers = api.data(SLOTS, point=point)["slotAvailability"]["days"][0]["offers"]
    return str(next(one["slot"]["id"] for one in offers if one["available"]))


def booked(api: Api, opened: Opened, count: int, held: int = 0) -> tuple[list[str], list[str]]:
    """So many bookings and holds through the API; their ids."""
    slot = slot_id(api, opened)
    bookings, holds = [], []
    for number in range(count + held):
        told = {
            "slotId": slot,
            "address": {"id": opened.address_id},
            "customer": {"reference": f"c{number}"},
            "idempotencyKey": new_id(),
        }
        told["address"] = {
            "point": {"latitude": opened.shop.point.latitude, "longitude": opened.shop.point.longitude}
        }
        made = api.data(HOLD, input=told)["holdSlot"]["hold"]["id"]
        if number < count:
            order = {"holdId": made, "orderReference": f"o{number}", "idempotencyKey": new_id()}
            bookings.append(api.data(CONFIRM, input=order)["confirmBooking"]["booking"]["id"])
        else:
            holds.append(made)
    return bookings, holds


def pool(operator: Api) -> Any:
    return operator.data(POOLS, day=DAY, first=10)["capacityPools"]["nodes"][0]


def test_every_pool_shows_what_it_can_do_sells_and_has_taken(operator: Api, api: Api, opened: Opened) -> None:
    booked(api, opened, 2, held=1)
    page = operator.data(POOLS, day=DAY, zone=None, first=10)["capacityPools"]
    (one,) = page["nodes"]

    assert (one["cap"]["orders"], one["sell"]["orders"], one["planned"]["orders"]) == (10, 10, 10)
    assert (one["held"]["orders"], one["booked"]["orders"]) == (1, 2)
    assert one["window"] == {
        "startsAt": "2026-11-25T18:00:00+00:00",
        "endsAt": "2026-11-25T19:00:00+00:00",
        "timeZone": "Europe/Lisbon",
    }
    assert (one["vehicleKind"], one["override"]) == ("CARGO_BIKE", None)
    assert page["pageInfo"] == {
        "hasNextPage": False,
        "hasPreviousPage": False,
        "startCursor": one["id"],
        "endCursor": one["id"],
    }
    again = operator.data(POOLS, day=DAY, first=10, after=one["id"])["capacityPools"]["nodes"]
    assert again == []
    assert operator.data("query ($id: ID!) { node(id: $id) { id } }", id=one["id"])["node"]["id"] == one["id"]


def test_the_ledger_explains_every_unit_who_when_why_before_and_after(
    operator: Api, api: Api, opened: Opened
) -> None:
    bookings, holds = booked(api, opened, 1, held=1)
    pool_id = pool(operator)["id"]
    lines = operator.data(LEDGER, pool=pool_id, first=10)["capacityLedger"]["nodes"]

    assert [(line["number"], line["kind"]) for line in lines] == [
        (1, "ADJUSTMENT"),
        (2, "HOLD"),
        (3, "BOOKING"),
        (4, "HOLD"),
    ]
    assert [line["actor"] for line in lines] == ["test", "first", "first", "first"]
    assert {"counter": "SELL", "dimension": "ORDERS", "before": 0, "after": 10} in lines[0]["changes"]
    assert {"counter": "HELD", "dimension": "ORDERS", "before": 0, "after": 1} in lines[1]["changes"]
    assert {"counter": "HELD", "dimension": "ORDERS", "before": 1, "after": 0} in lines[2]["changes"]
    assert {"counter": "BOOKED", "dimension": "ORDERS", "before": 0, "after": 1} in lines[2]["changes"]
    assert lines[2]["reference"] == bookings[0]
    assert lines[3]["reference"] == holds[0]
    assert lines[3]["at"] == NOW.isoformat()


def test_the_ledger_is_paged_by_the_numbers_of_its_entries(operator: Api, api: Api, opened: Opened) -> None:
    booked(api, opened, 2)
    pool_id = pool(operator)["id"]
    first = operator.data(LEDGER, pool=pool_id, first=2)["capacityLedger"]
    rest = operator.data(LEDGER, pool=pool_id, first=9, after=first["pageInfo"]["endCursor"])[
        "capacityLedger"
    ]
    newest = operator.data(LEDGER, pool=pool_id, last=2)["capacityLedger"]
    earlier = operator.data(LEDGER, pool=pool_id, last=9, before=newest["pageInfo"]["startCursor"])[
        "capacityLedger"
    ]

    assert [line["number"] for line in first["nodes"] + rest["nodes"]] == [1, 2, 3, 4, 5]
    assert [line["number"] for line in earlier["nodes"] + newest["nodes"]] == [1, 2, 3, 4, 5]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)
    assert (newest["pageInfo"]["hasPreviousPage"], earlier["pageInfo"]["hasPreviousPage"]) == (True, False)


def test_capacity_lowered_below_what_is_booked(db: Database, operator: Api, api: Api, opened: Opened) -> None:
    bookings, holds = booked(api, opened, 7, held=1)
    which = {"pools": {"poolId": pool(operator)["id"]}, "change": {"sellOrders": 5}}
    preview = operator.data(PREVIEW, input=which)["previewCapacityChange"]
    assert preview["overcommitment"] == 3
    shown = [claim["id"] for claim in preview["pools"][0]["overcommitted"]]
    assert shown == [holds[0], bookings[6], bookings[5]]
    assert pool(operator)["sell"]["orders"] == 10

    told = {**which, "reason": "two bikes are in repair", "idempotencyKey": "a"}
    refused = operator.data(CHANGE, input=told)["changeCapacity"]
    (error,) = refused["userErrors"]
    assert (error["code"], error["field"], refused["override"]) == (
        "OVERCOMMITTED",
        ["input", "choice"],
        None,
    )
    assert "3 holds and bookings" in error["message"]

    told = {**told, "choice": "START_REPROMISE", "idempotencyKey": "b"}
    done = operator.data(CHANGE, input=told)["changeCapacity"]
    assert done["userErrors"] == []
    assert (done["overcommitment"], done["pools"][0]["after"]["orders"]) == (3, 5)
    assert done["override"]["actor"] == "Olga"
    assert {one["booking"]["id"] for one in done["proposals"]} == {bookings[6], bookings[5]}
    assert operator.data(CHANGE, input=told)["changeCapacity"]["override"]["id"] == done["override"]["id"]

    seen = api.data(PROPOSALS, state="OPEN")["repromiseProposals"]["nodes"]
    assert [one["id"] for one in seen] == [one["id"] for one in done["proposals"]]
    other = Api(api.client, "other-key").data(PROPOSALS)["repromiseProposals"]["nodes"]
    assert other == []
    line = operator.data(LEDGER, pool=which["pools"]["poolId"], last=1)["capacityLedger"]["nodes"][0]
    assert (line["actor"], line["reason"]) == ("Olga", "two bikes are in repair")
    assert line["reference"] == done["override"]["id"]
    assert line["changes"] == [{"counter": "SELL", "dimension": "ORDERS", "before": 10, "after": 5}]

    lift = {"overrideId": done["override"]["id"], "reason": "repaired", "idempotencyKey": "c"}
    lifted = operator.data(LIFT, input=lift)["liftCapacityOverride"]
    assert (lifted["override"]["liftedBy"], lifted["pools"][0]["after"]["orders"]) == ("Olga", 10)
    assert operator.data(LIFT, input={**lift, "idempotencyKey": "d"})["liftCapacityOverride"][
        "userErrors"
    ] == [{"code": "OVERRIDE_NOT_FOUND"}]
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_the_pools_of_a_day_are_closed_at_once(operator: Api) -> None:
    told = {
        "pools": {
            "pools": {"day": DAY, "vehicleKind": "CARGO_BIKE", "startsAt": "2026-11-25T18:00:00+00:00"}
        },
        "change": {"closed": True},
        "reason": "storm",
        "idempotencyKey": "a",
    }
    done = operator.data(CHANGE, input=told)["changeCapacity"]
    assert (done["override"]["percentOfPlan"], done["pools"][0]["after"]["orders"]) == (0, 0)
    assert pool(operator)["override"]["reason"] == "storm"
    overrides = operator.data(
        '{ capacityOverrides(from: "2026-11-25") { reason vehicleKind startsAt liftedAt } }'
    )["capacityOverrides"]
    assert [one["reason"] for one in overrides] == ["storm"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sellOrders": -1}, "INVALID_CHANGE"),
        ({"percentOfPlan": 1001}, "INVALID_CHANGE"),
        ({"closed": False}, "INVALID_CHANGE"),
    ],
)
def test_a_change_that_means_nothing_is_a_user_error(
    operator: Api, change: dict[str, Any], code: str
) -> None:
    which = {"pools": {"pools": {"day": DAY}}, "change": change}
    told = {**which, "reason": "r", "idempotencyKey": "a"}
    assert operator.data(CHANGE, input=told)["changeCapacity"]["userErrors"][0]["code"] == code
    assert operator.data(PREVIEW, input=which)["previewCapacityChange"]["userErrors"][0]["code"] == code


def test_a_storefront_may_not_look_or_change(api: Api, operator: Api) -> None:
    pool_id = pool(operator)["id"]
    which = {"pools": {"poolId": pool_id}, "change": {"closed": True}}
    told = {**which, "reason": "r", "idempotencyKey": "a"}
    assert api.codes(POOLS, day=DAY, first=1) == ["OPERATORS_ONLY"]
    assert api.codes(LEDGER, pool=pool_id, first=1) == ["OPERATORS_ONLY"]
    assert api.codes('{ capacityOverrides(from: "2026-11-25") { id } }') == ["OPERATORS_ONLY"]
    override = to_global("CapacityOverride", "x")
    lift = {"overrideId": override, "reason": "r", "idempotencyKey": "a"}
    answers = [
        api.data(PREVIEW, input=which)["previewCapacityChange"],
        api.data(CHANGE, input=told)["changeCapacity"],
        api.data(LIFT, input=lift)["liftCapacityOverride"],
    ]
    assert [answer["userErrors"][0]["code"] for answer in answers] == ["OPERATORS_ONLY"] * 3
    assert pool(operator)["sell"]["orders"] == 10
    assert api.data("query ($id: ID!) { node(id: $id) { id } }", id=pool_id)["node"] is None


QUOTA = """
mutation ($input: UpsertProtectedQuotaInput!) {
  upsertProtectedQuota(input: $input) {
    quota { id key audience orders percent weekdays releaseMinutesBeforeCutoff releaseDaysBefore releaseAtLocal actor }
    kept { pools orders missing } userErrors { code message }
  }
}"""
PREVIEW_QUOTA = """
query ($quota: ProtectedQuotaInput!) {
  previewProtectedQuota(quota: $quota) { kept { pools orders missing } userErrors { code } } }"""
DROP_QUOTA = """
mutation ($input: DeleteProtectedQuotaInput!) {
  deleteProtectedQuota(input: $input) { quota { key } userErrors { code } } }"""
KEPT = """
{ capacityPools(from: "2026-11-25", first: 1) { nodes { id protected { audience orders left until } } } }"""


def test_places_kept_for_a_group_are_closed_for_others_until_the_release(
    db: Database, operator: Api, api: Api, opened: Opened
) -> None:
    rule = {
        "key": "gold",
        "audience": "gold",
        "amount": {"percent": 90},
        "release": {"at": {"daysBefore": 0, "atLocal": "12:00"}},
        "zoneId": to_global("ServiceZone", opened.shop.zone_id),
    }
    assert operator.data(PREVIEW_QUOTA, quota=rule)["previewProtectedQuota"]["kept"] == {
        "pools": 1,
        "orders": 9,
        "missing": 0,
    }
    saved = operator.data(QUOTA, input={"quota": rule, "reason": "loyal"})["upsertProtectedQuota"]
    assert saved["userErrors"] == []
    assert (saved["kept"]["orders"], saved["quota"]["percent"], saved["quota"]["actor"]) == (9, 90, "Olga")
    again = operator.data(QUOTA, input={"quota": rule, "reason": "loyal"})["upsertProtectedQuota"]
    assert again["quota"]["id"] == saved["quota"]["id"]

    slot, point = (
        slot_id(api, opened),
        {"latitude": opened.shop.point.latitude, "longitude": opened.shop.point.longitude},
    )

    def hold(name: str, group: str | None) -> Any:
        told = {
            "slotId": slot,
            "address": {"point": point},
            "customer": {"reference": name, "group": group},
            "idempotencyKey": new_id(),
        }
        return api.data(HOLD, input=told)["holdSlot"]

    assert hold("ana", None)["hold"]
    assert hold("berta", None)["userErrors"] == [{"code": "PROTECTED_QUOTA"}]
    assert hold("gina", "gold")["hold"]
    closed = api.data(
        """query ($point: PointInput!, $who: String) {
          slotAvailability(address: {point: $point}, from: "2026-11-25", to: "2026-11-25", customerReference: $who) {
            days { offers { slot { id } available closed { reason message } } } } }""",
        point=point,
        who="ana",
    )["slotAvailability"]["days"][0]["offers"]
    (kept,) = [one["closed"] for one in closed if one["slot"]["id"] == slot]
    assert kept["reason"] == "PROTECTED_QUOTA"
    assert "2026-11-25T12:00:00+00:00" in kept["message"]
    (one,) = operator.data(KEPT)["capacityPools"]["nodes"]
    assert one["protected"] == {
        "audience": "gold",
        "orders": 9,
        "left": 8,
        "until": "2026-11-25T12:00:00+00:00",
    }
    lines = operator.data(LEDGER, pool=one["id"], last=3)["capacityLedger"]["nodes"]
    assert {"counter": "PROTECTED", "dimension": "ORDERS", "before": 0, "after": 9} in lines[0]["changes"]
    assert lines[0]["reference"] == saved["quota"]["id"]

    drop = {"quotaId": saved["quota"]["id"], "reason": "over"}
    assert operator.data(DROP_QUOTA, input=drop)["deleteProtectedQuota"]["quota"] == {"key": "gold"}
    assert operator.data("{ protectedQuotas { key } }")["protectedQuotas"] == []
    assert hold("berta", None)["hold"]
    db.read_now(lambda c, _: assert_ledger_equals_counters(c))


def test_a_rule_that_cannot_be_kept_and_a_key_that_may_not_are_refused(operator: Api, api: Api) -> None:
    rule = {
        "key": "gold",
        "audience": "gold",
        "amount": {"orders": -1},
        "release": {"minutesBeforeCutoff": 60},
    }
    told = {"quota": rule, "reason": "r"}
    assert (
        operator.data(QUOTA, input=told)["upsertProtectedQuota"]["userErrors"][0]["code"] == "INVALID_QUOTA"
    )
    assert operator.data(PREVIEW_QUOTA, quota=rule)["previewProtectedQuota"]["userErrors"] == [
        {"code": "INVALID_QUOTA"}
    ]
    gone = {"quotaId": to_global("ProtectedQuota", "x"), "reason": "r"}
    assert operator.data(DROP_QUOTA, input=gone)["deleteProtectedQuota"]["userErrors"] == [
        {"code": "QUOTA_NOT_FOUND"}
    ]
    assert api.data(QUOTA, input=told)["upsertProtectedQuota"]["userErrors"][0]["code"] == "OPERATORS_ONLY"
    assert api.data(DROP_QUOTA, input=gone)["deleteProtectedQuota"]["userErrors"] == [
        {"code": "OPERATORS_ONLY"}
    ]
    assert api.codes("{ protectedQuotas { key } }") == ["OPERATORS_ONLY"]
