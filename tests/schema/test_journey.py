"""One journey through the API: offers, hold, handover, promotion, booking; and all that may go wrong."""

from datetime import timedelta
from typing import Any

import pytest

from app.database.runner import Database
from app.values.ids import new_id
from schema.ids import to_global
from tests.api import Api, worked, world_on
from tests.conftest import Clock
from tests.schema.conftest import Opened

ADDRESS = {"postal": {"line1": "Rua das Flores 12", "countryCode": "PT"}}

AVAILABILITY = """query ($address: AddressInput!, $basket: BasketInput, $from: Date, $to: Date, $ref: String) {
  slotAvailability(address: $address, basket: $basket, from: $from, to: $to, customerReference: $ref) {
    address { label point { latitude longitude } zone { id name timeZone } }
    inventoryVersion validUntil
    days { date offers {
      slot { id window { startsAt endsAt timeZone } cutoffAt labels }
      available heldByCustomer vehicleKind labels
      closed { reason message opensWith { kind message slot { id } } }
      fee { total { amount currencyCode } parts { kind label amount { amount } } }
      emissions { gramsCo2e scope method factorVersion }
      handoverOptions { mode allowed reason proof extraMinutes }
    } }
  }
}"""

HOLD_FIELDS = """id status expiresAt version slot { id }
  fee { total { amount } parts { kind amount { amount } } } emissions { gramsCo2e }
  dropPreference { mode place proof } promotions { code status discount { amount } }"""

HOLD = f"""mutation ($input: HoldSlotInput!) {{ holdSlot(input: $input) {{
  hold {{ {HOLD_FIELDS} }} alternatives {{ slot {{ id }} available }} userErrors {{ code message field }} }} }}"""

CONFIRM = """mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) {
  booking { id code orderReference status version fee { total { amount } } promise { window { startsAt timeZone }
    history { actor reason before { startsAt } after { startsAt } } } promotions { code status } dropPreference { mode } }
  alternatives { slot { id } } userErrors { code message field } } }"""

RELEASE = (
    """mutation ($id: ID!) { releaseHold(input: {holdId: $id}) { hold { status } userErrors { code } } }"""
)

PREFER = """mutation ($input: SetDropPreferenceInput!) { setDropPreference(input: $input) {
  hold { dropPreference { mode place proof } version } booking { dropPreference { mode } } userErrors { code message field } } }"""

APPLY = """mutation ($input: ApplyPromotionInput!) { applyPromotion(input: $input) {
  hold { fee { total { amount } } promotions { code status } } userErrors { code message } } }"""


def offers(api: Api, **variables: Any) -> list[dict[str, Any]]:
    found = api.data(AVAILABILITY, address=ADDRESS, **variables)["slotAvailability"]
    return [offer for day in found["days"] for offer in day["offers"]]


def hold_input(api: Api, **changes: Any) -> dict[str, Any]:
    first = next(o for o in offers(api) if o["available"])
    return {
        "slotId": first["slot"]["id"],
        "address": ADDRESS,
        "customer": {"reference": "ana", "name": "Ana Lima", "email": "ana@example.com", "locale": "pt-PT"},
        "idempotencyKey": new_id(),
        **changes,
    }


def held(api: Api, **changes: Any) -> dict[str, Any]:
    payload = api.data(HOLD, input=hold_input(api, **changes))["holdSlot"]
    assert payload["userErrors"] == []
    hold: dict[str, Any] = payload["hold"]
    return hold


def refusals(payload: dict[str, Any]) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


def test_offers_carry_price_grams_handover_and_reasons(api: Api) -> None:
    open_one, wide, closed = offers(api)

    assert open_one["slot"]["window"] == {
        "startsAt": "2026-11-25T18:00:00+00:00",
        "endsAt": "2026-11-25T19:00:00+00:00",
        "timeZone": "Europe/Lisbon",
    }
    assert open_one["slot"]["labels"] == ["EVENING"]
    assert "NEXT_DAY" in open_one["labels"]
    assert open_one["fee"]["total"] == {"amount": "4.50", "currencyCode": "EUR"}
    assert [part["kind"] for part in open_one["fee"]["parts"]] == ["BASE", "WINDOW", "WINDOW"]
    assert open_one["emissions"]["gramsCo2e"] == 12
    assert open_one["vehicleKind"] == "CARGO_BIKE"
    assert wide["fee"]["total"]["amount"] == "3.50"
    assert (closed["available"], closed["closed"]["reason"], closed["fee"]) == (False, "FLEET_CAPACITY", None)


