"""Many holds at once are the same holds as one by one, and what is not plain is left to go alone."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.booking.errors import SlotFull
from app.booking.hold import HoldRequest, hold
from app.booking.hold_many import HOLDING, hold_many
from app.booking.tables import SlotHold
from app.capacity.tables import CapacityEntry
from app.customers.rules import CustomerFacts
from app.database.idempotency import IdempotencyKey
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.handover.rules import DropWish, HandoverMode
from app.slots.tables import DeliverySlot
from app.values.money import Money
from tests.booking.world import Evening, open_evening
from tests.factories import make_basket
from tests.loops import in_a_loop

PORCH = DropWish(HandoverMode.SAFE_PLACE, place="the porch")


def asked(world: Evening, customer: str, slot: DeliverySlot | None = None, **told: Any) -> HoldRequest:
    request = HoldRequest(
        actor=world.shop.actor,
        slot_id=(slot or world.early).id,
        place=world.shop.place,
        basket=make_basket(),
        customer=CustomerFacts(reference=customer, email=f"{customer}@example.com"),
        wish=None,
        expected_fee=None,
        cart_reference="",
        key=f"key-{customer}",
    )
    return replace(request, **told)


def together(world: Evening, *requests: HoldRequest) -> list[SlotHold | None]:
    return world.db.write_now(lambda c, n: hold_many(c, now=n, requests=requests))


def alone(world: Evening, request: HoldRequest) -> SlotHold:
    told = {name: getattr(request, name) for name in request.__slots__}
    return world.db.write_now(lambda c, n: hold(c, now=n, **told))


def without_ids(held: SlotHold | None) -> dict[str, Any]:
    assert held is not None
    own = {"id", "customer_id", "drop_preference_id"}
    return {name: value for name, value in held.model_dump().items() if name not in own}


def test_they_are_the_holds_that_would_be_made_one_by_one(db: Database) -> None:
    world = open_evening(db)
    wishes = {"wish": PORCH, "expected_fee": Money(450, "EUR"), "cart_reference": "second"}
    one_by_one = [alone(world, asked(world, "a")), alone(world, asked(world, "b", world.late, **wishes))]
    at_once = together(world, asked(world, "c"), asked(world, "d", world.late, **wishes))
    assert list(map(without_ids, at_once)) == list(map(without_ids, one_by_one))
    assert (world.taken(world.early), world.taken(world.late)) == ((2, 0), (2, 0))
    assert world.sound()


def test_every_unit_is_explained_in_turn(db: Database) -> None:
    world = open_evening(db)
    together(world, *(asked(world, name) for name in "abc"))
    table = table_of(CapacityEntry)
    found = db.read_now(
        lambda c, _: rows(c, CapacityEntry, sa.select(table).where(table.c.kind == "HOLD").order_by("number"))
    )
    assert [entry.held_after["orders"] for entry in found] == [1, 2, 3]
    assert len({entry.number for entry in found}) == 3


def test_a_repeated_key_gets_the_first_answer(db: Database) -> None:
    world = open_evening(db)
    (first,) = together(world, asked(world, "ana"))
    assert together(world, asked(world, "ana")) == [None]
    assert first is not None
    assert alone(world, asked(world, "ana")).id == first.id


def test_more_than_there_is_leaves_the_rest_to_go_alone(db: Database) -> None:
    world = open_evening(db, early=2)
    holds = together(world, *(asked(world, name) for name in "abcd"))
    assert [held is not None for held in holds] == [True, True, False, False]
    with pytest.raises(SlotFull):
        alone(world, asked(world, "c"))
    assert world.taken(world.early) == (2, 0)
    assert world.sound()


@pytest.mark.parametrize(
    "told",
    [
        {"slot_id": "nowhere"},
        {"key": ""},
        {"customer": CustomerFacts(reference="")},
        {"expected_fee": Money(1, "EUR")},
        {"basket": make_basket(ambient_ml=9_000_000)},
        {"wish": DropWish(HandoverMode.SAFE_PLACE)},
    ],
)
def test_what_is_not_plain_goes_alone_and_leaves_its_key_free(db: Database, told: dict[str, Any]) -> None:
    world = open_evening(db)
    odd, plain = together(world, replace(asked(world, "odd"), **told), asked(world, "plain"))
    assert odd is None
    assert plain is not None
    keys = db.read_now(lambda c, _: rows(c, IdempotencyKey, sa.select(table_of(IdempotencyKey))))
    assert [key.key for key in keys] == ["key-plain"]
    assert world.taken(world.early) == (1, 0)


def test_a_customer_who_holds_another_window_goes_alone(db: Database) -> None:
    world = open_evening(db)
    alone(world, asked(world, "ana", world.late, key="before"))
    assert together(world, asked(world, "ana")) == [None]
    twice = together(world, asked(world, "rui"), asked(world, "rui", key="again"))
    assert [held is not None for held in twice] == [True, False]


def test_a_hundred_shoppers_at_once_for_seven_places_get_exactly_seven(db: Database) -> None:
    world = open_evening(db, early=7)

    async def rush() -> list[SlotHold | BaseException]:
        requests = [asked(world, f"shopper-{number}") for number in range(100)]
        waiting = (db.write_together(HOLDING, request) for request in requests)
        return list(await asyncio.gather(*waiting, return_exceptions=True))

    found = in_a_loop(rush)
    assert sum(isinstance(one, SlotHold) for one in found) == 7
    assert sum(isinstance(one, SlotFull) for one in found) == 93
    assert world.taken(world.early) == (7, 0)
    assert world.sound()
