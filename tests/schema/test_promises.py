"""The life of holds and bookings through the API: paying, changing, moving, cancelling, waiting."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from app.database.runner import Database
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from app.values.ids import new_id
from app.values.load import DIMENSIONS, Load
from tests.api import Api, worked, world_on
from tests.conftest import Clock
from tests.factories import ROOM, evening, make_fee_rule, make_pools, pool_plan, set_policy
from tests.schema.conftest import Opened
from tests.schema.test_journey import ADDRESS, APPLY, CONFIRM, HOLD, held, hold_input, offers, refusals

HOLD_STATE = """hold { id status expiresAt version checkoutAt origin fee { total { amount } }
  basket { ambientMillilitres traits } conflict { reason message } }
  alternatives { slot { id } available } userErrors { code message field }"""
BEGIN = f"mutation ($input: BeginCheckoutInput!) {{ beginCheckout(input: $input) {{ {HOLD_STATE} }} }}"
UPDATE = f"mutation ($input: UpdateHoldInput!) {{ updateHold(input: $input) {{ {HOLD_STATE} }} }}"
BOOKING_STATE = """booking { id status version fee { total { amount } parts { kind label } }
  promise { window { startsAt } history { reason before { startsAt } after { startsAt }
    feeBefore { amount } feeAfter { amount } } }
  promotions { code status } changes { until moves moveLimit cancellation { amount } } }
  feeDifference { amount }"""
MOVE = f"""mutation ($input: RescheduleBookingInput!) {{ rescheduleBooking(input: $input) {{
  {BOOKING_STATE} alternatives {{ slot {{ id }} }} userErrors {{ code message field }} }} }}"""
CANCEL = f"""mutation ($input: CancelBookingInput!) {{ cancelBooking(input: $input) {{
  {BOOKING_STATE} userErrors {{ code message }} }} }}"""
ADVANCE = """mutation ($input: AdvanceBookingInput!) { advanceBooking(input: $input) {
  booking { status } userErrors { code message } } }"""
MOVES = """query ($id: ID!) { rescheduleOffers(bookingId: $id) {
  difference { amount } offer { available slot { id } closed { reason } } } }"""
ENTRY = "entry { id status priority joinedAt slots { id } offer { id status expiresAt origin } }"
JOIN = f"""mutation ($input: JoinWaitlistInput!) {{ joinWaitlist(input: $input) {{
  {ENTRY} userErrors {{ code message field }} }} }}"""
LEAVE = f"""mutation ($input: LeaveWaitlistInput!) {{ leaveWaitlist(input: $input) {{
  {ENTRY} userErrors {{ code message }} }} }}"""


def booked(api: Api, **changes: Any) -> dict[str, Any]:
    hold = held(api, **changes)
    told = {"holdId": hold["id"], "orderReference": new_id(), "idempotencyKey": new_id()}
    found: dict[str, Any] = api.data(CONFIRM, input=told)["confirmBooking"]["booking"]
    return found


def one_left(db: Database, opened: Opened) -> None:
    """The evening's pool has room for a single drop."""
    sell = Load(1, *(getattr(ROOM, d) for d in DIMENSIONS[1:]))
    window = evening(start=18, end=19)
    db.write_now(lambda c, n: make_pools(c, pool_plan(opened.shop, window, sell=sell), now=n))


def join(api: Api, slot: str, customer: str, **changes: Any) -> dict[str, Any]:
    told = {
        "slotIds": [slot],
        "address": ADDRESS,
        "customer": {"reference": customer, "email": f"{customer}@example.com"},
        "idempotencyKey": new_id(),
        **changes,
    }
    payload = api.data(JOIN, input=told)["joinWaitlist"]
    assert payload["userErrors"] == []
    entry: dict[str, Any] = payload["entry"]
    return entry


@pytest.fixture
def operator(db: Database, api: Api, opened: Opened) -> Api:
    def work(conn: Connection, now: Any) -> None:
        shop = opened.shop.actor.storefront_id
        issue_key(conn, now=now, storefront_id=shop, key="op", name="operations", role=Role.OPERATOR)

    db.write_now(work)
    return Api(api.client, "op")


def test_paying_extends_once_and_a_late_payment_books_at_the_held_fee(api: Api, clock: Clock) -> None:
    hold = held(api)
    clock.forward(timedelta(minutes=55))
    begin = {"holdId": hold["id"], "idempotencyKey": "b"}
    begun = api.data(BEGIN, input=begin)["beginCheckout"]["hold"]
    assert begun["expiresAt"] == (clock.now + timedelta(minutes=10)).isoformat()
    assert api.data(BEGIN, input={**begin, "idempotencyKey": "c"})["beginCheckout"]["hold"] == begun
    clock.forward(timedelta(minutes=15))
    told = {"holdId": hold["id"], "orderReference": "o", "idempotencyKey": "d"}
    payload = api.data(CONFIRM, input=told)["confirmBooking"]
    assert payload["userErrors"] == []
    assert payload["booking"]["fee"]["total"] == hold["fee"]["total"]


