"""Plan runs and their proof."""

from datetime import date, datetime
from functools import partial
from typing import Annotated

import strawberry

from app.allocation.queries import OpenedZone, binding_limits, day_plans, newest_run, run_of, zone_openings
from app.allocation.tables import AllocationRun as AllocationRunRow
from app.allocation.tables import BindingLimit as BindingLimitRow
from app.allocation.tables import DayPlan as DayPlanRow
from app.values.money import Money as MoneyValue
from app.values.window import Window, ZonedWindow
from schema.context import Info
from schema.ids import key_of
from schema.onto import onto, shown
from schema.places import Node, ServiceZone, node_id
from schema.values import Money, TimeWindow
from schema.words import RunStatus, VehicleKind


@onto(BindingLimitRow, description="A limit that stopped the plan from being better.")
class BindingLimit:
    """A limit."""

    limit_name: str = strawberry.field(name="limit", description="In business words.")
    node_name: str | None = strawberry.field(name="node", description="Of which node, if of one.")
    zone_name: str | None = strawberry.field(name="zone", description="Of which zone, if of one.")
    vehicle_kind: VehicleKind | None = strawberry.field(description="Of which kind of vehicle, if of one.")
    unit: str = strawberry.field(description="What one more of it is.")

    @strawberry.field(description="When it binds, if not all the time.")
    def window(self) -> TimeWindow | None:
        """The bucket."""
        row: BindingLimitRow = shown(self)
        if row.starts_at is None or row.ends_at is None:
            return None
        return shown(ZonedWindow(Window(row.starts_at, row.ends_at), "UTC"))

    @strawberry.field(description="Worth of one more unit.")
    def worth(self) -> Money:
        """The shadow price."""
        row: BindingLimitRow = shown(self)
        return shown(MoneyValue(row.worth_minor, row.currency))


@onto(DayPlanRow, description="The certificate of one day.")
class DayPlan:
    """A day."""

    day: date = strawberry.field(name="date", description="The local day.")
    gap: float = strawberry.field(description="(bound - objective) / |objective|.")
    solver_s: float = strawberry.field(name="solverSeconds", description="CPU seconds of the solver.")
    vehicles: int = strawberry.field(description="Vehicle shifts on the road.")
    planned_orders: float = strawberry.field(description="Orders the plan expects to serve.")


@onto(OpenedZone, description="Which windows a plan opens in a zone on a day, where it may choose.")
class ZoneOpening:
    """A zone's windows."""

    zone: ServiceZone = strawberry.field(description="The zone.")
    day: date = strawberry.field(name="date", description="The local day.")
    opened: list[TimeWindow] = strawberry.field(description="The elementary windows that can be ordered.")
    unopened: list[TimeWindow] = strawberry.field(
        description="The elementary windows that the plan leaves closed."
    )
    short_orders: float = strawberry.field(
        description="Orders that the zone is served below the least its rule asks for."
    )
    short_windows: float = strawberry.field(
        description="Windows that the zone has open below the least its rule asks for."
    )


@onto(AllocationRunRow, description="One run of the planner, with its proof.")
class AllocationRun(Node):
    """A run."""

    id: strawberry.ID = node_id("AllocationRun")
    status: RunStatus = strawberry.field(description="What became of it.")
    trigger: str = strawberry.field(description="Why it was begun.")
    started_at: datetime = strawberry.field(description="When it was begun.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    first_day: date = strawberry.field(description="The first local day it plans.")
    days: int = strawberry.field(description="How many days it plans.")
    gap: float | None = strawberry.field(description="(bound - objective) / |objective|.")
    solver_s: float | None = strawberry.field(name="solverSeconds", description="CPU seconds of the solver.")
    build_s: float | None = strawberry.field(
        name="buildSeconds", description="CPU seconds of building the model and handing it to the solver."
    )
    columns: int | None = strawberry.field(description="Variables of the models of all days.")
    message: str | None = strawberry.field(
        description="Why it was not published, or what is wrong with its data, in words."
    )

    @strawberry.field(description="Contribution of the plan in the planning currency.")
    def objective(self) -> Money | None:
        """What the plan earns."""
        return shown(_money(shown(self), "objective_minor"))

    @strawberry.field(
        description="What no plan can exceed with drops as near to each other as planned, by proof."
    )
    def bound(self) -> Money | None:
        """The proved bound."""
        return shown(_money(shown(self), "bound_minor"))

    @strawberry.field(
        description="What no plan can exceed, however near to each other its drops fall: looser, always true."
    )
    def chord_bound(self) -> Money | None:
        """The bound of the relaxation with chords instead of the concave way between drops."""
        return shown(_money(shown(self), "chord_bound_minor"))

    @strawberry.field(
        description="Which windows it opens on a day, in the zones where it may choose: no other is told of."
    )
    async def zone_openings(
        self,
        info: Info,
        day: Annotated[date, strawberry.argument(name="date", description="The local day.")],
    ) -> list[ZoneOpening]:
        """The openings."""
        run: AllocationRunRow = shown(self)
        return shown(await info.context.read(lambda conn, _: zone_openings(conn, run.id, day)))

    @strawberry.field(description="What would have to give for a better plan, the dearest first.")
    async def binding_limits(self, info: Info) -> list[BindingLimit]:
        """The limits."""
        run: AllocationRunRow = shown(self)
        return shown(await info.context.read(lambda conn, _: binding_limits(conn, run.id)))

    @strawberry.field(description="The certificates of its days.")
    async def day_plans(self, info: Info) -> list[DayPlan]:
        """The days."""
        run: AllocationRunRow = shown(self)
        return shown(await info.context.read(lambda conn, _: day_plans(conn, run.id)))


def _money(run: AllocationRunRow, name: str) -> MoneyValue | None:
    minor = getattr(run, name)
    return None if minor is None else MoneyValue(minor, run.currency)


async def allocation_run(
    info: Info,
    id: strawberry.ID | None = None,
    published: Annotated[
        bool, strawberry.argument(description="False: the newest run, also when it was not published.")
    ] = True,
) -> AllocationRun | None:
    """The run with this id, or the newest one; it names no customer, so any key may read it."""
    run_id = key_of("AllocationRun", id) if id else None
    newest = newest_run if run_id is None and not published else partial(run_of, run_id=run_id)
    return shown(await info.context.read(lambda conn, _: newest(conn)))
