"""A van breaks down when tours are published: loading orders stay, what it had is brought by others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.booking.advance import advance
from app.booking.rules import BookingStatus
from app.database.runner import Database
from app.values.actor import Actor, Role
from tests.api import Api, client_on
from tests.conftest import Clock
from tests.journeys.broken import AT_1605, OPERATOR, OUTCOME, REPORT, Broken, broken_town, published, told

AT_1805 = datetime(2026, 11, 25, 18, 5, tzinfo=UTC)
TOURS = "query ($day: Date!) { tours(day: $day) { vehicle returnsAt overtimeSeconds } }"
DESK = Actor("", Role.OPERATOR, "desk")


def come_to(made: Broken, name: str, *steps: BookingStatus) -> None:
    for status in steps:
        made.db.write_now(
            lambda c, n, status=status: advance(  # type: ignore[misc]
                c, now=n, actor=DESK, booking_id=made.bookings[name].id, status=status
            )
        )


def test_what_was_in_a_failed_van_goes_on_other_tours_whose_loading_order_stays(
    db: Database, clock: Clock
) -> None:
    made = broken_town(db)
    clock.set(AT_1605)
    published(made)
    before, stops = made.tours(), made.stop_rows()
    # One van alone cannot bring what is too large for a bike.
    assert set(before) >= {"Van 7", "Van 8"}

    # Both vans are on the road, the first of Van 7 is delivered.
    clock.set(AT_1805)
    out = (BookingStatus.IN_FULFILMENT, BookingStatus.OUT_FOR_DELIVERY)
    for name in (*before["Van 7"], *before["Van 8"]):
        come_to(made, name, *out)
    done, *stranded = before["Van 7"]
    come_to(made, done, BookingStatus.DELIVERED)
    promised = {name: made.town.now_of(one).window for name, one in made.bookings.items()}
    with client_on(db) as client:
        shop, desk = Api(client), Api(client, key=OPERATOR)
        noted = desk.data(REPORT, input=told("VEHICLE", AT_1805, vehicleName="Van 7"))["reportDisruption"]
        assert noted["userErrors"] == []
        made.run()
        (outcome,) = desk.data(OUTCOME)["disruptions"]
        assert outcome["status"] == "REPAIRED", outcome["message"]
        after, now = made.tours(), made.stop_rows()

        # What is loaded elsewhere keeps its vehicle, order and minute; what comes on top comes after it.
        assert after["Van 8"][: len(before["Van 8"])] == before["Van 8"]
        assert all(now[name] == stops[name] for name in before["Van 8"])
        assert after["Van 7"] == [done]

        # All that Van 7 had comes in its window: on the bike, on a later trip of Van 8, or by a partner courier.
        moved = {name for name in stranded if name in now}
        handed = {name for name in stranded if made.town.now_of(made.bookings[name]).partner_courier}
        asked = set(stranded) - moved - handed
        assert moved
        assert len(asked) == outcome["asked"]
        assert all(now[name].starts_at in promised[name] for name in moved)
        # Its goods are taken over first.
        assert all(now[name].arrives_at >= AT_1805 + timedelta(minutes=30) for name in moved)
        for name, booking in made.bookings.items():
            assert made.town.now_of(booking).window == promised[name]
            seen = made.about(shop, name)
            moves = [(m["reason"].split(";")[0], m["actor"]) for m in seen["explainAllocation"]["moves"]]
            letters = [one["subject"] for one in seen["notifications"] if "Escolha" in one["subject"]]
            assert (len(moves) > 0, set(moves) - {("It broke down", "desk")}) == (
                name in moved | handed,
                set(),
            )
            assert len(letters) == (1 if name in asked else 0)
        assert made.town.sound()


def test_a_van_that_has_not_left_loses_its_tour_to_the_others(db: Database, clock: Clock) -> None:
    made = broken_town(db)
    clock.set(AT_1605)
    published(made)
    before = made.tours()
    at = AT_1605 + timedelta(minutes=25)
    clock.set(at)
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        desk.data(REPORT, input=told("VEHICLE", at, vehicleName="Van 7"))
        made.run()
        (outcome,) = desk.data(OUTCOME)["disruptions"]
        assert outcome["status"] == "REPAIRED", outcome["message"]
        after = made.tours()
        assert "Van 7" not in after
        there = {one for tour in after.values() for one in tour}
        handed = {n for n, b in made.bookings.items() if made.town.now_of(b).partner_courier}
        assert there | handed == set(made.bookings)
        assert there.isdisjoint(handed)
        assert there & set(before["Van 7"])
        assert outcome["partnerCouriers"] == len(handed)
        assert made.town.sound()


def test_a_van_that_goes_out_later_is_home_by_then_and_not_in_overtime(db: Database, clock: Clock) -> None:
    made = broken_town(db)
    # By count one van is enough for all of them; on the road it is not.
    made.town.publish(
        made.town.vans(18, orders=28, vehicles=2),
        made.town.bike(18, orders=0),
        made.town.bike(19, vehicles=1),
    )
    clock.set(AT_1605)
    published(made)
    assert len(made.tours()["Van 7"]) > 2
    out_at = datetime(2026, 11, 25, 18, 45, tzinfo=UTC)
    with client_on(db) as client:
        desk = Api(client, key=OPERATOR)
        desk.data(REPORT, input=told("VEHICLE", out_at, vehicleName="Van 7"))
        made.run()
        (outcome,) = desk.data(OUTCOME)["disruptions"]
        assert outcome["status"] == "REPAIRED", outcome["message"]
        seen = desk.data(TOURS, day=out_at.date().isoformat())["tours"]
        back = {
            (one["vehicle"], one["overtimeSeconds"]): datetime.fromisoformat(one["returnsAt"]) for one in seen
        }
        assert max(at for (_, _), at in back.items()) > out_at
        assert [at for (name, _), at in back.items() if name == "Van 7" and at > out_at] == []
        assert [late for name, late in back if name == "Van 7" and late] == []
        assert made.town.sound()