def test_a_changed_basket_is_updated_or_in_conflict_with_other_windows(api: Api) -> None:
    hold = held(api)
    grown = {"holdId": hold["id"], "basket": {"ambientMillilitres": 60_000}, "idempotencyKey": new_id()}
    first = api.data(UPDATE, input=grown)["updateHold"]
    assert (first["hold"]["status"], first["hold"]["basket"]["ambientMillilitres"]) == ("ACTIVE", 60_000)
    huge = {**grown, "basket": {"ambientMillilitres": 900_000}, "idempotencyKey": "huge"}
    second = api.data(UPDATE, input=huge)["updateHold"]
    assert second["hold"]["status"] == "CONFLICTED"
    assert second["hold"]["conflict"]["reason"] == "FLEET_CAPACITY"
    confirm = {"holdId": hold["id"], "orderReference": "o", "idempotencyKey": new_id()}
    assert refusals(api.data(CONFIRM, input=confirm)["confirmBooking"]) == ["HOLD_CONFLICTED"]
    undone = {**grown, "idempotencyKey": new_id()}
    assert api.data(UPDATE, input=undone)["updateHold"]["hold"]["status"] == "ACTIVE"
    assert api.data(UPDATE, input=huge)["updateHold"] == second


def test_wine_in_a_basket_for_the_porch_is_a_conflict_with_its_reason(api: Api) -> None:
    hold = held(api, dropPreference={"safePlace": {"place": "the porch"}})
    wine = {"holdId": hold["id"], "basket": {"traits": ["AGE_RESTRICTED"]}, "idempotencyKey": new_id()}
    assert api.data(UPDATE, input=wine)["updateHold"]["hold"]["conflict"]["reason"] == "HANDOVER_RULE"
    door = {**wine, "dropPreference": {"attended": {}}, "idempotencyKey": new_id()}
    assert api.data(UPDATE, input=door)["updateHold"]["hold"]["status"] == "ACTIVE"


def test_a_move_is_shown_made_once_and_told(api: Api, db: Database) -> None:
    booking = booked(api)
    choices = api.data(MOVES, id=booking["id"])["rescheduleOffers"]
    wide = next(c for c in choices if c["offer"]["available"])
    assert wide["difference"] == {"amount": "-1.00"}
    closed = next(c for c in choices if not c["offer"]["available"])
    assert (closed["difference"], closed["offer"]["closed"]["reason"]) == (None, "FLEET_CAPACITY")
    told = {
        "bookingId": booking["id"],
        "slotId": wide["offer"]["slot"]["id"],
        "expectedDifference": {"amount": "-1.00", "currencyCode": "EUR"},
        "expectedVersion": 1,
        "idempotencyKey": "m",
    }
    moved = api.data(MOVE, input=told)["rescheduleBooking"]
    assert (moved["userErrors"], moved["feeDifference"]) == ([], {"amount": "-1.00"})
    assert moved["booking"]["fee"]["total"]["amount"] == "3.50"
    assert moved["booking"]["changes"]["moves"] == 1
    assert moved["booking"]["promise"]["history"][-1] == {
        "reason": "moved by the customer",
        "before": {"startsAt": "2026-11-25T18:00:00+00:00"},
        "after": {"startsAt": "2026-11-25T18:00:00+00:00"},
        "feeBefore": {"amount": "4.50"},
        "feeAfter": {"amount": "3.50"},
    }
    assert api.data(MOVE, input=told)["rescheduleBooking"] == moved
    worked(world_on(db))
    query = "query ($id: ID!) { notifications(bookingId: $id) { template status text } }"
    messages = {m["template"]: m["text"] for m in api.data(query, id=booking["id"])["notifications"]}
    assert set(messages) == {"booking_confirmed", "booking_moved"}
    assert "Antes" in messages["booking_moved"]


