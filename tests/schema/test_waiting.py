"""Windows that open by themselves go to those who wait: a lifted blackout, a later cut-off, a quota that lets go."""

from collections.abc import Callable
from typing import Any

import pytest

from app.database.runner import Database
from app.values.ids import new_id
from tests.api import worked, world_on
from tests.conftest import Clock
from tests.schema.calendar_house import WEDNESDAY, House, at, codes, utc

JOIN = """mutation ($input: JoinWaitlistInput!) { joinWaitlist(input: $input) {
  entry { id status } userErrors { code message } } }"""
WAITING = """query ($who: String!) { waitlist(customerReference: $who) {
  status offer { origin slot { id } } } }"""
QUOTA = """mutation ($input: UpsertProtectedQuotaInput!) { upsertProtectedQuota(input: $input) {
  quota { id } userErrors { code message } } }"""
DROP_QUOTA = """mutation ($input: DeleteProtectedQuotaInput!) { deleteProtectedQuota(input: $input) {
  userErrors { code } } }"""
ALL_KEPT = {
    "key": "gold",
    "audience": "gold",
    "amount": {"percent": 100},
    "release": {"at": {"daysBefore": 0, "atLocal": "12:00"}},
}
EVENING = {"startsAt": "2026-11-25T18:00:00+00:00", "endsAt": "2026-11-25T20:00:00+00:00"}


def waits(house: House, *customers: str) -> str:
    """Each joins for Wednesday's long window, whose id is returned."""
    slot: str = house.offers()[2]["slot"]["id"]
    for who in customers:
        told = {
            "slotIds": [slot],
            "address": at("C"),
            "customer": {"reference": who, "email": f"{who}@example.com"},
            "idempotencyKey": new_id(),
        }
        payload = house.shopper.data(JOIN, input=told)["joinWaitlist"]
        assert codes(payload) == []
        assert payload["entry"]["status"] == "WAITING"
    return slot


def found(house: House, who: str) -> Any:
    (entry,) = house.shopper.data(WAITING, who=who)["waitlist"]
    return entry


def quota(house: House) -> str:
    saved = house.operator.data(QUOTA, input={"quota": ALL_KEPT, "reason": "loyal"})["upsertProtectedQuota"]
    assert codes(saved) == []
    quota_id: str = saved["quota"]["id"]
    return quota_id


def black_out(house: House) -> Callable[[], object]:
    house.done("saveBlackout", key="storm", **EVENING, reason="Storm warning")
    return lambda: house.done("removeFromCalendar", kind="BLACKOUT", key="storm")


def rest(house: House) -> Callable[[], object]:
    for node in ("store", "mfc"):
        house.done("saveBlackout", key=f"off-{node}", **EVENING, reason="No power", node=node)
    return lambda: house.done("removeFromCalendar", kind="BLACKOUT", key="off-mfc")


def lead(house: House) -> Callable[[], object]:
    house.done("saveLeadTime", key="long", leastMin=72 * 60)
    return lambda: house.done("saveLeadTime", key="long", leastMin=60)


def keep(house: House) -> Callable[[], object]:
    quota_id = quota(house)
    told = {"quotaId": quota_id, "reason": "over"}
    return lambda: house.operator.data(DROP_QUOTA, input=told)


@pytest.mark.parametrize("closes", [black_out, rest, lead, keep])
def test_who_waits_is_offered_a_window_that_opens_again_and_told_of_it(
    house: House, db: Database, closes: Callable[[House], Callable[[], object]]
) -> None:
    world = world_on(db)
    opens = closes(house)
    slot = waits(house, "ana", "rui")
    worked(world)
    assert [found(house, who)["status"] for who in ("ana", "rui")] == ["WAITING", "WAITING"]
    opens()
    worked(world)
    offered = {"status": "OFFERED", "offer": {"origin": "WAITLIST", "slot": {"id": slot}}}
    assert [found(house, who) for who in ("ana", "rui")] == [offered, offered]
    worked(world)
    assert house.shopper.client.get("/mailbox").text.count("guardado para si") == 2


def test_at_the_release_of_a_quota_its_places_go_to_those_who_wait_first(
    house: House, db: Database, clock: Clock
) -> None:
    world = world_on(db)
    quota(house)
    waits(house, "ana")
    clock.set(utc(WEDNESDAY, 11, 59, 59))
    worked(world)
    assert found(house, "ana")["status"] == "WAITING"
    clock.set(utc(WEDNESDAY, 12))
    worked(world)
    assert found(house, "ana")["status"] == "OFFERED"
