"""How goods change hands."""

import strawberry
from graphql import GraphQLError

from app.handover.rules import DropWish
from app.handover.rules import HandoverOption as Option
from app.handover.tables import DropPreference as DropPreferenceRow
from schema.onto import onto
from schema.words import HandoverMode, HandoverRefusal, ProofKind


@onto(Option, description="A way of handing over for these goods.")
class HandoverOption:
    """An option."""

    mode: HandoverMode = strawberry.field(description="The way.")
    allowed: bool = strawberry.field(description="Whether these goods may go this way.")
    reason: HandoverRefusal | None = strawberry.field(description="Why not; null while allowed.")
    proof: list[ProofKind] = strawberry.field(description="What will show that it was done.")
    extra_minutes: int = strawberry.field(description="How much longer than the quickest way.")


@onto(DropPreferenceRow, description="What the customer asked for.")
class DropPreference:
    """A wish."""

    mode: HandoverMode = strawberry.field(description="The way.")
    place: str | None = strawberry.field(description="The safe place.")
    neighbour: str | None = strawberry.field(description="The neighbour's name.")
    note: str | None = strawberry.field(description="For the courier.")
    ring_bell: bool = strawberry.field(description="Whether to ring.")
    contact_free: bool = strawberry.field(description="Whether to keep a distance.")
    proof: list[ProofKind] = strawberry.field(description="What will show that it was done.")
    extra_min: int = strawberry.field(name="extraMinutes", description="Minutes asked for at the door.")


@strawberry.input(description="In person at the door.")
class AttendedDropInput:
    """In person."""

    contact_free: bool = strawberry.field(default=False, description="Keep a distance.")
    ring_bell: bool = strawberry.field(default=True, description="Ring the bell.")
    extra_minutes: int = strawberry.field(default=0, description="0 to 30 more minutes, for stairs or help.")
    note: str | None = strawberry.field(default=None, description="For the courier.")


@strawberry.input(description="Left in a safe place, with a photo.")
class SafePlaceDropInput:
    """A safe place."""

    place: str = strawberry.field(description="Where it is.")
    ring_bell: bool = strawberry.field(default=False, description="Ring the bell.")
    note: str | None = strawberry.field(default=None, description="For the courier.")


@strawberry.input(description="Left with a neighbour.")
class NeighbourDropInput:
    """A neighbour."""

    name: str = strawberry.field(description="The neighbour's name.")
    line1: str = strawberry.field(description="The neighbour's address.")
    note: str | None = strawberry.field(default=None, description="For the courier.")


@strawberry.input(description="Fetched by the customer at the collection point that is the address.")
class CollectionDropInput:
    """Collected."""

    note: str | None = strawberry.field(default=None, description="For who keeps the collection point.")


@strawberry.input(one_of=True, description="Exactly one way of handing over.")
class DropPreferenceInput:
    """A wish, as told."""

    attended: strawberry.Maybe[AttendedDropInput] = strawberry.field(description="In person.")
    safe_place: strawberry.Maybe[SafePlaceDropInput] = strawberry.field(description="In a safe place.")
    neighbour: strawberry.Maybe[NeighbourDropInput] = strawberry.field(description="With a neighbour.")
    collection: strawberry.Maybe[CollectionDropInput] = strawberry.field(
        description="Collected: where the address is a collection point, and nowhere else."
    )

    def wish(self) -> DropWish:
        """What the rooms are asked."""
        if self.attended is not None:
            told = self.attended.value
            return DropWish(
                HandoverMode.ATTENDED,
                note=told.note,
                ring_bell=told.ring_bell,
                contact_free=told.contact_free,
                extra_min=told.extra_minutes,
            )
        if self.safe_place is not None:
            left = self.safe_place.value
            return DropWish(
                HandoverMode.SAFE_PLACE, place=left.place, note=left.note, ring_bell=left.ring_bell
            )
        if self.collection is not None:
            return DropWish(HandoverMode.COLLECTION, note=self.collection.value.note)
        if self.neighbour is None:
            raise GraphQLError("Give exactly one of attended, safePlace, neighbour, collection.")
        next_door = self.neighbour.value
        return DropWish(
            HandoverMode.NEIGHBOUR,
            neighbour=next_door.name,
            neighbour_line1=next_door.line1,
            note=next_door.note,
        )
