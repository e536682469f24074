"""The window law and its fit."""

from math import sqrt

import pytest

from app.tours.window_law import Driven, Law, fit, hull_area_m2, mean_error


def days(kappa: float, stem: float, *, noise: float = 0.0) -> list[Driven]:
    found = []
    for n in range(1, 13):
        drops, trips, area, away, windows = (
            20 * n,
            2 + n % 4,
            3_000_000 + 700_000 * n,
            900 + 250 * n,
            1.0 + n % 3,
        )
        metres = kappa * sqrt(area * drops * windows) + stem * 2 * away * trips
        found.append(Driven(drops, trips, area, away, windows, round(metres * (1 + noise * (-1) ** n))))
    return found


@pytest.mark.parametrize(("kappa", "stem"), [(0.774, 0.756), (1.1, 0.4)])
def test_the_fit_finds_the_constants_that_made_the_days(kappa: float, stem: float) -> None:
    law = fit(days(kappa, stem))
    assert law.kappa == pytest.approx(kappa, rel=1e-3)
    assert law.stem == pytest.approx(stem, rel=1e-3)
    assert law.samples == 12
    assert law.mean_error < 1e-3


def test_noise_is_averaged_and_told() -> None:
    law = fit(days(0.8, 0.7, noise=0.04))
    assert law.kappa == pytest.approx(0.8, rel=0.1)
    assert 0.03 < law.mean_error < 0.05
    assert law.mean_error == pytest.approx(mean_error(law, days(0.8, 0.7, noise=0.04)))


def test_too_few_days_and_days_that_are_all_alike_have_an_answer() -> None:
    assert fit([]) == Law()
    assert fit(days(0.8, 0.7)[:1]) == Law()
    alike = [Driven(50, 5, 4_000_000, 1_500, 2.0, 20_000)] * 5
    law = fit(alike)
    assert law.stem == 0
    assert law.metres(alike[0]) == pytest.approx(20_000)


def test_the_area_is_that_of_the_convex_hull() -> None:
    square = [(0, 0), (10, 0), (10, 10), (0, 10), (5, 5), (5, 0)]
    assert hull_area_m2(square) == 100
    assert hull_area_m2([(0, 0), (1, 1), (2, 2)]) == 0
    assert hull_area_m2([]) == 0
