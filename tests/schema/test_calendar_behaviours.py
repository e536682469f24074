"""Cut-offs to the second, by node and by wave; lead times, horizons, blackouts, holidays: through the API."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import table_of
from app.database.runner import Database
from app.places.tables import FulfilmentNode
from tests.booking.world import room
from tests.conftest import Clock
from tests.factories import evening, make_pools, pool_plan
from tests.schema.calendar_house import TUESDAY, WEDNESDAY, House, at, codes, hours, utc

EVENING_WAVE: dict[str, Any] = {
    "node": "mfc",
    "name": "Evening",
    "startsFrom": "18:00",
    "startsUntil": "22:00",
    "pickBy": "17:30",
    "weekdays": ["WEDNESDAY"],
}


def by_node(house: House) -> None:
    house.done("saveCutoffRule", key="mfc-day", kind="DAYS_BEFORE", daysBefore=0, atLocal="16:00", node="mfc")
    house.done(
        "saveCutoffRule", key="store-day", kind="DAYS_BEFORE", daysBefore=0, atLocal="12:00", node="store"
    )


def test_a_cut_off_is_kept_to_the_second_on_every_path(house: House, clock: Clock) -> None:
    rule = {"kind": "DAYS_BEFORE", "daysBefore": 0, "atLocal": "13:00", "template": "e19-20"}
    house.done("saveCutoffRule", key="one", **rule)
    clock.set(utc(WEDNESDAY, 12, 59, 59))
    offer = house.offers()[2]
    assert offer["slot"]["cutoffAt"] == "2026-11-25T13:00:00+00:00"
    held, other, booked = house.held(offer), house.held(offer), house.booked(offer)
    assert house.prefer(holdId=other["id"]) == house.prefer(bookingId=booked["id"]) == []

    clock.set(utc(WEDNESDAY, 13))
    assert house.offers()[2]["closed"]["reason"] == "CUTOFF_PASSED"
    refused = house.hold(offer)
    assert codes(refused) == ["CUTOFF_PASSED"]
    assert "13:00" in refused["userErrors"][0]["message"]
    assert codes(house.confirm(held)) == ["CUTOFF_PASSED"]
    assert house.prefer(holdId=other["id"]) == house.prefer(bookingId=booked["id"]) == ["CUTOFF_PASSED"]
    query = "query ($id: ID!) { booking(id: $id) { status } }"
    assert house.shopper.data(query, id=booked["id"])["booking"]["status"] == "LOCKED"


@pytest.mark.parametrize(("zone", "closes"), [("A", 16), ("B", 12)])
def test_the_same_window_closes_by_the_node_that_serves_the_zone(
    house: House, clock: Clock, zone: str, closes: int
) -> None:
    by_node(house)
    clock.set(utc(WEDNESDAY, closes) - timedelta(seconds=1))
    offer = house.offers(zone)[2]
    assert offer["available"]
    assert offer["slot"]["cutoffAt"] == f"2026-11-25T{closes}:00:00+00:00"
    booking = house.booked(offer, zone)
    assert booking["slot"]["cutoffAt"] == f"2026-11-25T{closes}:00:00+00:00"
    clock.set(utc(WEDNESDAY, closes))
    assert house.offers(zone)[2]["closed"]["reason"] == "CUTOFF_PASSED"
    assert codes(house.hold(offer, zone)) == ["CUTOFF_PASSED"]


def test_an_address_of_both_nodes_gets_the_later_cut_off(house: House, clock: Clock) -> None:
    by_node(house)
    clock.set(utc(WEDNESDAY, 11, 59, 59))
    offer = house.offers()[2]
    assert offer["slot"]["cutoffAt"] == "2026-11-25T16:00:00+00:00"
    from_store = house.held(offer)
    assert from_store["slot"]["cutoffAt"] == "2026-11-25T12:00:00+00:00"

    clock.set(utc(WEDNESDAY, 12))
    assert codes(house.confirm(from_store)) == ["CUTOFF_PASSED"]
    from_centre = house.held(house.offers()[2])
    assert from_centre["slot"]["cutoffAt"] == "2026-11-25T16:00:00+00:00"
    clock.set(utc(WEDNESDAY, 12, 59))
    assert house.confirm(from_centre)["booking"]["slot"]["cutoffAt"] == "2026-11-25T16:00:00+00:00"
    clock.set(utc(WEDNESDAY, 16))
    assert house.offers()[2]["closed"]["reason"] == "CUTOFF_PASSED"


def test_the_later_cut_off_needs_picking_capacity_at_its_node(house: House, clock: Clock) -> None:
    by_node(house)
    wave = {**EVENING_WAVE, "capacityOrders": 1}
    house.done("savePickWave", key="late", **wave)
    house.booked(house.offers("A")[2], "A")

    clock.set(utc(WEDNESDAY, 11, 59, 59))
    both = house.offers()[2]
    assert both["slot"]["cutoffAt"] == "2026-11-25T12:00:00+00:00"
    clock.set(utc(WEDNESDAY, 12))
    full = house.offers()[2]
    assert full["closed"]["reason"] == "NODE_CAPACITY"
    assert codes(house.hold(full)) == ["SLOT_FULL"]
    house.done("savePickWave", key="late", **{**wave, "capacityOrders": 2})
    assert house.offers()[2]["slot"]["cutoffAt"] == "2026-11-25T16:00:00+00:00"
    assert house.booked(house.offers()[2])


OPENINGS = """query ($address: AddressInput!) { slotAvailability(address: $address, from: "2026-11-25",
  to: "2026-11-25") { days { offers { slot { id } closed { reason opensWith { kind message slot { id } } } } } } }"""


def test_what_one_place_cannot_do_another_one_does_later_that_day(house: House, db: Database) -> None:
    """Zone C from 18 to 19 has the store alone, which is full then; the centre serves from 20 to 21."""
    late = {"name": "Late", "rrule": "FREQ=DAILY", "startsLocal": "20:00", "endsLocal": "21:00"}
    house.done("saveSlotTemplate", key="late", **late, cutoff="usual", validFrom="2026-11-24")
    db.write_now(lambda c, _: one_place_each(c, house))
    house.held(house.offers("C")[0])
    (day,) = house.shopper.data(OPENINGS, address=at("C"))["slotAvailability"]["days"]
    closed = day["offers"][0]["closed"]
    assert (closed["reason"], [one["kind"] for one in closed["opensWith"]]) == (
        "FULL",
        ["OTHER_NODE", "WAITLIST"],
    )
    assert closed["opensWith"][0]["slot"]["id"] == day["offers"][-1]["slot"]["id"]
    assert "20:00" in closed["opensWith"][0]["message"]


SAVE_POINT = """mutation ($input: CollectionPointInput!) { saveCollectionPoint(input: $input) {
  collectionPoint { id key name address point { latitude } } userErrors { code field } } }"""
REMOVE_POINT = """mutation ($input: RemoveCollectionPointInput!) { removeCollectionPoint(input: $input) {
  collectionPoint { key } userErrors { code } } }"""
POINTS_NEAR = "query ($near: AddressInput!) { collectionPoints(near: $near, first: 3) { id name } }"
COLLECTED = """query ($address: AddressInput!) { slotAvailability(address: $address, from: "2026-11-25",
  to: "2026-11-25") { days { offers { slot { id } closed { reason opensWith { kind message slot { id }
  collectionPoint { id name } } } } } } }"""


def test_a_closed_window_can_be_collected_where_it_is_open(house: House) -> None:
    told = {"key": "kiosk", "name": "Kiosk Lapa", "address": "Rua da Lapa 3", **at("A")}
    made = house.operator.data(SAVE_POINT, input=told)["saveCollectionPoint"]
    assert made["userErrors"] == []
    span = {"startsAt": "2026-11-25T18:00:00+00:00", "endsAt": "2026-11-25T19:00:00+00:00"}
    house.done("saveBlackout", key="roadworks", **span, reason="Road works", zone="C")
    (day,) = house.shopper.data(COLLECTED, address=at("C"))["slotAvailability"]["days"]
    closed = day["offers"][0]["closed"]
    named = next(one for one in closed["opensWith"] if one["kind"] == "COLLECTION_POINT")
    assert (closed["reason"], named["collectionPoint"]) == (
        "BLACKOUT",
        {"id": made["collectionPoint"]["id"], "name": "Kiosk Lapa"},
    )
    assert "Kiosk Lapa" in named["message"]

    # What it names can be held, at that address.
    there = {"collectionPointId": made["collectionPoint"]["id"]}
    held = house.hold({"slot": named["slot"]}, address=there)
    assert held["userErrors"] == []
    assert house.shopper.data(POINTS_NEAR, near=at("C"))["collectionPoints"] == [
        {"id": made["collectionPoint"]["id"], "name": "Kiosk Lapa"}
    ]
    gone = house.operator.data(REMOVE_POINT, input={"key": "kiosk"})["removeCollectionPoint"]
    assert gone == {"collectionPoint": {"key": "kiosk"}, "userErrors": []}
    assert codes(house.hold({"slot": named["slot"]}, address=there)) == ["ADDRESS_NOT_FOUND"]
    assert house.confirm(held["hold"])["userErrors"] == [], "what is held there stays"
    (day,) = house.shopper.data(COLLECTED, address=at("C"))["slotAvailability"]["days"]
    assert all(one["kind"] != "COLLECTION_POINT" for one in day["offers"][0]["closed"]["opensWith"])


def test_who_may_write_a_collection_point_and_what_makes_no_sense(house: House) -> None:
    told = {"key": "kiosk", "name": "Kiosk", "address": "Rua 3", **at("A")}
    answers = [
        house.shopper.data(SAVE_POINT, input=told)["saveCollectionPoint"],
        house.shopper.data(REMOVE_POINT, input={"key": "kiosk"})["removeCollectionPoint"],
        house.operator.data(SAVE_POINT, input={**told, "name": " "})["saveCollectionPoint"],
        house.operator.data(SAVE_POINT, input={**told, "point": {"latitude": 41.9, "longitude": -8.1}})[
            "saveCollectionPoint"
        ],
        house.operator.data(REMOVE_POINT, input={"key": "kiosk"})["removeCollectionPoint"],
    ]
    assert [codes(one) for one in answers] == [
        ["OPERATORS_ONLY"], ["OPERATORS_ONLY"], ["INVALID_COLLECTION_POINT"], ["OUT_OF_ZONE"],
        ["COLLECTION_POINT_NOT_FOUND"],
    ]  # fmt: skip


def one_place_each(conn: Connection, house: House) -> None:
    """On Wednesday the store sells one drop from 18 to 19, the centre ten from 20 to 21."""
    nodes = {row.key: row.id for row in conn.execute(sa.select(table_of(FulfilmentNode)))}
    plans = [
        pool_plan(house.shop, evening(start=hour, end=hour + 1), sell=room(orders), node_id=nodes[node])
        for node, hour, orders in (("store", 18, 1), ("mfc", 20, 10))
    ]
    make_pools(conn, *plans)


def test_an_expired_hold_gives_its_wave_back_to_other_windows(house: House, clock: Clock) -> None:
    house.done("savePickWave", key="late", **{**EVENING_WAVE, "capacityOrders": 1})
    early, _, late = house.offers("A")
    house.held(early, "A")
    assert [o["closed"] and o["closed"]["reason"] for o in house.offers("A")] == ["NODE_CAPACITY"] * 3
    clock.forward(timedelta(minutes=60))
    assert all(offer["available"] for offer in house.offers("A"))
    assert house.booked(late, "A")
    assert codes(house.hold(early, "A")) == ["SLOT_FULL"]


def test_a_wave_closes_every_window_of_a_day_at_once(house: House, clock: Clock) -> None:
    late = {"kind": "ELAPSED", "elapsedMin": 5, "template": "e19-20", "node": "mfc"}
    house.done("saveCutoffRule", key="narrow", **late)
    wave = {"kind": "WAVE", "daysBefore": 1, "atLocal": "18:00", "weekdays": ["WEDNESDAY"]}
    effect = house.done("saveCutoffRule", key="wednesday", **wave)
    assert effect["moved"] > 0
    assert effect["change"]["moved"] == effect["moved"]

    clock.set(utc(TUESDAY, 17, 59, 59))
    assert [o["available"] for o in house.offers()] == [True] * 3
    assert {o["slot"]["cutoffAt"] for o in house.offers()} == {"2026-11-24T18:00:00+00:00"}
    clock.set(utc(TUESDAY, 18))
    assert [o["closed"]["reason"] for o in house.offers()] == ["CUTOFF_PASSED"] * 3
    assert house.offers(day=TUESDAY)[2]["available"]


def test_a_change_of_the_rule_leaves_what_was_promised(house: House, clock: Clock) -> None:
    offer = house.offers()[2]
    booked, held = house.booked(offer), house.held(offer)
    sooner = {"kind": "DAYS_BEFORE", "daysBefore": 0, "atLocal": "09:00", "template": "e19-20"}
    effect = house.done("saveCutoffRule", key="sooner", **sooner)
    assert (effect["bookings"], effect["holds"]) == (1, 1)
    assert {claim["cutoffAt"] for claim in effect["claims"]} == {"2026-11-25T18:00:00+00:00"}
    assert house.offers()[2]["slot"]["cutoffAt"] == "2026-11-25T09:00:00+00:00"

    assert house.confirm(held)["booking"]["slot"]["cutoffAt"] == "2026-11-25T18:00:00+00:00"
    clock.set(utc(WEDNESDAY, 17, 59, 59))
    assert house.prefer(bookingId=booked["id"]) == []
    clock.set(utc(WEDNESDAY, 18))
    assert house.prefer(bookingId=booked["id"]) == ["CUTOFF_PASSED"]


def test_a_lead_time_closes_before_the_cut_off_and_for_new_orders_only(house: House, clock: Clock) -> None:
    offer = house.offers()[2]
    held = house.held(offer)
    house.done("saveLeadTime", key="store", leastMin=600, node="store")
    clock.set(utc(TUESDAY, 9, 30))
    assert house.done("saveLeadTime", key="centre", leastMin=24 * 60, node="mfc")["dryRun"] is False

    clock.set(utc(WEDNESDAY, 8, 59, 59))
    assert house.offers()[2]["available"]
    assert house.held(offer)
    clock.set(utc(WEDNESDAY, 9))
    assert house.offers()[2]["closed"]["reason"] == "LEAD_TIME"
    refused = house.hold(offer)
    assert codes(refused) == ["LEAD_TIME"]
    assert "2026-11-25T09:00" in refused["userErrors"][0]["message"]
    clock.set(utc(TUESDAY, 9, 59))
    assert house.confirm(held)["userErrors"] == []


def test_a_group_of_customers_may_choose_further_ahead(house: House) -> None:
    house.done("saveBookingHorizon", key="usual", storefront=house.storefront, customerGroup="new", days=1)
    house.done("saveBookingHorizon", key="gold", storefront=house.storefront, customerGroup="gold", days=3)
    offer = house.offers()[0]
    refused = house.hold(offer, customer={"reference": "n", "group": "new"})
    assert codes(refused) == ["BEYOND_HORIZON"]
    assert "2026-11-24" in refused["userErrors"][0]["message"]
    assert house.held(offer, customer={"reference": "g", "group": "gold"})
    assert house.held(offer, customer={"reference": "u"})

    house.held(house.offers(day=TUESDAY)[0], customer={"reference": "n", "group": "new"})
    assert house.offers(ref="n")[0]["closed"]["reason"] == "HORIZON"
    assert house.offers(ref="g")[0]["available"]
    # What the storefront told once stays until it tells something else.
    assert codes(house.hold(offer, customer={"reference": "n"})) == ["BEYOND_HORIZON"]
    assert codes(house.hold(offer, customer={"reference": "n", "group": " \n"})) == ["INVALID_GROUP"]


def test_a_blackout_blocks_new_holds_at_once_and_changes_nothing_else(house: House) -> None:
    offer = house.offers()[2]
    booked, held = house.booked(offer), house.held(offer)
    span = {"startsAt": "2026-11-25T18:30:00+00:00", "endsAt": "2026-11-25T19:30:00+00:00"}
    told = {"key": "storm", **span, "reason": "Storm warning", "zone": "C"}
    seen = house.done("saveBlackout", **told, dryRun=True)
    assert (seen["closed"], seen["bookings"], seen["holds"]) == (3, 1, 1)
    assert {claim["bookingId"] for claim in seen["claims"]} == {booked["id"], None}
    assert {claim["holdId"] for claim in seen["claims"]} == {held["id"], None}
    assert house.offers()[2]["available"]

    effect = house.done("saveBlackout", **told)
    assert {**effect, "dryRun": True, "change": None} == seen
    closed = house.offers()[2]["closed"]
    assert closed["reason"] == "BLACKOUT"
    assert "Storm warning" in closed["message"]
    refused = house.hold(offer)
    assert codes(refused) == ["BLACKOUT"]
    assert "Storm warning" in refused["userErrors"][0]["message"]
    assert house.offers("A")[2]["available"]
    assert house.confirm(held)["booking"]["status"] == "CONFIRMED"
    query = "query ($id: ID!) { booking(id: $id) { status slot { cutoffAt } } }"
    assert house.shopper.data(query, id=booked["id"])["booking"]["status"] == "CONFIRMED"

    gone = house.done("removeFromCalendar", kind="BLACKOUT", key="storm")
    assert gone["opened"] == 3
    assert house.offers()[2]["available"]


def test_a_blackout_of_a_node_closes_its_pools_only(house: House) -> None:
    span = {"startsAt": "2026-11-25T18:00:00+00:00", "endsAt": "2026-11-25T19:00:00+00:00"}
    effect = house.done("saveBlackout", key="dock", **span, reason="Dock under repair", node="store")
    assert effect["closedFromNode"] == 6
    assert effect["closed"] == 0
    assert [o["available"] for o in house.offers("B")] == [False, True, True]
    assert house.offers("B")[0]["closed"]["reason"] == "BLACKOUT"
    assert [o["available"] for o in house.offers("C")] == [True] * 3
    assert [o["available"] for o in house.offers("A")] == [True] * 3


def test_a_regional_holiday_closes_one_node_and_not_its_neighbour(house: House, clock: Clock) -> None:
    # 1 December is a holiday everywhere in Portugal, 24 June in the district of Porto only.
    clock.set(utc(date(2027, 6, 22), 9))
    house.done("saveHolidayRule", key="store-rests", countryCode="PT", region="13", node="store")
    told = {"name": "Late", "rrule": "FREQ=DAILY", "startsLocal": "20:00", "endsLocal": "21:00"}
    house.done("saveSlotTemplate", key="late", **told, cutoff="usual", validFrom="2027-06-22")
    san_joao = date(2027, 6, 24)
    closed = [o["closed"]["reason"] for o in house.offers("B", san_joao)]
    assert closed == ["FLEET_CAPACITY"] * 4
    house.done("saveHolidayRule", key="lisbon", countryCode="PT", region="11", node="mfc")
    assert len(house.offers("A", san_joao)) == 4
    house.done("saveHolidayRule", key="all-rest", countryCode="PT", region="13", zone="A")
    assert house.offers("A", san_joao) == []
    assert len(house.offers("C", san_joao)) == 4


def test_a_special_saturday_timetable_replaces_the_normal_one(house: House) -> None:
    saturday, sunday = date(2026, 11, 28), date(2026, 11, 29)
    assert hours(house.offers(day=saturday)) == ["18-19", "18-20", "19-20"]
    days = {"rrule": "FREQ=WEEKLY;BYDAY=SA", "validFrom": "2026-11-28", "validUntil": "2026-11-28"}
    effect = house.done("saveTimetable", key="fair", name="Fair", **days, zone="C")
    assert effect["closed"] == 3
    told = {"name": "Fair noon", "rrule": "FREQ=DAILY", "startsLocal": "12:00", "endsLocal": "14:00"}
    made = house.done(
        "saveSlotTemplate", key="fair-noon", **told, cutoff="usual", validFrom="2026-11-01", timetable="fair"
    )
    assert made["opened"] == 1
    assert hours(house.offers(day=saturday)) == ["12-14"]
    assert hours(house.offers("A", saturday)) == ["18-19", "18-20", "19-20"]
    assert hours(house.offers(day=sunday)) == ["18-19", "18-20", "19-20"]

    assert codes(house.write("removeFromCalendar", kind="TIMETABLE", key="fair")) == ["RULE_IN_USE"]
    house.done("removeFromCalendar", kind="TEMPLATE", key="fair-noon")
    assert house.done("removeFromCalendar", kind="TIMETABLE", key="fair")["opened"] == 3
    assert hours(house.offers(day=saturday)) == ["18-19", "18-20", "19-20"]


def test_a_timetable_of_a_node_leaves_the_others_as_they_are(house: House) -> None:
    house.done(
        "saveTimetable", key="inventory", name="Inventory", rrule="FREQ=DAILY",
        validFrom="2026-11-25", validUntil="2026-11-25", node="store",
    )  # fmt: skip
    assert [o["closed"] and o["closed"]["reason"] for o in house.offers("B")] == ["BLACKOUT"] * 3
    assert [o["available"] for o in house.offers("C")] == [True] * 3
    assert house.held(house.offers("C")[0])


def test_standing_bookings_outlive_a_day_that_is_left_out(house: House) -> None:
    offer = house.offers()[2]
    booked = house.booked(offer)
    effect = house.done("saveSlotException", key="no-19", template="e19-20", date="2026-11-25")
    assert (effect["closed"], effect["bookings"]) == (3, 1)
    assert hours(house.offers()) == ["18-19", "18-20"]
    assert codes(house.hold(offer)) == ["SLOT_NOT_FOUND"]
    query = "query ($id: ID!) { booking(id: $id) { status slot { window { startsAt } } } }"
    found = house.shopper.data(query, id=booked["id"])["booking"]
    assert found == {"status": "CONFIRMED", "slot": {"window": {"startsAt": "2026-11-25T19:00:00+00:00"}}}

    other = house.done(
        "saveSlotException",
        key="no-19",
        template="e19-20",
        date="2026-11-25",
        zone="C",
        startsLocal="20:00",
        endsLocal="21:00",
    )
    assert (other["opened"], other["closed"]) == (3, 0)
    assert hours(house.offers()) == ["18-19", "18-20", "20-21"]
    assert hours(house.offers("A")) == ["18-19", "18-20", "19-20"]


def local(instant: str) -> str:
    """An instant as the clock on the wall shows it in Porto."""
    return datetime.fromisoformat(instant).astimezone(ZoneInfo("Europe/Lisbon")).strftime("%F %H:%M")


def starting(offers: list[dict[str, Any]], hour: int) -> list[dict[str, Any]]:
    """The offers that begin at a local hour."""
    return [o for o in offers if local(o["slot"]["window"]["startsAt"]).endswith(f" {hour:02}:00")]


@pytest.mark.parametrize(
    ("change", "elapsed", "nights"),
    [(date(2027, 3, 28), "10:00", 0), (date(2027, 10, 31), "12:00", 1)],
    ids=["spring", "autumn"],
)
def test_days_and_hours_differ_on_the_sundays_that_the_clocks_change(
    house: House, clock: Clock, change: date, elapsed: str, nights: int
) -> None:
    first, saturday = change - timedelta(days=3), change - timedelta(days=1)
    clock.set(utc(first, 9))
    told = {"rrule": "FREQ=DAILY", "cutoff": "usual", "validFrom": first.isoformat()}
    house.done("saveSlotTemplate", key="day", name="Day", startsLocal="11:00", endsLocal="13:00", **told)
    night = {"name": "Night", "startsLocal": "01:00", "endsLocal": "02:00"}
    skipped = house.done("saveSlotTemplate", key="night", **night, **told)["skipped"]
    assert [change.isoformat() in sentence for sentence in skipped] == ([] if nights else [True])

    rule = {"kind": "DAYS_BEFORE", "daysBefore": 1, "atLocal": "11:00", "template": "day"}
    house.done("saveCutoffRule", key="one", **rule)
    (morning,) = starting(house.offers(day=change), 11)
    assert local(morning["slot"]["cutoffAt"]) == f"{saturday} 11:00"
    house.done("saveCutoffRule", key="one", kind="ELAPSED", elapsedMin=24 * 60, template="day")
    (morning,) = starting(house.offers(day=change), 11)
    assert local(morning["slot"]["cutoffAt"]) == f"{saturday} {elapsed}"
    for day in (saturday, change, change + timedelta(days=1)):
        assert len(starting(house.offers(day=day), 18)) == 2
    assert len(starting(house.offers(day=change), 1)) == nights
