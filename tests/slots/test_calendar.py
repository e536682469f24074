"""The calendar as one value: exceptions, special timetables and holidays, each for whom it is meant."""

from dataclasses import dataclass
from datetime import date, time
from typing import Any

from app.slots.calendar import Calendar
from app.slots.rules import CutoffKind, Weekday, holiday_on, weekday_digits, weekdays_of
from app.slots.tables import CutoffRule, HolidayRule, SlotException, SlotTemplate, Timetable
from app.values.window import local_window

LISBON = "Europe/Lisbon"
FRIDAY, SATURDAY = date(2026, 11, 27), date(2026, 11, 28)
SAN_JOAO = date(2027, 6, 24)


@dataclass
class Zone:
    id: str = "z"
    city_id: str = "porto"
    time_zone: str = LISBON


def template(key: str, start: int, end: int, **changes: Any) -> SlotTemplate:
    return SlotTemplate(
        id=key, key=key, name=key, rrule="FREQ=DAILY", starts_local=f"{start:02}:00", ends_local=f"{end:02}:00",
        cutoff_rule_id="usual", valid_from=date(2026, 1, 1), **changes,
    )  # fmt: skip


def calendar(*templates: SlotTemplate, **rules: Any) -> Calendar:
    usual = CutoffRule(id="usual", key="usual", kind=CutoffKind.ELAPSED, elapsed_min=60)
    empty: dict[str, Any] = dict.fromkeys(("timetables", "exceptions", "holidays", "waves"), ())
    nodes = {"porto": ["mfc", "store"]}
    return Calendar(**{"templates": templates, "cutoffs": [usual], "nodes": nodes, **empty, **rules})


def special(**scope: Any) -> Timetable:
    return Timetable(
        id="fair", key="fair", name="Fair", rrule="FREQ=WEEKLY;BYDAY=SA", valid_from=FRIDAY, **scope
    )


def starts(found: Calendar, day: date, zone: Zone | None = None) -> list[time]:
    planned, _ = found.day(zone or Zone(), day)
    return sorted(p.window.start.time() for p in planned)


def test_other_hours_move_a_window_for_one_day_and_the_zone_that_is_meant() -> None:
    evening = template("evening", 18, 20)
    off = SlotException(key="off", template_id="evening", day=SATURDAY)
    later = SlotException(
        key="later",
        template_id="evening",
        day=SATURDAY,
        zone_id="z",
        starts_local="19:00",
        ends_local="21:00",
    )
    found = calendar(evening, exceptions=[off, later])
    assert starts(found, SATURDAY) == [time(19)]
    assert starts(found, SATURDAY, Zone(id="y")) == []
    assert starts(found, FRIDAY) == [time(18)]


def test_a_special_timetable_replaces_and_the_narrower_one_holds() -> None:
    normal, noon = template("evening", 18, 20), template("noon", 12, 14, timetable_id="fair")
    found = calendar(normal, noon, timetables=[special()])
    assert starts(found, SATURDAY) == [time(12)]
    assert starts(found, FRIDAY) == [time(18)]
    one = Timetable(
        id="rest",
        key="rest",
        name="Rest",
        rrule="FREQ=DAILY",
        valid_from=SATURDAY,
        valid_until=SATURDAY,
        zone_id="z",
    )
    both = calendar(normal, noon, timetables=[special(), one])
    assert starts(both, SATURDAY) == []
    assert starts(both, SATURDAY, Zone(id="y")) == [time(12)]


def test_a_timetable_of_one_node_gives_its_windows_beside_those_of_the_others() -> None:
    normal, noon = template("evening", 18, 20), template("noon", 12, 14, timetable_id="fair")
    found = calendar(normal, noon, timetables=[special(node_id="store")])
    by_start = {p.window.start.time(): p for p in found.day(Zone(), SATURDAY)[0]}
    assert set(by_start) == {time(12), time(18)}
    assert (
        by_start[time(12)].nodes["mfc"].closed
        == by_start[time(18)].nodes["store"].closed
        == "follows another timetable"
    )
    assert by_start[time(12)].nodes["store"].closed is by_start[time(18)].nodes["mfc"].closed is None


def test_the_same_window_of_both_timetables_is_one_and_all_nodes_serve_it() -> None:
    normal, same = template("evening", 18, 20), template("evening-too", 18, 20, timetable_id="fair")
    (planned,) = calendar(normal, same, timetables=[special(node_id="store")]).day(Zone(), SATURDAY)[0]
    assert {node: serving.closed for node, serving in planned.nodes.items()} == {"mfc": None, "store": None}


def test_a_holiday_closes_who_rests_and_a_timetable_of_that_day_overrules_it() -> None:
    evening = template("evening", 18, 20)
    store = HolidayRule(key="store", country_code="PT", region="13", node_id="store")
    (planned,) = calendar(evening, holidays=[store]).day(Zone(), SAN_JOAO)[0]
    assert planned.nodes["store"].closed == "public holiday: Dia de São João"
    assert planned.nodes["mfc"].closed is None
    everybody = HolidayRule(key="all", country_code="PT", region="13")
    assert starts(calendar(evening, holidays=[everybody]), SAN_JOAO) == []
    lisbon = HolidayRule(key="all", country_code="PT", region="11")
    assert starts(calendar(evening, holidays=[lisbon]), SAN_JOAO) == [time(17)]
    festive = Timetable(
        id="fair", key="fair", name="Fair", rrule="FREQ=DAILY", valid_from=SAN_JOAO, valid_until=SAN_JOAO
    )
    noon = template("noon", 12, 14, timetable_id="fair")
    assert starts(calendar(evening, noon, holidays=[everybody], timetables=[festive]), SAN_JOAO) == [time(11)]


def test_hours_that_the_clocks_skip_are_named_in_exceptions_and_timetables_too() -> None:
    spring = date(2027, 3, 28)
    moved = SlotException(
        key="night", template_id="evening", day=spring, starts_local="01:00", ends_local="03:00"
    )
    planned, skipped = calendar(template("evening", 18, 20), exceptions=[moved]).day(Zone(), spring)
    assert planned == []
    assert len(skipped) == 1
    assert "2027-03-28" in skipped[0]


def test_the_hour_that_happens_twice_is_opened_once_in_a_timetable_too() -> None:
    autumn = date(2027, 10, 31)
    fair = Timetable(id="fair", key="fair", name="Fair", rrule="FREQ=DAILY", valid_from=autumn)
    night = template("night", 1, 2, timetable_id="fair")
    planned, skipped = calendar(night, timetables=[fair]).day(Zone(), autumn)
    assert skipped == []
    assert [p.window for p in planned] == [local_window(autumn, time(1), time(2), LISBON)]


def test_holidays_are_those_of_the_region() -> None:
    assert holiday_on(SAN_JOAO, "PT", "13") == "Dia de São João"
    assert holiday_on(SAN_JOAO, "PT", "11") is None
    assert holiday_on(date(2026, 12, 25), "PT", None) == "Dia de Natal"


def test_weekdays_are_kept_as_digits() -> None:
    days = [Weekday.SUNDAY, Weekday.MONDAY]
    assert weekday_digits(days) == "17"
    assert weekdays_of("17") == [Weekday.MONDAY, Weekday.SUNDAY]
