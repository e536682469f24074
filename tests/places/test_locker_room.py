"""Compartments as a value: who has one when, and that no locker holds more than it has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from app.places.locker_room import Goods, LockerRoom, Stay, busiest
from app.places.rules import LockerClosedReason
from app.values.window import Window

MORNING = datetime(2026, 11, 25, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Size:
    """Compartments of a size."""

    id: str
    volume_ml: int
    count: int


def hours(start: float, end: float) -> Window:
    return Window(MORNING + timedelta(hours=start), MORNING + timedelta(hours=end))


def goods(holder: str, window: Window, volume_ml: int = 10) -> Goods:
    return Goods(holder, volume_ml, window)


def locker(*sizes: Size, kept_h: int = 2) -> LockerRoom:
    return LockerRoom({"trindade": sizes}, {"trindade": timedelta(hours=kept_h)}, [])


def test_goods_stay_for_hours_and_the_next_come_when_they_have_gone() -> None:
    room = locker(Size("s", 10, 1))
    assert room.take("trindade", goods("ana", hours(0, 1)))
    assert room.shut("trindade", goods("rui", hours(2, 4))) is LockerClosedReason.FULL
    assert room.take("trindade", goods("rui", hours(2, 4))) is None
    assert room.take("trindade", goods("rui", hours(3, 4)))
    # Whoever has one may ask again.
    assert room.shut("trindade", goods("ana", hours(0, 1))) is None
    assert room.without({"ana"}).shut("trindade", goods("eva", hours(0, 1))) is None


def test_the_smallest_compartment_is_given_and_a_larger_one_where_that_is_taken() -> None:
    room = locker(Size("s", 10, 1), Size("l", 50, 1))
    given_to = [room.take("trindade", goods(name, hours(0, 1))) for name in ("ana", "rui", "eva")]
    assert [size.id if size else None for size in given_to] == ["s", "l", None]
    assert (room.taken("s", hours(0, 24)), room.taken("l", hours(5, 24))) == (1, 0)
    assert room.shut("trindade", goods("leo", hours(9, 10), 60)) is LockerClosedReason.TOO_SMALL
    assert room.shut("trindade", goods("leo", hours(9, 10), 50)) is None
    assert room.shut("elsewhere", goods("leo", hours(9, 10))) is LockerClosedReason.FULL
    assert locker(Size("s", 10, 0)).shut("trindade", goods("ana", hours(0, 1))) is LockerClosedReason.FULL


SPANS = st.lists(
    st.tuples(st.integers(0, 20), st.integers(1, 6), st.sampled_from((5, 10, 30))), min_size=1, max_size=25
)


@given(SPANS, st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_at_no_time_are_more_taken_than_there_are(spans: list[tuple[int, int, int]], s: int, n: int) -> None:
    room = locker(Size("s", 10, s), Size("l", 30, n))
    for number, (start, length, volume_ml) in enumerate(spans):
        wanted = goods(f"{number}", hours(start, start + length), volume_ml)
        free = room.free("trindade", wanted)
        assert (free is None) == (room.shut("trindade", wanted) is not None)
        assert room.take("trindade", wanted) == free
        # A refusal is one that counting hour by hour confirms.
        if free is None:
            span = room.span("trindade", wanted.window)
            for key, count, holds in (("s", s, 10), ("l", n, 30)):
                assert holds < volume_ml or by_hour(room.stays, key, span) >= count
    day = hours(0, 48)
    assert by_hour(room.stays, "s", day) <= s
    assert by_hour(room.stays, "l", day) <= n


def by_hour(stays: list[Stay], key: str, span: Window) -> int:
    """The most that are taken in any hour, each looked at."""
    steps = int(span.duration / timedelta(hours=1))
    instants = [span.start + timedelta(hours=step) for step in range(steps)]
    most = max(sum(at in one.span for one in stays if one.compartment_id == key) for at in instants)
    assert most == busiest([one.span for one in stays if one.compartment_id == key], span)
    return most
