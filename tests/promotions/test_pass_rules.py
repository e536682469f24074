"""What a pass covers: pure rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.pricing.rules import FeePart, FeePartKind, Quote
from app.promotions.pass_rules import PassTerms, PassWindows, UsablePass, best_pass, pass_mistake, with_pass
from app.values.window import Window
from tests.factories import ZONE, evening

TERMS = PassTerms(
    label="Delivery pass",
    valid_from=datetime(2026, 11, 1, tzinfo=UTC),
    valid_until=datetime(2026, 12, 1, tzinfo=UTC),
    currency="EUR",
    covers_minor=300,
)
FEE = Quote("EUR", (FeePart(FeePartKind.BASE, "Delivery", 350, "EUR"),))
MORNING = Window(datetime(2026, 11, 25, 9, tzinfo=UTC), datetime(2026, 11, 25, 11, tzinfo=UTC))


def covers(terms: PassTerms, window: Window = MORNING, basket_minor: int = 4_500) -> bool:
    return terms.covers(window=window, zone=ZONE, basket_minor=basket_minor)


def test_the_window_begins_within_the_validity() -> None:
    ends_there = replace(TERMS, valid_until=MORNING.start)
    assert covers(TERMS)
    assert not covers(ends_there)
    assert covers(replace(ends_there, valid_until=MORNING.start + timedelta(seconds=1)))
    assert not covers(replace(TERMS, valid_from=MORNING.start + timedelta(seconds=1)))


def test_an_off_peak_pass_is_not_for_evenings_and_weekends() -> None:
    off_peak = replace(TERMS, windows=PassWindows.OFF_PEAK)
    saturday = Window(datetime(2026, 11, 28, 9, tzinfo=UTC), datetime(2026, 11, 28, 11, tzinfo=UTC))
    assert covers(off_peak)
    assert not covers(off_peak, evening())
    assert not covers(off_peak, saturday)
    assert covers(TERMS, evening())


def test_a_least_basket_is_asked_for() -> None:
    assert not covers(replace(TERMS, min_basket_minor=4_501))
    assert covers(replace(TERMS, min_basket_minor=4_500))


def test_it_pays_up_to_its_amount_and_never_more_than_the_fee() -> None:
    assert with_pass(FEE, TERMS).total.minor == 50
    assert with_pass(FEE, replace(TERMS, covers_minor=900)).total.minor == 0
    assert with_pass(FEE, TERMS).parts[-1] == FeePart(FeePartKind.PASS, "Delivery pass", -300, "EUR")


def test_the_pass_that_pays_most_is_taken_and_the_one_that_ends_first_among_equals() -> None:
    soon = UsablePass("b", replace(TERMS, valid_until=datetime(2026, 11, 26, tzinfo=UTC)))
    late, more = UsablePass("a", TERMS), UsablePass("c", replace(TERMS, covers_minor=320))

    def best(*passes: UsablePass, quote: Quote = FEE) -> UsablePass | None:
        return best_pass(passes, quote, window=MORNING, zone=ZONE, basket_minor=4_500)

    assert best(late, soon) is soon
    assert best(late, soon, more) is more
    assert best(UsablePass("d", replace(TERMS, currency="GBP"))) is None
    assert best(late, quote=Quote("EUR", ())) is None
    assert best() is None


@pytest.mark.parametrize(
    "wrong",
    [
        replace(TERMS, label=""),
        replace(TERMS, label="x" * 61),
        replace(TERMS, valid_until=TERMS.valid_from),
        replace(TERMS, covers_minor=0),
        replace(TERMS, min_basket_minor=-1),
        replace(TERMS, max_deliveries=0),
        replace(TERMS, max_deliveries=10_001),
    ],
)
def test_terms_that_cannot_be(wrong: PassTerms) -> None:
    assert pass_mistake(TERMS) is None
    assert pass_mistake(wrong)