def test_a_journey_from_address_to_booking_and_message(api: Api, db: Database) -> None:
    (found,) = api.data('{ addressSuggestions(text: "flores 12") { id label } }')["addressSuggestions"]
    hold = held(api, address={"id": found["id"]}, expectedFee={"amount": "4.50", "currencyCode": "EUR"})
    assert (hold["status"], hold["fee"]["total"]["amount"]) == ("ACTIVE", "4.50")
    assert next(o for o in offers(api, ref="ana") if o["slot"]["id"] == hold["slot"]["id"])["heldByCustomer"]

    porch = {"safePlace": {"place": "the porch"}}
    changed = api.data(PREFER, input={"target": {"holdId": hold["id"]}, "preference": porch})
    assert changed["setDropPreference"]["hold"]["dropPreference"] == {
        "mode": "SAFE_PLACE",
        "place": "the porch",
        "proof": ["PHOTO"],
    }
    applied = api.data(APPLY, input={"holdId": hold["id"], "code": "bemvindo", "idempotencyKey": "p"})
    assert applied["applyPromotion"]["hold"]["fee"]["total"]["amount"] == "2.50"

    confirm = {"holdId": hold["id"], "orderReference": "order-1", "idempotencyKey": "c"}
    booking = api.data(CONFIRM, input=confirm)["confirmBooking"]["booking"]
    assert (booking["status"], booking["fee"]["total"]["amount"]) == ("CONFIRMED", "2.50")
    assert booking["promise"]["history"] == [
        {
            "actor": "first",
            "reason": "booked",
            "before": None,
            "after": {"startsAt": "2026-11-25T18:00:00+00:00"},
        }
    ]
    assert booking["promotions"] == [{"code": "BEMVINDO", "status": "REDEEMED"}]

    worked(world_on(db))
    query = "query ($id: ID!) { notifications(bookingId: $id) { id status subject text locale } }"
    (message,) = api.data(query, id=booking["id"])["notifications"]
    assert (message["status"], message["locale"]) == ("SENT", "pt")
    assert "Olá Ana Lima" in message["text"]
    assert "2,50" in message["text"]
    assert booking["code"] in message["text"]
    for node in (booking["id"], hold["id"], hold["slot"]["id"], message["id"]):
        assert api.data("query ($id: ID!) { node(id: $id) { id } }", id=node)["node"]["id"] == node


def test_the_same_key_gives_the_same_payload_also_after_the_hold_has_moved_on(api: Api, clock: Clock) -> None:
    told = hold_input(api)
    first = api.data(HOLD, input=told)["holdSlot"]
    confirm = {"holdId": first["hold"]["id"], "orderReference": "o", "idempotencyKey": "c"}
    booked = api.data(CONFIRM, input=confirm)
    clock.forward(timedelta(hours=1))

    assert api.data(HOLD, input=told)["holdSlot"] == first
    assert api.data(CONFIRM, input=confirm) == booked
    other = api.data(HOLD, input={**told, "customer": {"reference": "rui"}})["holdSlot"]
    assert refusals(other) == ["IDEMPOTENCY_KEY_REUSED"]


def test_a_released_hold_is_released(api: Api) -> None:
    hold = held(api)
    assert api.data(RELEASE, id=hold["id"])["releaseHold"]["hold"]["status"] == "RELEASED"
    confirm = {"holdId": hold["id"], "orderReference": "o", "idempotencyKey": "c"}
    assert refusals(api.data(CONFIRM, input=confirm)["confirmBooking"]) == ["HOLD_RELEASED"]


def test_a_hold_that_ended_long_ago_says_what_it_was_and_what_it_would_cost(api: Api, clock: Clock) -> None:
    hold = held(api)
    clock.forward(timedelta(minutes=180))
    assert (
        api.data("query ($id: ID!) { hold(id: $id) { status } }", id=hold["id"])["hold"]["status"]
        == "EXPIRED"
    )
    confirm = {"holdId": hold["id"], "orderReference": "o", "idempotencyKey": "c"}
    payload = api.data(CONFIRM, input=confirm)["confirmBooking"]
    assert refusals(payload) == ["HOLD_EXPIRED"]
    assert "4.50 EUR" in payload["userErrors"][0]["message"]
    assert len(payload["alternatives"]) == 1


