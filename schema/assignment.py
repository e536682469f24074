"""Which vehicles serve booked deliveries: runs with their proof, and why a booking is where it is."""

from datetime import date, datetime
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from app.assignment.explain import ExplainedChoice, Explanation, explain
from app.assignment.figures import AssignedDay, assigned_days, assignment_prices
from app.assignment.queries import assignment_run_of, assignment_runs
from app.assignment.tables import AssignmentFigures as FiguresRow
from app.assignment.tables import AssignmentRun as AssignmentRunRow
from app.assignment.tables import BookingMove as BookingMoveRow
from app.values.money import Money as MoneyValue
from app.values.window import ZonedWindow
from schema.context import Info
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.places import Node, node_id
from schema.values import Money, TimeWindow
from schema.words import AssignmentTrigger, RunStatus, VehicleKind


@onto(AssignmentRunRow, description="One run that assigns a day's bookings to vehicles, with its proof.")
class AssignmentRun(Node):
    """A run."""

    id: strawberry.ID = node_id("AssignmentRun")
    status: RunStatus = strawberry.field(description="What became of it.")
    trigger: AssignmentTrigger = strawberry.field(description="What it was begun for.")
    day: date = strawberry.field(name="date", description="The local day.")
    started_at: datetime = strawberry.field(description="When it was begun.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    orders: int = strawberry.field(description="Bookings it could move.")
    gap: float | None = strawberry.field(description="(objective - bound) / |bound|.")
    columns: int | None = strawberry.field(description="Variables of the relaxation.")
    overtime_s: int | None = strawberry.field(
        name="overtimeSeconds", description="Work beyond what the vehicles sell, in all."
    )
    partner_couriers: int | None = strawberry.field(description="Bookings that a partner courier brings.")
    moved: int | None = strawberry.field(description="Bookings that another pool serves now.")
    narrowed: int | None = strawberry.field(description="Flexible bookings that got their window.")
    solver_s: float | None = strawberry.field(name="solverSeconds", description="CPU seconds of the solver.")
    message: str | None = strawberry.field(description="Why it was not published, in a sentence.")

    @strawberry.field(description="What the assignment costs: distance, carbon, overtime, partner couriers.")
    def objective(self) -> Money | None:
        """The cost."""
        return shown(_money(shown(self), "objective_minor"))

    @strawberry.field(description="What no assignment can cost less than, proved by the relaxation.")
    def bound(self) -> Money | None:
        """The proved bound."""
        return shown(_money(shown(self), "bound_minor"))


def _money(run: AssignmentRunRow, name: str) -> MoneyValue | None:
    minor = getattr(run, name)
    return None if minor is None else MoneyValue(minor, run.currency)


@strawberry.type(description="Vehicles that may serve a booking, and what that costs, part by part.")
class AllocationChoice:
    """A choice."""

    pool_id: strawberry.ID = strawberry.field(description="The capacity pool.")
    vehicle_class: str = strawberry.field(description="The class of vehicles, as operators name it.")
    vehicle_kind: VehicleKind = strawberry.field(description="The kind of vehicle.")
    node: str = strawberry.field(description="The node it comes from.")
    window: TimeWindow = strawberry.field(description="The pool's bucket.")
    work_s: int = strawberry.field(name="workSeconds", description="Travel, parking and handover.")
    distance: Money = strawberry.field(description="Distance and carbon.")
    worth: Money = strawberry.field(description="What its minutes are worth to those who still order.")
    scarcity: Money = strawberry.field(description="The plan's own price of its minutes among the bookings.")
    disturbance: Money = strawberry.field(description="The price of leaving where it was.")
    total: Money = strawberry.field(description="All parts together.")


@onto(BookingMoveRow, description="A change of the vehicles that serve a booking, inside what was promised.")
class BookingMove:
    """A move."""

    at: datetime = strawberry.field(description="When.")
    actor: str = strawberry.field(description="Who.")
    reason: str = strawberry.field(description="Why.")

    @strawberry.field(description="Of which booking.")
    def booking_id(self) -> strawberry.ID:
        """The booking."""
        row: BookingMoveRow = shown(self)
        return to_global("DeliveryBooking", row.booking_id)

    @strawberry.field(description="The pool before; null for a partner courier.")
    def before_pool_id(self) -> strawberry.ID | None:
        """Before."""
        row: BookingMoveRow = shown(self)
        return to_global("CapacityPool", row.before_pool_id) if row.before_pool_id else None

    @strawberry.field(description="The pool after; null for a partner courier.")
    def after_pool_id(self) -> strawberry.ID | None:
        """After."""
        row: BookingMoveRow = shown(self)
        return to_global("CapacityPool", row.after_pool_id) if row.after_pool_id else None


@onto(Explanation, description="Why a booking is served as it is.")
class AllocationExplanation:
    """An explanation."""

    sentence: str = strawberry.field(description="The whole of it for people.")
    at: datetime = strawberry.field(description="As of when.")
    moves: list[BookingMove] = strawberry.field(description="Every change of its vehicles, oldest first.")

    @strawberry.field(description="Whether a partner courier brings it, for lack of a vehicle.")
    def partner_courier(self) -> bool:
        """The last resort."""
        told: Explanation = shown(self)
        return told.booking.partner_courier

    @strawberry.field(description="What a partner courier is counted at.")
    def partner_courier_cost(self) -> Money | None:
        """Its price."""
        told: Explanation = shown(self)
        minor = told.partner_minor
        return None if minor is None else shown(MoneyValue(minor, told.booking.currency))

    @strawberry.field(description="Who serves it; null while a partner courier does.")
    def chosen(self) -> AllocationChoice | None:
        """The choice."""
        told: Explanation = shown(self)
        return _choice(told, told.chosen)

    @strawberry.field(description="The cheapest of the others; null where there is none.")
    def next_best(self) -> AllocationChoice | None:
        """The next best."""
        told: Explanation = shown(self)
        return _choice(told, told.next_best)

    @strawberry.field(description="The run that placed it; null where none has since it was booked.")
    async def run(self, info: Info) -> AssignmentRun | None:
        """The run."""
        told: Explanation = shown(self)
        run_id = told.run_id
        if run_id is None:
            return None
        return shown(await info.context.read(lambda conn, _: assignment_run_of(conn, run_id)))


def _choice(told: Explanation, choice: ExplainedChoice | None) -> AllocationChoice | None:
    if choice is None:
        return None

    def money(minor: int) -> Money:
        return shown(MoneyValue(minor, told.booking.currency))

    return AllocationChoice(
        pool_id=to_global("CapacityPool", choice.pool_id),
        vehicle_class=choice.vehicle_class,
        vehicle_kind=choice.vehicle_kind,
        node=choice.node_name,
        window=shown(ZonedWindow(choice.window, told.time_zone)),
        work_s=choice.work_s,
        distance=money(choice.cost_minor),
        worth=money(choice.worth_minor),
        scarcity=money(choice.scarcity_minor),
        disturbance=money(choice.move_minor),
        total=money(choice.total_minor),
    )


@onto(AssignedDay, description="What became of a local day's bookings, cancelled ones left out.")
class AssignedDayFigures:
    """A day."""

    day: date = strawberry.field(name="date", description="The local day.")
    bookings: int = strawberry.field(description="All of them: fixed, flexible and narrowed.")
    fixed: int = strawberry.field(description="With one window from the beginning.")
    flexible: int = strawberry.field(description="Flexible, and not decided yet.")
    narrowed: int = strawberry.field(description="Flexible, and decided.")
    placed: int = strawberry.field(description="Looked at by a run.")
    moved: int = strawberry.field(description="Served by another pool than they were booked in.")
    disrupted: int = strawberry.field(description="Moved because something failed.")
    partner_couriers: int = strawberry.field(description="Brought by a partner courier.")
    failed_runs: int = strawberry.field(description="Runs that were not published.")
    run: AssignmentRun | None = strawberry.field(
        description="The last published run: overtime, cost, bound and gap."
    )


@onto(FiguresRow, description="What moves, overtime and partner couriers are counted at.")
class AssignmentPrices:
    """Prices."""

    overtime_bp: int = strawberry.field(name="overtimeBasisPoints", description="Of the wage.")
    overtime_share_bp: int = strawberry.field(
        name="overtimeShareBasisPoints", description="The most overtime, of what a pool sells."
    )
    early_moved_bp: int = strawberry.field(
        name="earlyMoveBasisPoints", description="What a move before picking costs, of one after."
    )
    chilled_limit_min: int = strawberry.field(
        name="chilledLimitMinutes", description="Within which picked cold goods are delivered."
    )
    partner_minor: int = strawberry.field(description="A partner courier's fee, in minor units.")
    partner_litre_minor: int = strawberry.field(description="And so much a litre.")
    partner_day_minor: int = strawberry.field(description="And so much a day since the promise.")
    bucket_moved_minor: int = strawberry.field(description="Leaving for another hour.")
    node_moved_minor: int = strawberry.field(description="Leaving for another node.")
    class_moved_minor: int = strawberry.field(description="Leaving for another class of vehicles.")


@strawberry.type(description="How assignments did, day by day, and what they were priced by.")
class AssignmentFigures:
    """Figures."""

    days: list[AssignedDayFigures] = strawberry.field(description="Days with bookings or runs, in order.")
    prices: AssignmentPrices = strawberry.field(description="The prices of disturbance and last resorts.")


async def figures(
    info: Info,
    first: Annotated[date, strawberry.argument(name="from", description="The first local day.")],
    last: Annotated[date, strawberry.argument(name="to", description="The last; at most 31 days.")],
) -> AssignmentFigures | None:
    """How assignments did; operators only."""
    actor = info.context.actor

    def look(conn: Connection, _now: datetime) -> tuple[list[AssignedDay], FiguresRow]:
        prices = assignment_prices(conn, actor=actor)
        return assigned_days(conn, actor=actor, first=first, last=last), prices

    days, prices = await info.context.read(look)
    return AssignmentFigures(days=shown(days), prices=shown(prices))


async def explain_allocation(info: Info, booking_id: strawberry.ID) -> AllocationExplanation | None:
    """Why this vehicle, this window, this cost, and what the next best was."""
    key = key_of("DeliveryBooking", booking_id)
    actor = info.context.actor
    return shown(
        await info.context.read(lambda conn, now: explain(conn, now=now, actor=actor, booking_id=key))
    )


async def runs(
    info: Info,
    day: Annotated[date | None, strawberry.argument(name="date", description="Only of this day.")] = None,
    first: Annotated[int, strawberry.argument(description="At most 50.")] = 10,
) -> list[AssignmentRun] | None:
    """The newest runs; they name no customer, so any key may read them."""
    limit = max(1, min(50, first))
    return shown(await info.context.read(lambda conn, _: assignment_runs(conn, day=day, limit=limit)))
