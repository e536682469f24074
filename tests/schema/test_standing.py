"""Standing slots through the API: kept, skipped, moved, paused, reminded, released, told of prices."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from app.database.runner import Database
from app.jobs import later
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.ids import new_id
from schema.ids import to_global
from tests.api import Api, worked, world_on
from tests.booking.world import room
from tests.conftest import Clock
from tests.factories import ZONE, evening, make_fee_rule, make_pools, make_slot, pool_plan
from tests.schema.conftest import Opened
from tests.schema.test_journey import ADDRESS, CONFIRM, HOLD, refusals
from tests.standing.world import FRIDAY, SECOND, THIRD

SLOTS = """query ($address: AddressInput!, $from: Date, $to: Date) { slotAvailability(
  address: $address, from: $from, to: $to) { days { date offers { available
  slot { id window { startsAt } } } } } }"""
WEEK = """day state submitBy slot { id } hold { id status origin expiresAt fee { total { amount } } }
  booking { id status } closed { reason message } feeDifference { amount } alternatives { slot { id } }"""
SERIES = f"""standingSlot {{ id status rule startsLocal endsLocal timeZone firstDay nextDay pausedFrom
  pausedUntil address basket {{ ambientMillilitres }} dropPreference {{ mode }} fee {{ total {{ amount }} }}
  occurrences {{ {WEEK} }} feeNotices {{ before {{ amount }} after {{ amount }} fromDay }} }}"""
ERRORS = "userErrors { code message field }"
CREATE = f"mutation ($input: CreateStandingSlotInput!) {{ createStandingSlot(input: $input) {{ {SERIES} {ERRORS} }} }}"
SKIP = f"""mutation ($input: SkipStandingOccurrenceInput!) {{ skipStandingOccurrence(input: $input) {{
  {SERIES} occurrence {{ day state }} {ERRORS} }} }}"""
MOVE = f"""mutation ($input: MoveStandingOccurrenceInput!) {{ moveStandingOccurrence(input: $input) {{
  {SERIES} occurrence {{ {WEEK} }} alternatives {{ slot {{ id }} }} {ERRORS} }} }}"""
PAUSE = f"mutation ($input: PauseStandingSlotInput!) {{ pauseStandingSlot(input: $input) {{ {SERIES} {ERRORS} }} }}"
RESUME = f"mutation ($input: ResumeStandingSlotInput!) {{ resumeStandingSlot(input: $input) {{ {SERIES} {ERRORS} }} }}"
END = f"mutation ($input: EndStandingSlotInput!) {{ endStandingSlot(input: $input) {{ {SERIES} {ERRORS} }} }}"
MOVES = """query ($id: ID!, $day: Date!) { standingMoveOffers(standingSlotId: $id, day: $day) {
  difference { amount } offer { available slot { id } } } }"""
ASK = f"query ($id: ID!) {{ {SERIES.replace('standingSlot', 'standingSlot(id: $id)', 1)} }}"
TEST_SLOTS = (FRIDAY, SECOND, THIRD, THIRD + timedelta(days=7))


@pytest.fixture
def fridays(db: Database, opened: Opened) -> dict[str, str]:
    """Fridays from 19 to 20 and the first Thursday from 20 to 21, with room for two drops each."""

    def work(conn: Connection, _now: datetime) -> None:
        windows = [evening(day, 19, 20) for day in TEST_SLOTS] + [evening(FRIDAY - timedelta(days=1), 20, 21)]
        make_pools(conn, *(pool_plan(opened.shop, window, sell=room(2)) for window in windows))
        for window in windows:
            make_slot(conn, opened.shop, window)

    db.write_now(work)
    return {}


def slots(api: Api, first: str, last: str) -> dict[str, str]:
    """The slots of some days by the instant they begin at."""
    told = {"address": ADDRESS, "from": first, "to": last}
    days = api.data(SLOTS, **told)["slotAvailability"]["days"]
    return {
        offer["slot"]["window"]["startsAt"]: offer["slot"]["id"] for day in days for offer in day["offers"]
    }


def friday_slot(api: Api) -> str:
    return slots(api, "2026-11-27", "2026-11-27")["2026-11-27T19:00:00+00:00"]


def create(api: Api, customer: str = "ana", **changes: Any) -> Any:
    told = {
        "slotId": friday_slot(api),
        "address": ADDRESS,
        "customer": {
            "reference": customer,
            "name": customer,
            "email": f"{customer}@example.com",
            "locale": "en",
        },
        "idempotencyKey": new_id(),
        **changes,
    }
    return api.data(CREATE, input=told)["createStandingSlot"]


def states(series: Any) -> list[tuple[str, str]]:
    return [(week["day"], week["state"]) for week in series["occurrences"]]


def tended(db: Database) -> None:
    """A round of the clock now, with the messages that it leaves word for."""
    db.write_now(lambda c, n: later(c, now=n, kind="standing.tend", payload={}))
    world = world_on(db)
    while worked(world):
        pass


@pytest.mark.usefixtures("fridays")
def test_every_friday_from_seven_is_kept_and_confirmed_week_by_week(
    api: Api, db: Database, clock: Clock
) -> None:
    payload = create(api)
    series = payload["standingSlot"]
    assert payload["userErrors"] == []
    assert (series["rule"], series["startsLocal"], series["endsLocal"], series["timeZone"]) == (
        "FREQ=WEEKLY;BYDAY=FR",
        "19:00",
        "20:00",
        ZONE,
    )
    assert states(series) == [("2026-11-27", "BOOKED_AHEAD"), ("2026-12-04", "BOOKED_AHEAD")]
    assert (series["status"], series["nextDay"]) == ("ACTIVE", "2026-12-11")
    week = series["occurrences"][0]
    assert (week["hold"]["origin"], week["submitBy"]) == ("STANDING", "2026-11-26T17:00:00+00:00")
    assert week["hold"]["fee"]["total"] == series["fee"]["total"] == {"amount": "4.50"}
    told = {"holdId": week["hold"]["id"], "orderReference": "o", "idempotencyKey": "c"}
    assert api.data(CONFIRM, input=told)["confirmBooking"]["userErrors"] == []
    found = api.data(ASK, id=series["id"])["standingSlot"]
    assert found["occurrences"][0]["state"] == "CONFIRMED"
    assert found["occurrences"][0]["booking"]["status"] == "CONFIRMED"
    assert found["occurrences"][0]["submitBy"] is None

    clock.set(datetime(2026, 11, 28, tzinfo=UTC))
    tended(db)
    (kept,) = api.data(
        'query { standingSlots(customerReference: "ana") { id status occurrences { day state } } }'
    )["standingSlots"]
    assert states(kept)[-1] == ("2026-12-11", "BOOKED_AHEAD")
    again = api.data("query ($id: ID!) { node(id: $id) { ... on StandingSlot { status } } }", id=series["id"])
    assert again["node"] == {"status": "ACTIVE"}


@pytest.mark.usefixtures("fridays")
def test_a_repeated_request_is_answered_alike_whatever_happened_since(
    api: Api, db: Database, clock: Clock
) -> None:
    slot = friday_slot(api)
    first = create(api, slotId=slot, idempotencyKey="k")
    key = first["standingSlot"]["id"]
    thursday = slots(api, "2026-11-26", "2026-11-26")["2026-11-26T20:00:00+00:00"]
    told = {"standingSlotId": key, "day": "2026-11-27", "slotId": thursday, "idempotencyKey": "m"}
    moved = api.data(MOVE, input=told)
    clock.forward(timedelta(days=1))
    api.data(END, input={"standingSlotId": key})
    clock.forward(timedelta(days=2))
    tended(db)
    assert create(api, slotId=slot, idempotencyKey="k") == first
    assert api.data(MOVE, input=told) == moved
    assert refusals(create(api, "rui", slotId=slot, idempotencyKey="k")) == ["IDEMPOTENCY_KEY_REUSED"]


@pytest.mark.usefixtures("fridays")
def test_a_week_is_skipped_moved_and_paused_without_losing_the_series(api: Api) -> None:
    series = create(api)["standingSlot"]
    key = series["id"]
    choices = api.data(MOVES, id=key, day="2026-11-27")["standingMoveOffers"]
    thursday = slots(api, "2026-11-26", "2026-11-26")["2026-11-26T20:00:00+00:00"]
    shown = next(c for c in choices if c["offer"]["slot"]["id"] == thursday)
    assert shown["difference"] == {"amount": "0.00"}
    told = {
        "standingSlotId": key,
        "day": "2026-11-27",
        "slotId": thursday,
        "expectedDifference": {"amount": "0.00", "currencyCode": "EUR"},
        "idempotencyKey": "m",
    }
    moved = api.data(MOVE, input=told)["moveStandingOccurrence"]
    assert moved["userErrors"] == []
    assert (moved["occurrence"]["state"], moved["occurrence"]["slot"]["id"]) == ("MOVED", thursday)
    assert moved["occurrence"]["feeDifference"] == {"amount": "0.00"}

    skip = {"standingSlotId": key, "day": "2026-12-04"}
    skipped = api.data(SKIP, input=skip)["skipStandingOccurrence"]
    assert skipped["occurrence"] == {"day": "2026-12-04", "state": "SKIPPED"}
    assert api.data(SKIP, input=skip)["skipStandingOccurrence"]["occurrence"] == skipped["occurrence"]

    pause = {"standingSlotId": key, "from": "2026-11-24", "until": "2026-11-30"}
    paused = api.data(PAUSE, input=pause)["pauseStandingSlot"]["standingSlot"]
    assert (paused["status"], states(paused)) == (
        "PAUSED",
        [("2026-11-27", "PAUSED"), ("2026-12-04", "SKIPPED")],
    )
    resumed = api.data(RESUME, input={"standingSlotId": key, "idempotencyKey": "r"})["resumeStandingSlot"]
    assert states(resumed["standingSlot"]) == [("2026-11-27", "BOOKED_AHEAD"), ("2026-12-04", "SKIPPED")]
    ended = api.data(END, input={"standingSlotId": key})["endStandingSlot"]["standingSlot"]
    assert (ended["status"], states(ended)[0]) == ("ENDED", ("2026-11-27", "RELEASED"))
    assert refusals(api.data(SKIP, input=skip)["skipStandingOccurrence"]) == ["STANDING_SLOT_ENDED"]


@pytest.mark.usefixtures("fridays")
def test_the_reminder_comes_the_day_before_and_the_window_goes_at_the_deadline(
    api: Api, db: Database, clock: Clock
) -> None:
    series = create(api)["standingSlot"]
    clock.set(datetime(2026, 11, 25, 17, tzinfo=UTC))
    tended(db)
    assert "Order by Thursday 26 November" in api.client.get("/mailbox").text
    clock.set(datetime(2026, 11, 26, 17, tzinfo=UTC))
    tended(db)
    assert "Released: Friday 27 November" in api.client.get("/mailbox").text
    found = api.data(ASK, id=series["id"])["standingSlot"]
    assert states(found) == [("2026-11-27", "RELEASED"), ("2026-12-04", "BOOKED_AHEAD")]
    assert found["occurrences"][0]["hold"]["status"] == "EXPIRED"


@pytest.mark.usefixtures("fridays")
def test_a_full_window_is_missed_with_its_reason_and_what_can_be_had_instead(api: Api, db: Database) -> None:
    for customer in ("rui", "zoe"):
        create(api, customer)
    missed = create(api)["standingSlot"]["occurrences"][0]
    thursday = slots(api, "2026-11-26", "2026-11-26")["2026-11-26T20:00:00+00:00"]
    assert (missed["state"], missed["hold"], missed["closed"]["reason"]) == ("MISSED", None, "FULL")
    assert missed["alternatives"][0]["slot"]["id"] == thursday
    tended(db)
    assert "Not this week: Friday 27 November" in api.client.get("/mailbox").text


@pytest.mark.usefixtures("fridays")
def test_a_price_change_applies_to_what_is_booked_after_the_notice(
    api: Api, db: Database, clock: Clock, opened: Opened
) -> None:
    key = create(api)["standingSlot"]["id"]
    shop = opened.shop.actor.storefront_id
    db.write_now(lambda c, n: make_fee_rule(c, storefront_id=shop, valid_from=n, base_minor=340))
    clock.forward(timedelta(hours=1))
    tended(db)
    assert "costs €4.90" in api.client.get("/mailbox").text
    clock.set(datetime(2026, 11, 28, tzinfo=UTC))
    tended(db)
    found = api.data(ASK, id=key)["standingSlot"]
    assert [w["hold"]["fee"]["total"]["amount"] for w in found["occurrences"][1:]] == ["4.50", "4.90"]
    assert found["feeNotices"] == [
        {"before": {"amount": "4.50"}, "after": {"amount": "4.90"}, "fromDay": "2026-12-11"}
    ]


@pytest.mark.usefixtures("fridays")
def test_what_cannot_be_done_is_refused_in_a_word(api: Api) -> None:
    series = create(api)["standingSlot"]
    assert refusals(create(api)) == ["ALREADY_STANDING"]
    assert refusals(create(api, "rui", address={"point": {"latitude": 41.3, "longitude": -8.6}})) == [
        "OUT_OF_ZONE"
    ]
    assert refusals(create(api, "rui", basket={"ambientMillilitres": 900_000})) == ["BASKET_TOO_LARGE"]
    skip = {"standingSlotId": series["id"], "day": "2026-11-28"}
    assert refusals(api.data(SKIP, input=skip)["skipStandingOccurrence"]) == ["NOT_AN_OCCURRENCE"]
    pause = {"standingSlotId": series["id"], "from": "2026-12-04", "until": "2026-12-03"}
    assert refusals(api.data(PAUSE, input=pause)["pauseStandingSlot"]) == ["INVALID_PAUSE"]
    later_slot = slots(api, "2026-12-04", "2026-12-04")["2026-12-04T19:00:00+00:00"]
    move = {"standingSlotId": series["id"], "day": "2026-11-27", "slotId": later_slot, "idempotencyKey": "m"}
    assert refusals(api.data(MOVE, input=move)["moveStandingOccurrence"]) == ["OTHER_WEEK"]
    thursday = slots(api, "2026-11-26", "2026-11-26")["2026-11-26T20:00:00+00:00"]
    dear = {
        **move,
        "slotId": thursday,
        "expectedDifference": {"amount": "1.00", "currencyCode": "EUR"},
        "idempotencyKey": "d",
    }
    assert refusals(api.data(MOVE, input=dear)["moveStandingOccurrence"]) == ["FEE_DIFFERENCE_CHANGED"]


@pytest.mark.usefixtures("fridays")
def test_another_storefront_sees_and_changes_none_of_it(api: Api) -> None:
    series = create(api)["standingSlot"]
    other = Api(api.client, "other-key")
    assert other.data(ASK, id=series["id"])["standingSlot"] is None
    assert other.data('query { standingSlots(customerReference: "ana") { id } }')["standingSlots"] == []
    skip = {"standingSlotId": series["id"], "day": "2026-11-27"}
    assert refusals(other.data(SKIP, input=skip)["skipStandingOccurrence"]) == ["STANDING_SLOT_NOT_FOUND"]
    assert refusals(other.data(END, input={"standingSlotId": series["id"]})["endStandingSlot"]) == [
        "STANDING_SLOT_NOT_FOUND"
    ]


@pytest.mark.usefixtures("fridays")
def test_a_full_target_keeps_the_week_and_names_others(api: Api) -> None:
    series = create(api)["standingSlot"]
    thursday = slots(api, "2026-11-26", "2026-11-26")["2026-11-26T20:00:00+00:00"]
    for customer in ("rui", "zoe"):
        other = create(api, customer)["standingSlot"]["id"]
        told = {"standingSlotId": other, "day": "2026-11-27", "slotId": thursday, "idempotencyKey": customer}
        api.data(MOVE, input=told)
    told = {"standingSlotId": series["id"], "day": "2026-11-27", "slotId": thursday, "idempotencyKey": "m"}
    refused = api.data(MOVE, input=told)["moveStandingOccurrence"]
    assert refusals(refused) == ["SLOT_FULL"]
    assert refused["alternatives"] != []
    assert states(api.data(ASK, id=series["id"])["standingSlot"])[0] == ("2026-11-27", "BOOKED_AHEAD")


@pytest.mark.usefixtures("fridays")
def test_a_blacked_out_date_is_skipped_and_the_customer_is_told(
    api: Api, db: Database, opened: Opened
) -> None:
    series = create(api)["standingSlot"]
    shop = opened.shop.actor.storefront_id

    def work(conn: Connection, now: datetime) -> None:
        issue_key(conn, now=now, storefront_id=shop, key="op", name="operations", role=Role.OPERATOR)

    db.write_now(work)
    told = {
        "key": "storm",
        "startsAt": "2026-11-27T12:00:00Z",
        "endsAt": "2026-11-28T00:00:00Z",
        "reason": "Storm warning",
        "because": "the weather",
    }
    blackout = """mutation ($input: BlackoutInput!) { saveBlackout(input: $input) {
      effect { holds bookings } userErrors { code } } }"""
    saved = Api(api.client, "op").data(blackout, input=told)["saveBlackout"]
    assert saved == {"effect": {"holds": 1, "bookings": 0}, "userErrors": []}
    assert refusals(create(api, "rui")) == ["BLACKOUT"]
    tended(db)
    found = api.data(ASK, id=series["id"])["standingSlot"]
    assert states(found) == [("2026-11-27", "SKIPPED"), ("2026-12-04", "BOOKED_AHEAD")]
    assert found["occurrences"][0]["closed"]["reason"] == "BLACKOUT"
    assert "No delivery on Friday 27 November" in api.client.get("/mailbox").text


KEEP = f"mutation ($input: KeepBookingWeeklyInput!) {{ keepBookingWeekly(input: $input) {{ {SERIES} {ERRORS} }} }}"


def kept(api: Api, booking_id: str, key: str = "keep") -> Any:
    told = {"bookingId": booking_id, "idempotencyKey": key}
    return api.data(KEEP, input=told)["keepBookingWeekly"]


def booked(api: Api) -> Any:
    """Ana's booking of the first Friday."""
    told = {
        "slotId": friday_slot(api),
        "address": ADDRESS,
        "basket": {"ambientMillilitres": 31_000},
        "customer": {"reference": "ana", "email": "ana@example.com", "locale": "en"},
        "dropPreference": {"safePlace": {"place": "the porch"}},
        "idempotencyKey": "hold",
    }
    held = api.data(HOLD, input=told)["holdSlot"]
    assert held["userErrors"] == []
    order = {"holdId": held["hold"]["id"], "orderReference": "o-1", "idempotencyKey": "confirm"}
    return api.data(CONFIRM, input=order)["confirmBooking"]["booking"]