def test_alcohol_is_handed_over_in_person(api: Api) -> None:
    wine = {"traits": ["AGE_RESTRICTED"]}
    shown = offers(api, basket=wine)[0]["handoverOptions"]
    reasons = {option["mode"]: option["reason"] for option in shown}
    assert reasons == {
        "ATTENDED": None,
        "SAFE_PLACE": "AGE_CHECK_REQUIRES_HANDOVER",
        "NEIGHBOUR": "AGE_CHECK_REQUIRES_HANDOVER",
    }
    told = hold_input(api, basket=wine, dropPreference={"safePlace": {"place": "porch"}})
    payload = api.data(HOLD, input=told)["holdSlot"]
    assert refusals(payload) == ["AGE_CHECK_REQUIRES_HANDOVER"]
    assert payload["userErrors"][0]["field"] == ["input", "dropPreference"]


def test_a_price_that_moved_is_refused_with_the_new_one(api: Api) -> None:
    told = hold_input(api, expectedFee={"amount": "1.00", "currencyCode": "EUR"})
    payload = api.data(HOLD, input=told)["holdSlot"]
    assert refusals(payload) == ["FEE_CHANGED"]
    assert "4.50" in payload["userErrors"][0]["message"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"address": {"point": {"latitude": 41.1, "longitude": -9.5}}}, "OUT_OF_ZONE"),
        ({"address": {"postal": {"line1": "Rua Nenhures 1", "countryCode": "PT"}}}, "ADDRESS_NOT_FOUND"),
        ({"slotId": to_global("DeliverySlot", "nothing")}, "SLOT_NOT_FOUND"),
        ({"basket": {"weightGrams": 10_000_000}}, "BASKET_TOO_LARGE"),
        ({"customer": {"reference": "x", "email": "ana at home"}}, None),
        ({"customer": {"reference": ""}}, "INVALID_REFERENCE"),
        ({"idempotencyKey": ""}, "INVALID"),
    ],
    ids=[
        "out of zone",
        "unknown address",
        "unknown slot",
        "too large",
        "bad email",
        "no reference",
        "no key",
    ],
)
def test_bad_input_is_refused_by_name_and_changes_nothing(api: Api, changes: Any, code: str | None) -> None:
    body = api.send(HOLD, input=hold_input(api, **changes))
    if code is None:
        assert body["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    else:
        assert refusals(body["data"]["holdSlot"]) == [code]
        assert body["data"]["holdSlot"]["userErrors"][0]["message"]
    assert sum(o["available"] for o in offers(api)) == 2


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"address": {"point": {"latitude": 91, "longitude": 0}}}, "BAD_USER_INPUT"),
        ({"address": {"point": {"latitude": 41.1, "longitude": -9.5}}}, "OUT_OF_ZONE"),
        ({"address": {"postal": {"line1": "Nenhures 1", "countryCode": "PT"}}}, "ADDRESS_NOT_FOUND"),
        ({"address": {"postal": ADDRESS["postal"] | {"countryCode": "ES"}}}, "ADDRESS_NOT_FOUND"),
        ({"address": {"id": "rubbish"}}, "BAD_USER_INPUT"),
        ({"address": {"id": to_global("SlotHold", "x")}}, "BAD_USER_INPUT"),
        ({"address": {}}, "BAD_USER_INPUT"),
        ({"address": ADDRESS, "from": "2026-11-25T18:00:00"}, "BAD_USER_INPUT"),
        ({"address": ADDRESS, "from": "2026-W48-1"}, "BAD_USER_INPUT"),
        ({"address": ADDRESS, "from": "2026-11-25", "to": "2026-12-25"}, "TOO_MANY_DAYS"),
        ({"address": ADDRESS, "basket": {"weightGrams": -1}}, "BAD_USER_INPUT"),
        (
            {"address": ADDRESS, "basket": {"value": {"amount": 3.5, "currencyCode": "EUR"}}},
            "BAD_USER_INPUT",
        ),
        (
            {"address": ADDRESS, "basket": {"value": {"amount": "3.555", "currencyCode": "EUR"}}},
            "BAD_USER_INPUT",
        ),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(api: Api, variables: Any, code: str) -> None:
    body = api.send(AVAILABILITY, **variables)
    assert [error["extensions"]["code"] for error in body["errors"]] == [code]
    assert (body.get("data") or {}).get("slotAvailability") is None


