"""Compartments of lockers through GraphQL: kept with the hold, offered to nobody else, free again when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app.assignment.rules import AssignmentTrigger
from app.booking.compartments import placed
from app.booking.tables import CompartmentClaim, DeliveryBooking
from app.database.rows import rows, table_of
from app.database.runner import Database
from schema.ids import from_global, to_global
from tests.assignment.test_assign import assigned
from tests.conftest import Clock
from tests.factories import HOME
from tests.journeys.lockers import (
    FLEXIBLE,
    LOCKER,
    SAVE,
    UPDATE,
    Lockers,
    codes,
    locker_town,
    point_of,
)
from tests.schema.test_promises import ADVANCE, CANCEL, MOVE

OFFERS = """query ($address: AddressInput!, $slots: [ID!]!, $basket: BasketInput) {
  lockerOffers(address: $address, slotIds: $slots, basket: $basket) {
    available metres locker { id key keptHours } closed { reason message } } }"""
FILL = """{ lockerFill(day: "2026-11-25") { locker { key } sizes { volumeMillilitres count taken } } }"""
RELEASE = "mutation ($id: ID!) { releaseHold(input: {holdId: $id}) { hold { status } userErrors { code } } }"
EMPTY = """mutation ($id: ID!) { emptyCompartment(input: {bookingId: $id}) {
  booking { status } userErrors { code message field } } }"""
ACCEPT = """mutation ($input: AcceptLockersInput!) { acceptLockers(input: $input) {
  hold { id version lockerIds } userErrors { code message field } } }"""
_SERIES = (
    "standingSlot { address lockerIds dropPreference { mode } occurrences { state } } userErrors { code }"
)
STANDING = (
    f"mutation ($input: CreateStandingSlotInput!) {{ createStandingSlot(input: $input) {{ {_SERIES} }} }}"
)
KEEP = f"mutation ($input: KeepBookingWeeklyInput!) {{ keepBookingWeekly(input: $input) {{ {_SERIES} }} }}"
FULL = "All compartments of this locker are taken in this window."
SMALL, LARGE = 30_000, 90_000


@pytest.fixture
def town(db: Database) -> Iterator[Lockers]:
    """One small compartment and one large one, in which goods stay for an hour after their window."""
    sizes = [{"volumeMillilitres": SMALL, "count": 1}, {"volumeMillilitres": LARGE, "count": 1}]
    with locker_town(db, compartments=sizes, keptHours=1) as made:
        yield made


def offer(town: Lockers, *slots: Any, litres: int = 20, traits: tuple[str, ...] = ()) -> Any:
    """The only locker, as it is offered in these windows: the early one unless told."""
    basket = {"weightGrams": 8_000, "ambientMillilitres": litres * 1_000, "traits": traits}
    ids = [to_global("DeliverySlot", slot.id) for slot in slots or (town.town.early,)]
    told = {"address": {"point": point_of(HOME)}, "slots": ids, "basket": basket}
    (found,) = town.shop.data(OFFERS, **told)["lockerOffers"]
    return found


def taken(town: Lockers) -> list[int]:
    """What operators see of the sizes, the smallest first."""
    (found,) = town.desk.data(FILL)["lockerFill"]
    assert [size["volumeMillilitres"] for size in found["sizes"]] == [SMALL, LARGE]
    return [size["taken"] for size in found["sizes"]]


def claims(town: Lockers) -> list[CompartmentClaim]:
    return town.db.read_now(lambda c, _: rows(c, CompartmentClaim, sa.select(table_of(CompartmentClaim))))


def at(slot: Any) -> str:
    return to_global("DeliverySlot", slot.id)


def test_a_full_locker_is_offered_to_nobody_until_a_hold_ends_in_whatever_way(
    town: Lockers, clock: Clock
) -> None:
    assert (offer(town)["available"], offer(town)["closed"]) == (True, None)
    assert offer(town)["locker"] == {"id": town.locker, "key": "trindade", "keptHours": 1}
    ana, rui = town.hold("ana")["hold"], town.hold("rui")["hold"]
    assert taken(town) == [1, 1]
    assert offer(town) == {**offer(town), "available": False, "closed": {"reason": "FULL", "message": FULL}}
    refused = town.hold("eva")
    assert (refused["hold"], codes(refused)) == (None, ["LOCKER_FULL"])
    (error,) = refused["userErrors"]
    assert error["field"] == ["input", "lockerIds"]
    assert error["message"].startswith(f"Cacifo da Trindade: {FULL} Leave it out")
    # The window itself is open, and nothing of the refused hold stays.
    assert codes(town.hold("eva", lockerIds=[])) == []
    assert len(claims(town)) == 2

    # Goods of the hour before are still there an hour later, and gone after two.
    assert offer(town, town.town.late)["closed"]["reason"] == "FULL"
    assert town.shop.data(RELEASE, id=ana["id"])["releaseHold"]["hold"]["status"] == "RELEASED"
    assert (offer(town)["available"], taken(town)) == (True, [0, 1])
    # A hold for the same cart gives its own compartment back first.
    again = town.hold("rui")["hold"]
    assert taken(town) == [1, 0]
    # Nobody has to notice that a hold has expired.
    clock.forward(timedelta(minutes=61))
    assert taken(town) == [0, 0]
    assert [codes(town.hold(name)) for name in ("leo", "eva")] == [[], []]
    # Who pays too late goes to the door when others have taken it meanwhile.
    assert rui["id"] != again["id"]
    assert town.confirmed(again["id"], "rui").lockers == []
    assert taken(town) == [1, 1]
    # And keeps it where nobody has.
    clock.forward(timedelta(minutes=61))
    kept = town.hold("ana")["hold"]
    clock.forward(timedelta(minutes=61))
    assert town.confirmed(kept["id"], "ana").lockers == [from_global(town.locker)[1]]
    assert taken(town) == [1, 0]


def test_a_compartment_is_large_enough_and_never_for_what_is_handed_over_in_person(town: Lockers) -> None:
    assert offer(town, litres=100)["closed"]["reason"] == "TOO_SMALL"
    assert offer(town, traits=("AGE_RESTRICTED",))["closed"] == {
        "reason": "GOODS",
        "message": "These goods may not be left in a locker.",
    }
    large = {"weightGrams": 8_000, "ambientMillilitres": 60_000}
    assert codes(town.hold("ana", basket=large)) == []
    assert taken(town) == [0, 1]
    assert codes(town.hold("rui", basket=large)) == ["LOCKER_FULL"]
    rui = town.hold("rui")["hold"]
    assert taken(town) == [1, 1]
    # More goods fit none that is free: it goes on, to the door.
    changed = {"holdId": rui["id"], "basket": large, "idempotencyKey": "more"}
    assert town.shop.data(UPDATE, input=changed)["updateHold"]["hold"]["status"] == "ACTIVE"
    assert taken(town) == [0, 1]
    back = {"holdId": rui["id"], "basket": {"ambientMillilitres": 10_000}, "idempotencyKey": "less"}
    assert town.shop.data(UPDATE, input=back)["updateHold"]["hold"]["status"] == "ACTIVE"
    assert taken(town) == [1, 1]


def test_a_booking_keeps_it_moves_with_it_and_gives_it_back(town: Lockers) -> None:
    ana, rui = town.booked("ana"), town.booked("rui")
    assert [claim.hold_id for claim in claims(town)] == [ana.hold_id, rui.hold_id]
    windows = [at(town.town.early), at(town.town.late)]
    asked = {key: value for key, value in town.asked("leo").items() if key != "slotId"}
    flexible = {**asked, "slotIds": windows}
    assert codes(town.shop.data(FLEXIBLE, input=flexible)["holdFlexibleSlot"]) == ["LOCKER_FULL"]

    told = {"bookingId": to_global("DeliveryBooking", ana.id), "idempotencyKey": "1"}
    assert codes(town.shop.data(MOVE, input={**told, "slotId": windows[1]})["rescheduleBooking"]) == []
    moved = next(claim for claim in claims(town) if claim.hold_id == ana.hold_id)
    assert (moved.starts_at, moved.ends_at) == (
        town.town.late.starts_at,
        town.town.late.ends_at + timedelta(hours=1),
    )
    # At seven its goods and those of the hour before are there: both are taken until eight.
    assert taken(town) == [1, 1]
    assert codes(town.shop.data(CANCEL, input={**told, "idempotencyKey": "2"})["cancelBooking"]) == []
    assert taken(town) == [0, 1]
    flexible["idempotencyKey"] = "once more"
    held = town.shop.data(FLEXIBLE, input=flexible)["holdFlexibleSlot"]
    assert (codes(held), taken(town)) == ([], [1, 1])


def test_goods_are_in_it_until_they_are_taken_out(town: Lockers, clock: Clock) -> None:
    # Two who live apart on both sides of the locker are brought there, and it is full.
    ana, rui = (town.booked(name, apart(side)) for name, side in (("ana", 1), ("rui", -1)))
    clock.set(ana.cutoff_at + timedelta(minutes=1))
    town.planned()
    assert {town.seen(one)["dropPreference"]["mode"] for one in (ana, rui)} == {"LOCKER"}
    assert [claim.hold_id for claim in claims(town)] == sorted([ana.hold_id, rui.hold_id])
    told = {"id": to_global("DeliveryBooking", ana.id)}
    assert codes(town.shop.data(EMPTY, **told)["emptyCompartment"]) == ["OPERATORS_ONLY"]
    assert codes(town.desk.data(EMPTY, **told)["emptyCompartment"]) == ["NOTHING_IN_LOCKER"]
    for status in ("IN_FULFILMENT", "OUT_FOR_DELIVERY", "DELIVERED"):
        noted = town.desk.data(ADVANCE, input={"bookingId": told["id"], "status": status})["advanceBooking"]
        assert noted["userErrors"] == []
    assert taken(town) == [1, 1]
    for _ in range(2):
        assert codes(town.desk.data(EMPTY, **told)["emptyCompartment"]) == []
    assert sum(taken(town)) == 1
    town.sound()


def apart(side: int) -> Any:
    return type(HOME)(HOME.latitude, HOME.longitude + side * 0.012)


def test_what_is_decided_late_takes_only_what_is_free(db: Database, clock: Clock) -> None:
    sizes = [{"volumeMillilitres": LARGE, "count": 2}]
    with locker_town(db, compartments=sizes) as town:
        ana, rui = town.booked("ana", apart(1)), town.booked("rui", apart(-1))
        # A locker that becomes smaller keeps the goods of who came first.
        point = {"key": "trindade", "name": "Cacifo", "address": "Rua 1", "point": point_of(LOCKER)}
        one = {**point, "locker": True, "compartments": [{"volumeMillilitres": LARGE, "count": 1}]}
        assert codes(town.desk.data(SAVE, input=one)["saveCollectionPoint"]) == []
        assert [claim.hold_id for claim in claims(town)] == [ana.hold_id]
        clock.set(ana.cutoff_at + timedelta(minutes=1))
        # With room for both, both would go there.
        assert assigned(town.town, AssignmentTrigger.CUTOFF).orders == 2
        town.planned()
        modes = {name: town.seen(b)["dropPreference"]["mode"] for name, b in (("ana", ana), ("rui", rui))}
        assert modes == {"ana": "LOCKER", "rui": "ATTENDED"}
        assert [claim.hold_id for claim in claims(town)] == [ana.hold_id]
        town.sound()


def test_all_or_none_of_a_decision_are_placed(db: Database) -> None:
    with locker_town(db, compartments=[{"volumeMillilitres": LARGE, "count": 2}]) as town:
        bookings = [town.booked(name) for name in ("ana", "rui")]
        third = town.booked("eva", lockerIds=[])
        locker_id = from_global(town.locker)[1]
        before = claims(town)

        def place(*going: tuple[DeliveryBooking, str | None]) -> bool:
            return db.write_now(lambda c, n: placed(c, now=n, going=going))

        assert not place((third, locker_id))
        assert not place((bookings[0], locker_id), (third, locker_id))
        assert claims(town) == before
        # One goes to its door, and another has its compartment in the same decision.
        assert place((bookings[0], None), (third, locker_id))
        assert {claim.hold_id for claim in claims(town)} == {bookings[1].hold_id, third.hold_id}


def test_a_locker_says_what_it_has(town: Lockers) -> None:
    point = {"name": "Cacifo", "address": "Rua 1", "point": point_of(LOCKER), "locker": True}

    def saved(**told: Any) -> list[str]:
        return codes(town.desk.data(SAVE, input={"key": "other", **point, **told})["saveCollectionPoint"])

    size = {"volumeMillilitres": 1, "count": 1}
    wrongs: list[dict[str, Any]] = [
        {},
        {"compartments": []},
        {"compartments": [size, size]},
        {"compartments": [{**size, "volumeMillilitres": 0}]},
        {"compartments": [{**size, "count": -1}]},
        {"compartments": [{"volumeMillilitres": n, "count": 1} for n in range(1, 10)]},
        {"compartments": [size], "keptHours": 0},
        {"compartments": [size], "locker": False},
    ]
    for wrong in wrongs:
        assert saved(**wrong) == ["INVALID_LOCKER"]
    assert saved(compartments=[size]) == []
    # What is known stays where nothing is said.
    assert saved(keptHours=48) == []
    (other,) = [one for one in town.desk.data(FILL)["lockerFill"] if one["locker"]["key"] == "other"]
    assert other["sizes"] == [{**size, "taken": 0}]
    (error,) = town.shop.send(FILL)["errors"]
    assert error["extensions"]["code"] == "OPERATORS_ONLY"


def test_a_hold_says_later_which_lockers_it_accepts(town: Lockers, clock: Clock) -> None:
    ana = town.hold("ana", lockerIds=[])["hold"]
    assert (ana["lockerIds"], taken(town)) == ([], [0, 0])

    def accepted(*lockers: str, hold_id: str = ana["id"], **told: Any) -> Any:
        asked = {"holdId": hold_id, "lockerIds": lockers, **told}
        return town.shop.data(ACCEPT, input=asked)["acceptLockers"]

    made = accepted(town.locker, expectedVersion=1)
    assert (made["hold"]["lockerIds"], made["hold"]["version"], taken(town)) == ([town.locker], 2, [1, 0])
    # Said again it keeps what it has, and said otherwise it gives it back.
    assert (codes(accepted(town.locker)), taken(town)) == ([], [1, 0])
    assert (codes(accepted()), taken(town)) == ([], [0, 0])
    assert codes(accepted(town.locker, expectedVersion=1)) == ["VERSION_CONFLICT"]
    assert [codes(town.hold(name)) for name in ("rui", "eva")] == [[], []]
    assert codes(accepted(town.locker)) == ["LOCKER_FULL"]
    assert codes(accepted(to_global("CollectionPoint", "nothing"))) == ["LOCKER_NOT_HERE"]
    assert codes(accepted(hold_id=to_global("SlotHold", "nothing"))) == ["HOLD_NOT_FOUND"]
    wine = town.hold("leo", lockerIds=[], basket={"traits": ["AGE_RESTRICTED"]})["hold"]["id"]
    assert codes(accepted(town.locker, hold_id=wine)) == ["AGE_CHECK_REQUIRES_HANDOVER"]
    clock.set(town.town.early.starts_at)
    assert codes(accepted()) == ["HOLD_ENDED"]


def test_each_week_that_is_kept_has_a_compartment_while_there_is_one(town: Lockers) -> None:
    def kept(name: str, *lockers: str) -> Any:
        asked = {**town.asked(name), "lockerIds": lockers}
        return town.shop.data(STANDING, input=asked)["createStandingSlot"]

    for name, full in (("ana", [1, 0]), ("rui", [1, 1]), ("eva", [1, 1])):
        # The third customer goes to the door, and keeps the window all the same.
        made = kept(name, town.locker)
        assert made["userErrors"] == []
        assert made["standingSlot"]["lockerIds"] == [town.locker]
        assert made["standingSlot"]["occurrences"] == [{"state": "BOOKED_AHEAD"}]
        assert taken(town) == full
    assert codes(kept("leo", to_global("CollectionPoint", "nothing"))) == ["LOCKER_NOT_HERE"]


def test_who_keeps_the_window_of_goods_that_went_to_a_locker_keeps_the_door(
    town: Lockers, clock: Clock
) -> None:
    ana, rui = (town.booked(name, apart(side)) for name, side in (("ana", 1), ("rui", -1)))
    clock.set(ana.cutoff_at + timedelta(minutes=1))
    town.planned()
    seen = town.seen(ana)
    assert seen["dropPreference"]["mode"] == "LOCKER"
    asked = {"bookingId": to_global("DeliveryBooking", ana.id), "idempotencyKey": "weekly"}
    made = town.shop.data(KEEP, input=asked)["keepBookingWeekly"]
    assert made["userErrors"] == []
    assert made["standingSlot"]["address"] == ana.address_label != seen["address"]
    assert made["standingSlot"]["lockerIds"] == [town.locker]
    assert made["standingSlot"]["dropPreference"] == {"mode": "ATTENDED"}
    again = {**asked, "idempotencyKey": "again"}
    assert codes(town.shop.data(KEEP, input=again)["keepBookingWeekly"]) == ["ALREADY_STANDING"]
    assert rui.id != ana.id
