"""Fees add up, stay in their band, and rise with the cost of the drop."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.pricing.rules import FeePart, FeePartKind, Quote, flexible_quote, quote
from app.values.window import Window

EVENING = datetime(2026, 11, 25, 18, tzinfo=UTC)


@dataclass
class Table:
    currency: str = "EUR"
    base_minor: int = 290
    one_hour_minor: int = 100
    four_hour_minor: int = -100
    evening_minor: int = 50
    weekend_minor: int = 50
    usual_cost_minor: int = 90
    pass_on_bp: int = 5_000
    level_pass_on_bp: int | None = None
    step_minor: int = 50
    floor_minor: int = 90
    ceiling_minor: int = 790
    green_grams: int = 30
    green_discount_minor: int = 50
    flexible_minor: int = 60
    flexible_most_minor: int = 150


def priced(
    cost: int, grams: int = 100, *, hours: int = 2, handover: int = 0, table: Table | None = None
) -> Quote:
    return quote(
        table or Table(),
        window=Window(EVENING, EVENING + timedelta(hours=hours)),
        zone="Europe/Lisbon",
        marginal_cost_minor=cost,
        grams=grams,
        handover_minor=handover,
    )


@given(st.integers(-2_000, 20_000), st.integers(0, 500), st.sampled_from([1, 2, 4]), st.integers(0, 300))
def test_the_parts_add_up_and_the_delivery_stays_in_its_band(
    cost: int, grams: int, hours: int, handover: int
) -> None:
    fee = priced(cost, grams, hours=hours, handover=handover)
    delivery = sum(part.minor for part in fee.parts if part.kind is not FeePartKind.HANDOVER)

    assert fee.total.minor == sum(part.minor for part in fee.parts)
    assert 90 <= delivery <= 790


@given(st.integers(-2_000, 20_000), st.integers(0, 2_000))
def test_a_dearer_drop_is_never_cheaper(cost: int, more: int) -> None:
    assert priced(cost).total.minor <= priced(cost + more).total.minor


def levelled(cost: int, zone_cost: int, **figures: int) -> int:
    """The fee of a drop where differences are passed on whole, and the level of the day by a quarter."""
    told = Table(pass_on_bp=10_000, level_pass_on_bp=2_500, step_minor=1)
    return quote(
        replace(told, **figures),  # type: ignore[arg-type]  # figures only
        window=Window(EVENING, EVENING + timedelta(hours=2)),
        zone="Europe/Lisbon",
        marginal_cost_minor=cost,
        grams=100,
        handover_minor=0,
        zone_cost_minor=zone_cost,
    ).total.minor


def test_a_dear_day_is_passed_on_in_part_and_a_dear_window_of_it_whole() -> None:
    usual = levelled(90, 90)
    assert usual == Table().base_minor + Table().evening_minor
    assert levelled(190, 190) == usual + 25
    assert levelled(190, 90) == usual + 100
    assert levelled(150, 190) == usual + 25 - 40
    assert levelled(10_000, 10_000) == Table().ceiling_minor


@given(cost=st.integers(0, 2_000), more=st.integers(0, 2_000), zone_cost=st.integers(0, 2_000))
def test_of_one_day_the_dearer_drop_is_never_cheaper(cost: int, more: int, zone_cost: int) -> None:
    assert levelled(cost, zone_cost, step_minor=50) <= levelled(cost + more, zone_cost, step_minor=50)


@given(cost=st.integers(0, 2_000), zone_cost=st.integers(0, 2_000))
def test_where_the_level_is_passed_on_like_differences_it_does_not_matter(cost: int, zone_cost: int) -> None:
    whole = levelled(cost, zone_cost, level_pass_on_bp=10_000)
    assert whole == priced(cost, table=replace(Table(), pass_on_bp=10_000, step_minor=1)).total.minor


def test_each_part_says_what_it_is_for() -> None:
    fee = priced(290, grams=12, hours=1, handover=40)
    assert [(part.kind, part.label, part.minor) for part in fee.parts] == [
        (FeePartKind.BASE, "Delivery", 290),
        (FeePartKind.WINDOW, "One-hour window", 100),
        (FeePartKind.WINDOW, "Evening", 50),
        (FeePartKind.DEMAND, "Busy time", 100),
        (FeePartKind.INCENTIVE, "Greener choice", -50),
        (FeePartKind.HANDOVER, "Handover", 40),
    ]


def test_the_green_discount_is_cut_at_the_floor() -> None:
    fee = priced(90, grams=1, table=replace(Table(), base_minor=60, evening_minor=50))
    assert fee.total.minor == 90


def test_each_further_window_takes_something_off_until_the_most_or_the_floor() -> None:
    table = Table()
    one = Quote("EUR", (FeePart(FeePartKind.BASE, "Delivery", 300, "EUR"),))
    dearer = Quote("EUR", (FeePart(FeePartKind.BASE, "Delivery", 400, "EUR"),))
    totals = [flexible_quote(table, [dearer] * more + [one]).total.minor for more in range(5)]
    floor = table.floor_minor
    assert totals == [300, *(max(floor, 300 - off) for off in (60, 120, 150, 150))]
    low = Quote("EUR", (FeePart(FeePartKind.BASE, "Delivery", floor + 10, "EUR"),))
    assert flexible_quote(table, [low, dearer]).total.minor == floor
