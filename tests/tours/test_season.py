"""A season of bookings through the insertion: nobody who was accepted comes late within the margin."""

from app.tours.rules import TRAVEL_MARGIN_BP
from benchmarks.insertion import STREETS_BP, Season, menus, season, section


def test_with_the_default_margin_nobody_who_was_accepted_is_late_and_without_it_some_are() -> None:
    assert STREETS_BP <= TRAVEL_MARGIN_BP
    kept, control = season(2, 300, TRAVEL_MARGIN_BP), season(2, 300, 0)
    assert kept.accepted > 300
    assert kept.late == 0
    assert control.late > 0


def test_menus_are_measured_and_told() -> None:
    speed = menus(2, 4, 30, 5)
    assert speed.stops == 60
    assert 0 < speed.open_share <= 1
    assert "| 15 % | 10 | 8 | 0 | 0.00 % |" in str(section(speed, [Season(1_500, 10, 8, 0)]))
