"""Values refuse what cannot be, and convert without loss."""

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.values.load import Load
from app.values.money import Money, divided, round_half_up, share_bp, to_step
from app.values.point import Point, distance_m
from app.values.window import Window
from app.values.wording import money_text, window_text

START = datetime(2026, 11, 25, 18, tzinfo=UTC)


@given(st.integers(-(10**9), 10**9))
def test_money_goes_out_and_in_without_loss(minor: int) -> None:
    money = Money(minor, "EUR")
    assert Money.of(money.amount, "EUR") == money


@pytest.mark.parametrize("amount", [Decimal("1.005"), Decimal("NaN"), Decimal("Infinity")])
def test_money_with_too_many_places_is_refused(amount: Decimal) -> None:
    with pytest.raises(ValueError, match="places"):
        Money.of(amount, "EUR")


def test_currencies_do_not_mix() -> None:
    with pytest.raises(ValueError, match="do not add up"):
        Money(1, "EUR") + Money(1, "USD")


def test_halves_go_away_from_zero() -> None:
    assert [round_half_up(Decimal(text)) for text in ("0.5", "1.5", "-0.5")] == [1, 2, -1]
    assert (share_bp(350, 2_500), to_step(124, 50), to_step(-124, 50)) == (88, 100, -100)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**9))
def test_a_quotient_is_rounded_as_the_exact_number_would_be(numerator: int, denominator: int) -> None:
    with localcontext(prec=60):
        exact = (Decimal(numerator) / denominator).quantize(Decimal(1), rounding=ROUND_HALF_UP)
    assert divided(numerator, denominator) == int(exact)
    assert round_half_up(Fraction(numerator, denominator)) == int(exact)


def test_loads_are_compared_and_added_dimension_by_dimension() -> None:
    small, large = Load(1, 2, 3, 4, 5, 6), Load(2, 4, 6, 8, 10, 12)
    assert small + small == large
    assert large - small == small
    assert small.fits(small)
    for place in range(6):
        assert not small.fits(Load(*(amount - (place == n) for n, amount in enumerate((1, 2, 3, 4, 5, 6)))))


def test_a_naive_or_empty_window_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Window(START.replace(tzinfo=None), START)
    with pytest.raises(ValueError, match="end after"):
        Window(START, START)


def test_windows_are_half_open() -> None:
    first = Window(START, START + timedelta(hours=1))
    second = Window(first.end, first.end + timedelta(hours=1))
    assert not first.overlaps(second)
    assert first.end in second
    assert first.end not in first


@pytest.mark.parametrize(("lat", "lon"), [(91, 0), (0, 181), (float("nan"), 0)])
def test_a_point_off_the_globe_is_refused(lat: float, lon: float) -> None:
    with pytest.raises(ValueError, match="must lie"):
        Point(lat, lon)


def test_a_degree_of_latitude_is_about_111_km() -> None:
    assert distance_m(Point(41, -8), Point(42, -8)) == pytest.approx(111_195, abs=5)


def test_a_load_fits_when_every_dimension_does() -> None:
    assert Load(1, 2, 3, 4, 5, 6).fits(Load(1, 2, 3, 4, 5, 6))
    assert not Load(1, 2, 3, 4, 5, 7).fits(Load(1, 2, 3, 4, 5, 6))


def test_each_language_writes_money_and_times_its_own_way() -> None:
    window = Window(START, START + timedelta(hours=2))
    assert money_text(Money(340, "EUR"), "en") == "€3.40"
    assert money_text(Money(340, "EUR"), "pt_PT").replace("\xa0", " ") == "3,40 €"
    assert window_text(window, "en", "Europe/Lisbon") == "18:00–20:00"
