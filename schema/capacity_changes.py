"""What operators change about capacity, and what it would do, shown before."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry
from graphql import GraphQLError
from sqlalchemy import Connection

from app.booking import change_capacity as change_verb
from app.booking import lift_override as lift_verb
from app.booking.overcommitment import Overcommitment, preview_change, preview_lift
from app.booking.repromise import proposed
from app.booking.resized import ChangedCapacity
from app.booking.seen import SeenBooking, SeenHold, seen_bookings, seen_holds
from app.booking.tables import DeliveryBooking as DeliveryBookingRow
from app.booking.tables import SlotHold as SlotHoldRow
from app.capacity.rules import PoolSelector, SizeChange
from app.capacity.seen import SeenPool, pools_by_id
from app.errors import Refusal
from schema.bookings import DeliveryBooking, SlotHold
from schema.capacity import CapacityOverride, CapacityPool, CapacityVector
from schema.context import Info
from schema.errors import CapacityUserError, attempted, capacity_errors
from schema.ids import key_of
from schema.onto import shown
from schema.repromise import RepromiseProposal
from schema.words import OvercommitChoice, VehicleKind

# So many of the holds and bookings that would not fit are shown, the newest.
MAX_MISFITS = 100
_KEY = "The same key and input give the same payload again for 30 days; a key of your own making."

CapacityClaim = Annotated[
    SlotHold | DeliveryBooking, strawberry.union(name="CapacityClaim", description="What takes capacity.")
]


@strawberry.input(description="All pools of a local day, narrowed by what is given.")
class CapacityPoolsInput:
    """Pools, as told."""

    day: date = strawberry.field(description="The local day.")
    node_id: strawberry.ID | None = strawberry.field(default=None, description="Only of this node.")
    vehicle_kind: VehicleKind | None = strawberry.field(default=None, description="Only of this kind.")
    starts_at: datetime | None = strawberry.field(
        default=None, description="Only buckets that begin at or after it."
    )
    ends_at: datetime | None = strawberry.field(
        default=None, description="Only buckets that end at or before it."
    )


@strawberry.input(one_of=True, description="One pool, or the pools of a day.")
class CapacitySelectorInput:
    """Which pools."""

    pool_id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="This pool.")
    pools: strawberry.Maybe[CapacityPoolsInput] = strawberry.field(description="The pools of a day.")

    def value(self) -> PoolSelector:
        """Which pools are meant."""
        if self.pool_id is not None:
            return PoolSelector(pool_id=key_of("CapacityPool", self.pool_id.value))
        if self.pools is None:
            raise GraphQLError("Give exactly one of poolId, pools.")
        told = self.pools.value
        return PoolSelector(
            day=told.day,
            node_id=key_of("FulfilmentNode", told.node_id) if told.node_id else None,
            vehicle_kind=told.vehicle_kind,
            starts_at=told.starts_at,
            ends_at=told.ends_at,
        )


@strawberry.input(one_of=True, description="What shall be sold.")
class CapacitySizeInput:
    """How much."""

    sell_orders: strawberry.Maybe[int] = strawberry.field(
        description="So many orders in each pool; the other dimensions stay as planned."
    )
    percent_of_plan: strawberry.Maybe[int] = strawberry.field(
        description="Percent, 0 to 1000, of all that the plan would sell, in every dimension."
    )
    closed: strawberry.Maybe[bool] = strawberry.field(description="True: nothing.")

    def value(self) -> SizeChange:
        """What is wanted."""
        if self.sell_orders is not None:
            return SizeChange(sell_orders=self.sell_orders.value)
        if self.percent_of_plan is not None:
            return SizeChange(factor_bp=self.percent_of_plan.value * 100)
        return SizeChange(factor_bp=0 if self.closed and self.closed.value else None)


@strawberry.input(description="A change to look at; nothing is written.")
class PreviewCapacityChangeInput:
    """What to preview."""

    pools: CapacitySelectorInput = strawberry.field(description="Which pools.")
    change: CapacitySizeInput = strawberry.field(description="What they shall sell.")


@strawberry.input(description="A change of what pools sell, over any plan, until it is lifted.")
class ChangeCapacityInput:
    """What to change."""

    pools: CapacitySelectorInput = strawberry.field(description="Which pools.")
    change: CapacitySizeInput = strawberry.field(description="What they shall sell.")
    choice: OvercommitChoice | None = strawberry.field(
        default=None, description="Needed when holds and bookings would not fit any more."
    )
    reason: str = strawberry.field(description="Why; the ledger keeps it.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.input(description="Which override to lift.")
class LiftCapacityOverrideInput:
    """What to lift."""

    override_id: strawberry.ID = strawberry.field(description="The override.")
    choice: OvercommitChoice | None = strawberry.field(
        default=None, description="Needed when holds and bookings would not fit any more."
    )
    reason: str = strawberry.field(description="Why; the ledger keeps it.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="What a pool sells before and after a change.")
class CapacityPoolEdit:
    """An edit."""

    pool: CapacityPool = strawberry.field(description="The pool as it stood with this answer.")
    before: CapacityVector = strawberry.field(description="What it sold before.")
    after: CapacityVector = strawberry.field(description="What it sells after.")
    overcommitment: int = strawberry.field(description="Holds and bookings that do not fit any more.")


@strawberry.type(description="What a pool would sell, and what would not fit.")
class CapacityPoolPreview(CapacityPoolEdit):
    """An edit that nobody has made."""

    overcommitted: list[CapacityClaim] = strawberry.field(
        description="Those that would not fit, the newest first; at most 100 over all pools."
    )


@strawberry.type(description="What a change would do; nothing was written.")
class CapacityPreview:
    """A preview."""

    pools: list[CapacityPoolPreview] = strawberry.field(description="Every pool meant.")
    overcommitment: int = strawberry.field(description="Holds and bookings that would not fit any more.")
    user_errors: list[CapacityUserError] = strawberry.field(description="Empty when it could be foreseen.")


@strawberry.type(description="What came of it.")
class ChangeCapacityPayload:
    """The answer."""

    override: CapacityOverride | None = strawberry.field(description="What was said; null when refused.")
    pools: list[CapacityPoolEdit] = strawberry.field(description="Every pool that was meant.")
    overcommitment: int = strawberry.field(description="Holds and bookings that do not fit any more.")
    proposals: list[RepromiseProposal] = strawberry.field(description="Those that this change made.")
    user_errors: list[CapacityUserError] = strawberry.field(description="Empty when it worked.")


async def preview_capacity_change(
    info: Info,
    input: Annotated[PreviewCapacityChangeInput, strawberry.argument(description="The change.")],
) -> CapacityPreview | None:
    """What a change would do."""
    which, to = input.pools.value(), input.change.value()
    return await _previewed(
        info, lambda conn, now: preview_change(conn, now=now, actor=info.context.actor, which=which, to=to)
    )


async def preview_capacity_lift(
    info: Info,
    override_id: Annotated[strawberry.ID, strawberry.argument(description="The override.")],
) -> CapacityPreview | None:
    """What lifting an override would do."""
    key = key_of("CapacityOverride", override_id)
    return await _previewed(
        info, lambda conn, now: preview_lift(conn, now=now, actor=info.context.actor, override_id=key)
    )


async def change_capacity(info: Info, input: ChangeCapacityInput) -> ChangeCapacityPayload | None:
    """Change."""
    which, to = input.pools.value(), input.change.value()

    def work(conn: Connection, now: datetime) -> ChangedCapacity:
        return change_verb.change_capacity(
            conn,
            now=now,
            actor=info.context.actor,
            which=which,
            to=to,
            choice=input.choice,
            reason=input.reason,
            key=input.idempotency_key,
        )

    return await _answered(info, *await attempted(info.context.write(work)))


async def lift_capacity_override(
    info: Info, input: LiftCapacityOverrideInput
) -> ChangeCapacityPayload | None:
    """Lift."""
    override_id = key_of("CapacityOverride", input.override_id)

    def work(conn: Connection, now: datetime) -> ChangedCapacity:
        return lift_verb.lift_override(
            conn,
            now=now,
            actor=info.context.actor,
            override_id=override_id,
            choice=input.choice,
            reason=input.reason,
            key=input.idempotency_key,
        )

    return await _answered(info, *await attempted(info.context.write(work)))


type _Previewed = tuple[list[Overcommitment], dict[str, SeenPool], dict[str, SeenHold | SeenBooking]]


async def _previewed(
    info: Info, foresee: Callable[[Connection, datetime], list[Overcommitment]]
) -> CapacityPreview:
    def look(conn: Connection, now: datetime) -> _Previewed:
        over = foresee(conn, now)
        pools = pools_by_id(conn, [one.edit.pool_id for one in over])
        newest = sorted((c for one in over for c in one.misfits), key=lambda c: c.created_at, reverse=True)
        return over, pools, _seen(conn, now, newest[:MAX_MISFITS])

    found, refusal = await attempted(info.context.read(look))
    over, pools, seen = found or ([], {}, {})
    return CapacityPreview(
        pools=[
            CapacityPoolPreview(
                pool=shown(pools[one.edit.pool_id]),
                before=shown(one.edit.before),
                after=shown(one.edit.after),
                overcommitment=len(one.misfits),
                overcommitted=shown([seen[claim.id] for claim in one.misfits if claim.id in seen]),
            )
            for one in over
        ],
        overcommitment=sum(len(one.misfits) for one in over),
        user_errors=capacity_errors(refusal),
    )


def _seen(
    conn: Connection, now: datetime, claims: Sequence[SlotHoldRow | DeliveryBookingRow]
) -> dict[str, SeenHold | SeenBooking]:
    holds = seen_holds(conn, now=now, holds=[c for c in claims if isinstance(c, SlotHoldRow)])
    bookings = seen_bookings(conn, now=now, bookings=[c for c in claims if isinstance(c, DeliveryBookingRow)])
    by_id: dict[str, SeenHold | SeenBooking] = {hold.row.id: hold for hold in holds}
    return by_id | {booking.row.id: booking for booking in bookings}


async def _answered(
    info: Info, done: ChangedCapacity | None, refusal: Refusal | None
) -> ChangeCapacityPayload:
    if done is None:
        return ChangeCapacityPayload(
            override=None, pools=[], overcommitment=0, proposals=[], user_errors=capacity_errors(refusal)
        )
    proposals = await info.context.read(
        lambda conn, _: proposed(conn, proposals=done.proposals, bookings=done.bookings)
    )
    return ChangeCapacityPayload(
        override=shown(done.override),
        pools=[
            CapacityPoolEdit(
                pool=shown(pool.pool),
                before=shown(pool.edit.before),
                after=shown(pool.edit.after),
                overcommitment=pool.misfits,
            )
            for pool in done.pools
        ],
        overcommitment=done.misfits,
        proposals=shown(proposals),
        user_errors=[],
    )
