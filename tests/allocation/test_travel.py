"""The way between drops: concave, below its tangents, above its chords."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.allocation.problem import Arc
from app.allocation.travel import MAX_BETWEEN_M, average_m, between_m, chord, tangent
from tests.allocation.towns import town

ARC = town(1).days[0].arcs[0]
drops = st.floats(0, 300)
arcs = st.builds(
    lambda spread_m, placed: replace(ARC, spread_m=spread_m, placed=placed),
    st.integers(0, 9_000),
    st.integers(0, 40),
)


@given(arcs, drops, drops)
def test_a_tangent_is_never_below_the_way_and_touches_it(arc: Arc, at: float, other: float) -> None:
    line = tangent(arc, at)
    assert line.base_m >= 0
    assert line.slope_m * other + line.base_m >= between_m(arc, other) - 1e-6
    assert line.slope_m * at + line.base_m == pytest.approx(between_m(arc, at), abs=1e-6)


@given(arcs, drops, st.floats(0, 1))
def test_a_chord_is_never_above_the_way_up_to_its_end(arc: Arc, end: float, share: float) -> None:
    line = chord(arc, end)
    assert line.base_m == 0
    assert line.slope_m * end * share <= between_m(arc, end * share) + 1e-6


@given(arcs, st.floats(0.001, 300), st.floats(0.001, 300))
def test_the_more_drops_the_nearer_each_is_and_never_farther_than_the_most(
    arc: Arc, a: float, b: float
) -> None:
    few, many = sorted((a, b))
    assert between_m(arc, few) <= between_m(arc, many) + 1e-6
    assert average_m(arc, many) <= average_m(arc, few) + 1e-6
    assert average_m(arc, few) <= min(arc.spread_m, MAX_BETWEEN_M) + 1e-6


def test_drops_that_are_there_already_make_the_next_one_nearer() -> None:
    alone, beside = replace(ARC, spread_m=1_200, placed=0), replace(ARC, spread_m=1_200, placed=9)
    assert between_m(beside, 1) < between_m(alone, 1) == 1_200
    assert between_m(beside, 7) == pytest.approx(between_m(alone, 16) - between_m(alone, 9))