@pytest.mark.parametrize(
    ("variables", "field", "said"),
    [
        (
            {"address": {"point": {"latitude": 91, "longitude": 0}}},
            ["address", "point"],
            "latitude must lie between -90 and 90, not 91",
        ),
        (
            {"address": ADDRESS, "basket": {"frozenMillilitres": -1}},
            ["basket", "frozenMillilitres"],
            "frozenMillilitres must not be negative",
        ),
        (
            {"address": ADDRESS, "basket": {"value": {"amount": "-1.00", "currencyCode": "EUR"}}},
            ["basket", "value"],
            "must not be negative",
        ),
    ],
)
def test_input_that_cannot_mean_anything_is_named_as_the_caller_wrote_it(
    api: Api, variables: Any, field: list[str], said: str
) -> None:
    (error,) = api.send(AVAILABILITY, **variables)["errors"]
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": field}
    assert said in error["message"]


def test_another_storefront_sees_and_changes_nothing(api: Api) -> None:
    hold = held(api)
    confirm = {"holdId": hold["id"], "orderReference": "o", "idempotencyKey": "c"}
    booking = api.data(CONFIRM, input=confirm)["confirmBooking"]["booking"]
    stranger = Api(api.client, "other-key")

    assert stranger.data("query ($id: ID!) { node(id: $id) { id } }", id=hold["id"])["node"] is None
    assert stranger.data("query ($id: ID!) { booking(id: $id) { id } }", id=booking["id"])["booking"] is None
    assert stranger.data("{ bookings(first: 10) { nodes { id } } }")["bookings"]["nodes"] == []
    asked = stranger.data("query ($id: ID!) { notifications(bookingId: $id) { id } }", id=booking["id"])
    assert asked["notifications"] == []
    assert refusals(stranger.data(CONFIRM, input=confirm)["confirmBooking"]) == ["HOLD_NOT_FOUND"]
    assert stranger.data(RELEASE, id=hold["id"])["releaseHold"]["userErrors"] == [{"code": "HOLD_NOT_FOUND"}]
    target = {"target": {"bookingId": booking["id"]}, "preference": {"attended": {}}}
    assert refusals(stranger.data(PREFER, input=target)["setDropPreference"]) == ["BOOKING_NOT_FOUND"]


def test_bookings_come_in_pages_by_key(api: Api) -> None:
    codes = []
    for number in range(5):
        hold = held(api, customer={"reference": f"c{number}"})
        confirm = {"holdId": hold["id"], "orderReference": f"o{number}", "idempotencyKey": f"k{number}"}
        codes.append(api.data(CONFIRM, input=confirm)["confirmBooking"]["booking"]["code"])
    page = """query ($first: Int, $after: String, $last: Int) { bookings(first: $first, after: $after, last: $last) {
      nodes { code } pageInfo { hasNextPage hasPreviousPage endCursor } } }"""
    seen, after = [], None
    while True:
        found = api.data(page, first=2, after=after)["bookings"]
        seen += [node["code"] for node in found["nodes"]]
        after = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break
    assert seen == codes[::-1]
    assert [n["code"] for n in api.data(page, last=2)["bookings"]["nodes"]] == codes[1::-1]
    assert api.codes("{ bookings { nodes { id } } }") == ["BAD_USER_INPUT"]
    assert api.codes("{ bookings(first: 101) { nodes { id } } }") == ["BAD_USER_INPUT"]


def test_a_change_on_an_old_version_is_refused(api: Api, opened: Opened) -> None:
    assert opened
    hold = held(api)
    told = {"target": {"holdId": hold["id"]}, "preference": {"attended": {}}, "expectedVersion": 9}
    assert refusals(api.data(PREFER, input=told)["setDropPreference"]) == ["VERSION_CONFLICT"]