def test_an_answer_stays_the_same_whatever_happens_afterwards(api: Api, clock: Clock) -> None:
    told = hold_input(api)
    first = api.data(HOLD, input=told)["holdSlot"]
    clock.forward(timedelta(seconds=1))
    apply = {"holdId": first["hold"]["id"], "code": "bemvindo", "idempotencyKey": "p"}
    applied = api.data(APPLY, input=apply)
    clock.forward(timedelta(seconds=1))
    confirm = {"holdId": first["hold"]["id"], "orderReference": "o", "idempotencyKey": "c"}
    booking = api.data(CONFIRM, input=confirm)
    clock.forward(timedelta(seconds=1))
    key = booking["confirmBooking"]["booking"]["id"]
    cancel = {"bookingId": key, "reason": "away", "idempotencyKey": "x"}
    cancelled = api.data(CANCEL, input=cancel)
    clock.forward(timedelta(hours=20))
    assert api.data(HOLD, input=told)["holdSlot"] == first
    assert api.data(APPLY, input=apply) == applied
    assert api.data(CONFIRM, input=confirm) == booking
    assert api.data(CANCEL, input=cancel) == cancelled


def test_cancelling_is_free_until_the_second_of_the_cut_off(
    api: Api, db: Database, opened: Opened, clock: Clock
) -> None:
    early, late = booked(api), booked(api, customer={"reference": "rui"})
    clock.set(evening().start - timedelta(hours=2, seconds=1))
    payload = api.data(CANCEL, input={"bookingId": early["id"], "idempotencyKey": "1"})["cancelBooking"]
    assert (payload["userErrors"], payload["feeDifference"]["amount"]) == ([], "-4.50")
    assert payload["booking"]["changes"]["cancellation"] is None
    clock.forward(timedelta(seconds=1))
    told = {"bookingId": late["id"], "idempotencyKey": "2"}
    assert refusals(api.data(CANCEL, input=told)["cancelBooking"]) == ["CUTOFF_PASSED"]
    move = {**told, "slotId": offers(api)[1]["slot"]["id"], "idempotencyKey": "3"}
    assert refusals(api.data(MOVE, input=move)["rescheduleBooking"]) == ["CUTOFF_PASSED"]
    state = "query ($id: ID!) { booking(id: $id) { status changes { cancellation { amount } } } }"
    assert api.data(state, id=late["id"])["booking"] == {
        "status": "LOCKED",
        "changes": {"cancellation": None},
    }
    terms = {"late_cancellation": "FEE", "late_cancellation_minor": 300}
    db.write_now(lambda c, _: set_policy(c, opened.shop, **terms))
    assert api.data(state, id=late["id"])["booking"]["changes"] == {"cancellation": {"amount": "3.00"}}
    paid = api.data(CANCEL, input={**told, "idempotencyKey": "4"})["cancelBooking"]
    assert paid["booking"]["fee"] == {
        "total": {"amount": "3.00"},
        "parts": [{"kind": "CANCELLATION", "label": "Cancelled after the cut-off"}],
    }


def test_only_operators_advance_a_booking_and_on_its_way_it_is_refused_at_the_door(
    api: Api, operator: Api
) -> None:
    booking = booked(api)
    told = {"bookingId": booking["id"], "status": "IN_FULFILMENT"}
    assert refusals(api.data(ADVANCE, input=told)["advanceBooking"]) == ["OPERATORS_ONLY"]
    assert operator.data(ADVANCE, input=told)["advanceBooking"]["booking"]["status"] == "IN_FULFILMENT"
    skipped = {**told, "status": "DELIVERED"}
    assert refusals(operator.data(ADVANCE, input=skipped)["advanceBooking"]) == ["MOVE_NOT_ALLOWED"]
    operator.data(ADVANCE, input={**told, "status": "OUT_FOR_DELIVERY"})
    cancel = {"bookingId": booking["id"], "idempotencyKey": "c"}
    assert refusals(api.data(CANCEL, input=cancel)["cancelBooking"]) == ["BOOKING_ON_ITS_WAY"]


def test_who_waits_gets_the_freed_window_and_a_message_and_declining_passes_it_on(
    api: Api, db: Database, opened: Opened
) -> None:
    one_left(db, opened)
    booking = booked(api)
    slot = next(o for o in offers(api) if not o["available"])["slot"]["id"]
    first, second = join(api, slot, "rui"), join(api, slot, "zoe")
    assert (first["status"], first["offer"]) == ("WAITING", None)
    api.data(CANCEL, input={"bookingId": booking["id"], "idempotencyKey": "c"})

    ask = f"query ($id: ID!) {{ node(id: $id) {{ ... on WaitlistEntry {{ {ENTRY[8:-2]} }} }} }}"
    offered = api.data(ask, id=first["id"])["node"]
    assert (offered["status"], offered["offer"]["origin"]) == ("OFFERED", "WAITLIST")
    assert next(o for o in offers(api, ref="rui") if o["slot"]["id"] == slot)["heldByCustomer"]
    worked(world_on(db))
    mail = api.client.get("/mailbox")
    assert "guardado para si" in mail.text

    left = api.data(LEAVE, input={"entryId": first["id"]})["leaveWaitlist"]["entry"]
    assert left["status"] == "DECLINED"
    (next_one,) = api.data('query { waitlist(customerReference: "zoe") { id status offer { id } } }')[
        "waitlist"
    ]
    assert next_one["status"] == "OFFERED"
    told = {"holdId": next_one["offer"]["id"], "orderReference": "z", "idempotencyKey": "z"}
    assert api.data(CONFIRM, input=told)["confirmBooking"]["booking"]["status"] == "CONFIRMED"
    assert api.data(ask, id=second["id"])["node"]["status"] == "ACCEPTED"