@pytest.mark.usefixtures("fridays")
def test_the_window_of_a_booking_is_kept_from_the_week_after_it_on(api: Api) -> None:
    booking = booked(api)
    payload = kept(api, booking["id"])
    assert payload["userErrors"] == []
    series = payload["standingSlot"]
    # Nothing is told again: the goods, the address and the handover are the booking's, its own week is not.
    assert (series["rule"], series["startsLocal"], series["firstDay"]) == (
        "FREQ=WEEKLY;BYDAY=FR",
        "19:00",
        "2026-12-04",
    )
    assert series["basket"]["ambientMillilitres"] == 31_000
    assert (series["dropPreference"]["mode"], "Flores 12" in series["address"]) == ("SAFE_PLACE", True)
    assert states(series)[0] == ("2026-12-04", "BOOKED_AHEAD")
    assert kept(api, booking["id"]) == payload
    again = kept(api, booking["id"], "another")
    assert (refusals(again), again["userErrors"][0]["field"]) == (
        ["ALREADY_STANDING"],
        ["input", "bookingId"],
    )


@pytest.mark.usefixtures("fridays")
def test_only_a_booking_of_ones_own_that_stands_is_kept_weekly(api: Api) -> None:
    unknown = kept(api, to_global("DeliveryBooking", "nothing"))
    assert (refusals(unknown), unknown["standingSlot"]) == (["BOOKING_NOT_FOUND"], None)
    booking = booked(api)
    cancel = """mutation ($id: ID!) { cancelBooking(input: {bookingId: $id, reason: "moved",
      idempotencyKey: "gone"}) { userErrors { code } } }"""
    assert api.data(cancel, id=booking["id"])["cancelBooking"]["userErrors"] == []
    ended = kept(api, booking["id"], "of a cancelled one")
    assert (refusals(ended), ended["userErrors"][0]["field"]) == (["BOOKING_ENDED"], ["input", "bookingId"])
