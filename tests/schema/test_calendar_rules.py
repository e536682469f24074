"""Operators write rules: who may, what is refused and where, what a dry run says, what the history keeps."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from app.database.rows import rows, table_of
from app.database.runner import Database
from app.jobs import Job
from app.slots.tables import CalendarChange, CutoffRule, DeliverySlot, SlotTemplate
from tests.conftest import Clock
from tests.schema.calendar_house import INPUTS, WEDNESDAY, House, codes, hours, utc

TEMPLATE = {
    "key": "noon",
    "name": "Noon",
    "rrule": "FREQ=DAILY",
    "startsLocal": "12:00",
    "endsLocal": "13:00",
    "cutoff": "usual",
    "validFrom": "2026-11-01",
}
CUTOFF = {"key": "cut", "kind": "DAYS_BEFORE", "daysBefore": 1, "atLocal": "18:00"}
WAVE = {
    "key": "late",
    "node": "mfc",
    "name": "Evening",
    "startsFrom": "18:00",
    "startsUntil": "22:00",
    "weekdays": ["WEDNESDAY"],
    "pickBy": "17:30",
}
TIMETABLE = {"key": "fair", "name": "Fair", "rrule": "FREQ=DAILY", "validFrom": "2026-11-28"}
BLACKOUT = {
    "key": "storm",
    "startsAt": "2026-11-25T18:00:00+00:00",
    "endsAt": "2026-11-25T20:00:00+00:00",
    "reason": "Storm",
}
EXCEPTION = {"key": "off", "template": "e18-19", "date": "2026-11-25"}
HOLIDAY = {"key": "rest", "countryCode": "PT", "region": "13"}
LEAD = {"key": "lead", "leastMin": 60}

CALENDAR = """{ calendar { zones { code name timeZone } nodes { key name kind } storefronts { key name }
  templates { key rrule startsLocal endsLocal cutoff timetable validFrom validUntil }
  exceptions { key template date startsLocal } timetables { key rrule zone node } holidays { key countryCode region node }
  cutoffs { key kind elapsedMin daysBefore atLocal weekdays template zone node wave }
  pickWaves { key node weekdays capacityOrders } leadTimes { key leastMin zone } horizons { key customerGroup days }
  blackouts { key startsAt endsAt reason zone node template } } }"""
CHANGES = """query ($key: String, $first: Int!, $after: ID) { calendarChanges(key: $key, first: $first, after: $after) {
  id at actor reason kind key opened closed moved fields { name before after } } }"""


def stored(db: Database) -> tuple[int, ...]:
    """How many rules, slots and changes there are."""
    models = (SlotTemplate, CutoffRule, DeliverySlot, CalendarChange, Job)
    return db.read_now(
        lambda c, _: tuple(
            c.execute(sa.select(sa.func.count()).select_from(table_of(model))).scalar_one()
            for model in models
        )
    )


SENSELESS: list[tuple[str, dict[str, Any], str, str]] = [
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "every day"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "FREQ=HOURLY"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "FREQ=DAILY;BYHOUR=5"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "FREQ=DAILY;INTERVAL=0"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "FREQ=WEEKLY;BYDAY=XX"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "FREQ=DAILY;UNTIL=20261231T000000Z"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "FREQ=DAILY;UNTIL=20200101"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "rrule": "FREQ=DAILY;COUNT=2;BYMONTH=2;BYMONTHDAY=30"}, "INVALID_RECURRENCE", "rrule"),
        ("saveSlotTemplate", {**TEMPLATE, "startsLocal": "25:00"}, "INVALID_LOCAL_TIME", "startsLocal"),
        ("saveSlotTemplate", {**TEMPLATE, "endsLocal": "1pm"}, "INVALID_LOCAL_TIME", "endsLocal"),
        ("saveSlotTemplate", {**TEMPLATE, "endsLocal": "12:00"}, "INVALID_SPAN", "endsLocal"),
        ("saveSlotTemplate", {**TEMPLATE, "validUntil": "2026-10-31"}, "INVALID_SPAN", "validUntil"),
        ("saveSlotTemplate", {**TEMPLATE, "cutoff": "nothing"}, "UNKNOWN_CUTOFF", "cutoff"),
        ("saveSlotTemplate", {**TEMPLATE, "timetable": "nothing"}, "UNKNOWN_TIMETABLE", "timetable"),
        ("saveSlotTemplate", {**TEMPLATE, "key": " "}, "INVALID_TEXT", "key"),
        ("saveSlotTemplate", {**TEMPLATE, "name": "a\nb"}, "INVALID_TEXT", "name"),
        ("saveSlotTemplate", {**TEMPLATE, "because": ""}, "INVALID_TEXT", "because"),
        ("saveSlotException", {**EXCEPTION, "template": "nothing"}, "UNKNOWN_TEMPLATE", "template"),
        ("saveSlotException", {**EXCEPTION, "zone": "nowhere"}, "UNKNOWN_ZONE", "zone"),
        ("saveSlotException", {**EXCEPTION, "startsLocal": "10:00"}, "INVALID_SPAN", "endsLocal"),
        ("saveTimetable", {**TIMETABLE, "zone": "nowhere"}, "UNKNOWN_ZONE", "zone"),
        ("saveTimetable", {**TIMETABLE, "rrule": "FREQ=WEEKLY;BYDAY=SU", "validUntil": "2026-11-28"}, "INVALID_RECURRENCE", "rrule"),
        ("saveHolidayRule", {**HOLIDAY, "region": "99"}, "UNKNOWN_REGION", "region"),
        ("saveHolidayRule", {**HOLIDAY, "countryCode": "XX", "region": None}, "UNKNOWN_REGION", "countryCode"),
        ("saveHolidayRule", {**HOLIDAY, "node": "nobody"}, "UNKNOWN_NODE", "node"),
        ("saveCutoffRule", {**CUTOFF, "atLocal": None}, "INVALID_LOCAL_TIME", "atLocal"),
        ("saveCutoffRule", {**CUTOFF, "daysBefore": -1}, "INVALID_AMOUNT", "daysBefore"),
        ("saveCutoffRule", {**CUTOFF, "elapsedMin": 5}, "INVALID_CUTOFF", "elapsedMin"),
        ("saveCutoffRule", {**CUTOFF, "kind": "ELAPSED"}, "INVALID_CUTOFF", "daysBefore"),
        ("saveCutoffRule", {"key": "cut", "kind": "ELAPSED"}, "INVALID_AMOUNT", "elapsedMin"),
        ("saveCutoffRule", {**CUTOFF, "weekdays": []}, "INVALID_WEEKDAYS", "weekdays"),
        ("saveCutoffRule", {**CUTOFF, "weekdays": ["MONDAY", "MONDAY"]}, "INVALID_WEEKDAYS", "weekdays"),
        ("saveCutoffRule", {**CUTOFF, "wave": "nothing"}, "UNKNOWN_PICK_WAVE", "wave"),
        ("savePickWave", {**WAVE, "startsUntil": "17:00"}, "INVALID_SPAN", "startsUntil"),
        ("savePickWave", {**WAVE, "capacityOrders": -1}, "INVALID_AMOUNT", "capacityOrders"),
        ("savePickWave", {**WAVE, "node": "nobody"}, "UNKNOWN_NODE", "node"),
        ("savePickWave", {**WAVE, "pickBy": "24:00"}, "INVALID_LOCAL_TIME", "pickBy"),
        ("saveLeadTime", {**LEAD, "leastMin": 0}, "INVALID_AMOUNT", "leastMin"),
        ("saveBookingHorizon", {"key": "h", "storefront": "none", "customerGroup": "g", "days": 3}, "UNKNOWN_STOREFRONT", "storefront"),
        ("saveBookingHorizon", {"key": "h", "storefront": "x", "customerGroup": "g", "days": 0}, "INVALID_AMOUNT", "days"),
        ("saveBlackout", {**BLACKOUT, "endsAt": BLACKOUT["startsAt"]}, "INVALID_SPAN", "endsAt"),
        ("saveBlackout", {**BLACKOUT, "template": "nothing"}, "UNKNOWN_TEMPLATE", "template"),
        ("removeFromCalendar", {"kind": "TEMPLATE", "key": "nothing"}, "RULE_NOT_FOUND", "key"),
        ("removeFromCalendar", {"kind": "CUTOFF", "key": "usual"}, "RULE_IN_USE", "key"),
]  # fmt: skip


def test_what_makes_no_sense_is_refused_by_its_field_and_leaves_nothing(house: House, db: Database) -> None:
    before = stored(db)
    for mutation, told, code, field in SENSELESS:
        payload = house.write(mutation, **told)
        assert payload["effect"] is None, told
        (error,) = payload["userErrors"]
        assert (error["code"], error["field"]) == (code, ["input", field]), told
        assert len(error["message"]) > 10
    assert stored(db) == before


def test_only_operators_write_and_read_the_calendar(house: House, db: Database) -> None:
    before = stored(db)
    told: dict[str, dict[str, Any]] = {
        "saveSlotTemplate": TEMPLATE,
        "saveSlotException": EXCEPTION,
        "saveTimetable": TIMETABLE,
        "saveHolidayRule": HOLIDAY,
        "saveCutoffRule": CUTOFF,
        "savePickWave": WAVE,
        "saveLeadTime": LEAD,
        "saveBookingHorizon": {"key": "h", "storefront": house.storefront, "customerGroup": "g", "days": 3},
        "saveBlackout": BLACKOUT,
        "removeFromCalendar": {"kind": "TEMPLATE", "key": "e18-19"},
    }
    assert set(told) == set(INPUTS)
    house.operator, operator = house.shopper, house.operator
    for mutation, fields in told.items():
        for dry_run in (True, False):
            assert codes(house.write(mutation, **fields, dryRun=dry_run)) == ["OPERATORS_ONLY"]
    assert house.shopper.codes(CALENDAR) == ["OPERATORS_ONLY"]
    assert house.shopper.codes(CHANGES, first=5) == ["OPERATORS_ONLY"]
    assert stored(db) == before
    house.operator = operator
    for mutation, fields in told.items():
        assert house.done(mutation, **fields, dryRun=True)["dryRun"]
    assert stored(db) == before


def jobs(db: Database) -> list[Job]:
    return db.read_now(lambda c, _: rows(c, Job, sa.select(table_of(Job))))


def kinds(db: Database) -> list[str]:
    return sorted(one.kind for one in jobs(db))


def test_new_windows_can_be_seen_at_once_and_a_plan_is_asked_for(house: House, db: Database) -> None:
    seen = house.done("saveSlotTemplate", **TEMPLATE, dryRun=True)
    assert (seen["opened"], seen["change"], seen["firstDay"], seen["lastDay"]) == (
        21, None, "2026-11-24", "2026-11-30",
    )  # fmt: skip
    assert hours(house.offers()) == ["18-19", "18-20", "19-20"]
    assert jobs(db) == []

    done = house.done("saveSlotTemplate", **TEMPLATE)
    assert done["opened"] == 21
    assert {change["fate"] for change in done["slots"]} == {"OPENED"}
    assert hours(house.offers()) == ["12-13", "18-19", "18-20", "19-20"]
    assert kinds(db) == ["allocation.plan", "booking.serve_waiting"]
    (job,) = [one for one in jobs(db) if one.kind == "allocation.plan"]
    assert job.payload["trigger"] == "calendar"
    house.done("saveSlotTemplate", **{**TEMPLATE, "key": "one", "startsLocal": "13:00", "endsLocal": "14:00"})
    # One plan for both; who waits is served after each.
    assert kinds(db) == ["allocation.plan", "booking.serve_waiting", "booking.serve_waiting"]


def test_a_dry_run_says_what_the_change_then_does(house: House) -> None:
    booking = house.booked(house.offers()[2])
    seen = house.done("removeFromCalendar", kind="TEMPLATE", key="e19-20", dryRun=True)
    assert hours(house.offers()) == ["18-19", "18-20", "19-20"]
    done = house.done("removeFromCalendar", kind="TEMPLATE", key="e19-20")
    assert {**done, "dryRun": True, "change": None} == seen
    assert (done["closed"], done["bookings"]) == (21, 1)
    assert [claim["bookingId"] for claim in done["claims"]] == [booking["id"]]
    assert len(done["slots"]) == 21
    assert hours(house.offers()) == ["18-19", "18-20"]
    back = house.done(
        "saveSlotTemplate", **{**TEMPLATE, "key": "e19-20", "startsLocal": "19:00", "endsLocal": "20:00"}
    )
    assert back["opened"] == 21
    assert hours(house.offers()) == ["18-19", "18-20", "19-20"]


def test_lists_are_bounded_and_counts_are_not(house: House) -> None:
    told = {**TEMPLATE, "validFrom": "2026-11-01"}
    for hour in range(8, 14):
        house.done(
            "saveSlotTemplate",
            **{**told, "key": f"d{hour}", "startsLocal": f"{hour:02}:00", "endsLocal": f"{hour:02}:30"},
        )
    effect = house.done("saveCutoffRule", key="all", kind="WAVE", daysBefore=1, atLocal="20:00", dryRun=True)
    assert effect["moved"] > 100
    assert len(effect["slots"]) == 100
    starts = [change["slot"]["window"]["startsAt"] for change in effect["slots"]]
    assert starts == sorted(starts)


def test_every_change_is_kept_with_who_why_and_the_values(house: House, clock: Clock) -> None:
    house.done("saveCutoffRule", **CUTOFF, node="mfc", because="Centre picks in the evening")
    clock.forward(timedelta(minutes=5))
    house.done("saveCutoffRule", **{**CUTOFF, "atLocal": "17:00"}, node="mfc", because="Too tight")
    house.done("removeFromCalendar", kind="CUTOFF", key="cut", because="Back to normal")

    gone, changed, made = house.operator.data(CHANGES, key="cut", first=10)["calendarChanges"]
    assert [c["reason"] for c in (made, changed, gone)] == [
        "Centre picks in the evening",
        "Too tight",
        "Back to normal",
    ]
    assert {c["actor"] for c in (made, changed, gone)} == {"operator"}
    assert {"name": "node", "before": None, "after": "mfc"} in made["fields"]
    assert changed["fields"] == [{"name": "at_local", "before": "18:00", "after": "17:00"}]
    assert {"name": "at_local", "before": "17:00", "after": None} in gone["fields"]
    assert made["moved"] > 0
    assert changed["at"] > made["at"]
    (after,) = house.operator.data(CHANGES, key=None, first=1, after=changed["id"])["calendarChanges"]
    assert after == made
    assert house.operator.codes(CHANGES, first=101) == ["BAD_USER_INPUT"]


def test_the_calendar_reads_as_it_was_written(house: House) -> None:
    house.done("savePickWave", **WAVE, capacityOrders=40)
    house.done(
        "saveCutoffRule", key="wave", kind="DAYS_BEFORE", daysBefore=0, atLocal="16:00", wave="late", zone="C"
    )
    house.done("saveTimetable", **TIMETABLE, node="store")
    house.done("saveSlotException", **EXCEPTION)
    house.done("saveHolidayRule", **HOLIDAY, node="mfc")
    house.done("saveLeadTime", **LEAD, zone="A")
    house.done("saveBookingHorizon", key="h", storefront=house.storefront, customerGroup="gold", days=21)
    house.done("saveBlackout", **BLACKOUT, template="e18-19")
    found = house.operator.data(CALENDAR)["calendar"]

    assert [zone["code"] for zone in found["zones"]] == ["A", "B", "C"]
    assert [(node["key"], node["kind"]) for node in found["nodes"]] == [
        ("mfc", "MICRO_FULFILMENT_CENTRE"),
        ("store", "STORE"),
    ]
    assert [t["key"] for t in found["templates"]] == ["e18-19", "e18-20", "e19-20"]
    wave = next(rule for rule in found["cutoffs"] if rule["key"] == "wave")
    assert (wave["kind"], wave["wave"], wave["zone"], wave["weekdays"]) == ("DAYS_BEFORE", "late", "C", None)
    assert found["pickWaves"] == [
        {"key": "late", "node": "mfc", "weekdays": ["WEDNESDAY"], "capacityOrders": 40}
    ]
    assert found["timetables"] == [{"key": "fair", "rrule": "FREQ=DAILY", "zone": None, "node": "store"}]
    assert found["exceptions"] == [
        {"key": "off", "template": "e18-19", "date": "2026-11-25", "startsLocal": None}
    ]
    assert found["holidays"] == [{"key": "rest", "countryCode": "PT", "region": "13", "node": "mfc"}]
    assert found["leadTimes"] == [{"key": "lead", "leastMin": 60, "zone": "A"}]
    assert found["horizons"] == [{"key": "h", "customerGroup": "gold", "days": 21}]
    assert found["blackouts"] == [{**BLACKOUT, "zone": None, "node": None, "template": "e18-19"}]
    house.done("removeFromCalendar", kind="BLACKOUT", key="storm")
    assert house.operator.data(CALENDAR)["calendar"]["blackouts"] == []


def test_a_wave_lowered_below_what_it_has_taken_sells_nothing_more(house: House) -> None:
    for _ in range(3):
        house.booked(house.offers("A")[2], "A")
    seen = house.done("savePickWave", **WAVE, capacityOrders=2, dryRun=True)
    assert seen["overbooked"] == [{"date": "2026-11-25", "mayTake": 2, "taken": 3}]
    assert house.offers("A")[2]["available"]
    done = house.done("savePickWave", **WAVE, capacityOrders=2)
    assert done["overbooked"] == seen["overbooked"]
    assert house.offers("A")[0]["closed"]["reason"] == "NODE_CAPACITY"
    assert house.done("savePickWave", **WAVE, capacityOrders=4)["overbooked"] == []
    house.booked(house.offers("A")[0], "A")
    assert house.offers("A")[1]["closed"]["reason"] == "NODE_CAPACITY"
    house.done("removeFromCalendar", kind="PICK_WAVE", key="late")
    assert house.offers("A")[1]["available"]


def test_a_cut_off_through_the_wave_holds_for_its_windows(house: House, clock: Clock) -> None:
    house.done("savePickWave", **{**WAVE, "startsFrom": "19:00"})
    house.done("saveCutoffRule", key="w", kind="DAYS_BEFORE", daysBefore=0, atLocal="15:30", wave="late")
    clock.set(utc(WEDNESDAY, 15, 30))
    assert [o["available"] for o in house.offers("A")] == [True, True, False]
    assert [o["available"] for o in house.offers("B")] == [True] * 3
    assert codes(house.write("removeFromCalendar", kind="PICK_WAVE", key="late")) == ["RULE_IN_USE"]


def test_a_preview_of_a_lead_time_names_the_slots_it_closes_now(house: House, clock: Clock) -> None:
    clock.set(utc(WEDNESDAY, 16, 30))
    seen = house.done("saveLeadTime", key="two", leastMin=120, dryRun=True)
    assert {(c["fate"], c["zone"]) for c in seen["slots"]} == {("CLOSED", code) for code in "ABC"}
    assert seen["closed"] == 6
    one = house.done("saveLeadTime", key="two", leastMin=120, node="mfc", dryRun=True)
    assert (one["closed"], one["closedFromNode"]) == (0, 6)
    assert {c["node"] for c in one["slots"]} == {"mfc"}


def test_saving_a_rule_again_as_it_is_moves_nothing(house: House) -> None:
    house.done("saveCutoffRule", **CUTOFF, node="mfc")
    assert house.done("saveCutoffRule", **CUTOFF, node="mfc")["moved"] == 0