def test_another_storefront_changes_nothing(api: Api, db: Database, opened: Opened) -> None:
    booking, hold = booked(api), held(api, customer={"reference": "rui"})
    one_left(db, opened)
    slot = offers(api)[0]["slot"]["id"]
    entry = join(api, slot, "zoe")
    other = Api(api.client, "other-key")
    key = {"idempotencyKey": "k"}
    answers = (
        other.data(BEGIN, input={"holdId": hold["id"], **key})["beginCheckout"],
        other.data(UPDATE, input={"holdId": hold["id"], **key})["updateHold"],
        other.data(CANCEL, input={"bookingId": booking["id"], **key})["cancelBooking"],
        other.data(MOVE, input={"bookingId": booking["id"], "slotId": slot, **key})["rescheduleBooking"],
        other.data(LEAVE, input={"entryId": entry["id"]})["leaveWaitlist"],
    )
    assert [refusals(answer) for answer in answers] == [
        ["HOLD_NOT_FOUND"],
        ["HOLD_NOT_FOUND"],
        ["BOOKING_NOT_FOUND"],
        ["BOOKING_NOT_FOUND"],
        ["WAITLIST_ENTRY_NOT_FOUND"],
    ]
    assert other.data('query { waitlist(customerReference: "zoe") { id } }')["waitlist"] == []
    assert other.codes(MOVES, id=booking["id"]) == ["BOOKING_NOT_FOUND"]


FLEXIBLE = """mutation ($input: HoldFlexibleSlotInput!) { holdFlexibleSlot(input: $input) {
  hold { id fee { total { amount } parts { kind label } } candidates { id } }
  alternatives { slot { id } } userErrors { code field } } }"""
NARROW = """mutation ($input: NarrowBookingInput!) { narrowBooking(input: $input) {
  booking { id } userErrors { code } } }"""


def test_several_windows_are_one_promise_until_the_clock_narrows_it(
    api: Api, operator: Api, db: Database, opened: Opened, clock: Clock
) -> None:
    facts = {"storefront_id": opened.shop.actor.storefront_id, "flexible_minor": 60}
    db.write_now(lambda c, n: make_fee_rule(c, **facts, flexible_most_minor=150, valid_from=n))
    slots = [o["slot"]["id"] for o in offers(api) if o["available"]]
    told = {
        "slotIds": slots,
        "address": ADDRESS,
        "customer": {"reference": "ana", "email": "ana@example.com"},
        "idempotencyKey": "f",
    }
    hold = api.data(FLEXIBLE, input=told)["holdFlexibleSlot"]["hold"]
    assert [one["id"] for one in hold["candidates"]] == slots
    assert {"kind": "INCENTIVE", "label": "Flexible"} in hold["fee"]["parts"]
    confirm = {"holdId": hold["id"], "orderReference": "o", "idempotencyKey": "c"}
    booking = api.data(CONFIRM, input=confirm)["confirmBooking"]["booking"]
    ask = """query ($id: ID!) { booking(id: $id) { slot { id } promise { window { startsAt endsAt } }
      flexible { candidateSlots { id } narrowBy narrowedAt } } }"""
    before = api.data(ask, id=booking["id"])["booking"]
    assert before["flexible"]["narrowedAt"] is None
    refused = api.data(NARROW, input={"bookingId": booking["id"]})["narrowBooking"]
    assert refusals(refused) == ["OPERATORS_ONLY"]
    clock.set(evening().start - timedelta(hours=2))
    worked(world_on(db))
    after = api.data(ask, id=booking["id"])["booking"]
    assert after["flexible"]["narrowedAt"] == clock.now.isoformat()
    assert after["promise"]["window"]["endsAt"] == "2026-11-25T19:00:00+00:00"
    narrowed = operator.data(NARROW, input={"bookingId": booking["id"]})["narrowBooking"]
    assert refusals(narrowed) == ["BOOKING_NOT_FLEXIBLE"]
    alone = {**told, "slotIds": slots[:1], "idempotencyKey": "g"}
    payload = api.data(FLEXIBLE, input=alone)["holdFlexibleSlot"]
    assert payload["userErrors"] == [{"code": "WINDOWS_OF_ONE_DAY", "field": ["input", "slotIds"]}]
