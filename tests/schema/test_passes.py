"""Delivery passes through the API."""

from typing import Any

from tests.api import Api
from tests.schema.conftest import Opened

GRANT = """
mutation ($input: GrantDeliveryPassInput!) {
  grantDeliveryPass(input: $input) {
    deliveryPass { id label validFrom validUntil windows maxDeliveries used endedAt covers { amount currencyCode }
      minBasket { amount } }
    userErrors { code message }
  }
}"""
END = """
mutation ($input: EndDeliveryPassInput!) {
  endDeliveryPass(input: $input) { deliveryPass { id endedAt } userErrors { code } } }"""
PASSES = "query ($who: String!) { deliveryPasses(customerReference: $who) { id used maxDeliveries endedAt } }"
OFFERS = """
query ($point: PointInput!, $who: String) {
  slotAvailability(address: {point: $point}, from: "2026-11-25", to: "2026-11-25", customerReference: $who) {
    days { offers { slot { id } available fee { total { amount } parts { kind label amount { amount } } } } } } }"""
HOLD = """
mutation ($input: HoldSlotInput!) {
  holdSlot(input: $input) {
    hold { id fee { total { amount } parts { kind amount { amount } } } } userErrors { code } } }"""
CONFIRM = """
mutation ($input: ConfirmBookingInput!) {
  confirmBooking(input: $input) { booking { fee { total { amount } parts { kind } } } userErrors { code } } }"""


def terms(**changes: Any) -> dict[str, Any]:
    return {
        "customer": {"reference": "ana"},
        "label": "Delivery pass",
        "validFrom": "2026-11-01T00:00:00+00:00",
        "validUntil": "2027-11-01T00:00:00+00:00",
        "covers": {"amount": "3.00", "currencyCode": "EUR"},
        "maxDeliveries": 1,
        "idempotencyKey": "pass-1",
        **changes,
    }


def test_a_pass_pays_its_part_of_the_fee_that_is_shown_held_and_booked(api: Api, opened: Opened) -> None:
    granted = api.data(GRANT, input=terms())["grantDeliveryPass"]
    assert granted["userErrors"] == []
    made = granted["deliveryPass"]
    assert (made["covers"], made["minBasket"], made["windows"]) == (
        {"amount": "3.00", "currencyCode": "EUR"},
        {"amount": "0.00"},
        "ALL",
    )
    assert api.data(GRANT, input=terms())["grantDeliveryPass"]["deliveryPass"]["id"] == made["id"]

    point = {"latitude": opened.shop.point.latitude, "longitude": opened.shop.point.longitude}
    offers = api.data(OFFERS, point=point, who="ana")["slotAvailability"]["days"][0]["offers"]
    shown = next(one for one in offers if one["available"])
    assert {"kind": "PASS", "label": "Delivery pass", "amount": {"amount": "-3.00"}} in shown["fee"]["parts"]

    total = shown["fee"]["total"]["amount"]
    told = {
        "slotId": shown["slot"]["id"],
        "address": {"point": point},
        "customer": {"reference": "ana"},
        "expectedFee": {"amount": total, "currencyCode": "EUR"},
        "idempotencyKey": "hold-1",
    }
    hold = api.data(HOLD, input=told)["holdSlot"]["hold"]
    assert hold["fee"]["total"]["amount"] == total
    order = {"holdId": hold["id"], "orderReference": "o-1", "idempotencyKey": "confirm-1"}
    booking = api.data(CONFIRM, input=order)["confirmBooking"]["booking"]
    assert booking["fee"]["total"]["amount"] == total
    assert "PASS" in [part["kind"] for part in booking["fee"]["parts"]]
    (mine,) = api.data(PASSES, who="ana")["deliveryPasses"]
    assert (mine["used"], mine["maxDeliveries"]) == (1, 1)
    # Its only delivery is spent.
    again = api.data(OFFERS, point=point, who="ana")["slotAvailability"]["days"][0]["offers"]
    assert all(part["kind"] != "PASS" for one in again if one["fee"] for part in one["fee"]["parts"])


def test_a_pass_is_ended_by_its_own_storefront(api: Api) -> None:
    made = api.data(GRANT, input=terms())["grantDeliveryPass"]["deliveryPass"]
    other = Api(api.client, "other-key")
    assert other.data(END, input={"passId": made["id"]})["endDeliveryPass"]["userErrors"] == [
        {"code": "PASS_NOT_FOUND"}
    ]
    assert other.data(PASSES, who="ana")["deliveryPasses"] == []
    ended = api.data(END, input={"passId": made["id"]})["endDeliveryPass"]["deliveryPass"]
    assert ended["endedAt"]
    assert api.data(END, input={"passId": made["id"]})["endDeliveryPass"]["deliveryPass"] == ended


def test_what_cannot_be_granted_says_why(api: Api) -> None:
    def codes(**changes: Any) -> list[str]:
        answer = api.data(GRANT, input=terms(**changes))["grantDeliveryPass"]
        return [error["code"] for error in answer["userErrors"]]

    assert codes(validUntil="2026-10-01T00:00:00+00:00", idempotencyKey="a") == ["INVALID_PASS"]
    assert codes(maxDeliveries=0, idempotencyKey="b") == ["INVALID_PASS"]
    assert codes(customer={"reference": ""}, idempotencyKey="c") == ["INVALID_REFERENCE"]
    assert codes() == []
    assert codes(label="Another") == ["IDEMPOTENCY_KEY_REUSED"]
    assert api.codes(GRANT, input=terms(minBasket={"amount": "1.00", "currencyCode": "GBP"})) == [
        "BAD_USER_INPUT"
    ]
