"""What failed and how it was repaired, and the windows that customers choose instead."""

import enum
from datetime import date, datetime
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from app.booking import choose_window as choose_verb
from app.booking.tables import DeliveryBooking as DeliveryBookingRow
from app.disruption.affected import Affected
from app.disruption.end import end_disruption as end_verb
from app.disruption.queries import KnownVehicle, disruptions_of, moves_for, vehicles_known
from app.disruption.report import preview_disruption as preview_verb
from app.disruption.report import report_disruption as report_verb
from app.disruption.rules import Incident
from app.disruption.seen import named_disruptions, what_failed
from app.disruption.tables import Disruption as DisruptionRow
from app.errors import Refusal
from app.values.money import Money as MoneyValue
from schema import assignment
from schema.bookings import DeliveryBooking, answered_booking
from schema.context import Info
from schema.errors import BookingUserError, UserError, attempted, booking_errors, user_errors
from schema.ids import key_of, to_global
from schema.onto import onto, shown
from schema.values import Money
from schema.words import DisruptionKind, DisruptionStatus, VehicleKind

_KEY = "The same key and input give the same answer again for 30 days; a key of your own making."


@strawberry.enum(description="Why a disruption cannot be noted.")
class DisruptionErrorCode(enum.Enum):
    """Codes of disruptions."""

    NOTHING_DISRUPTED = "NOTHING_DISRUPTED"
    DISRUPTION_NOT_FOUND = "DISRUPTION_NOT_FOUND"
    INVALID_DISRUPTION = "INVALID_DISRUPTION"
    OPERATORS_ONLY = "OPERATORS_ONLY"
    INVALID = "INVALID"
    BUSY = "BUSY"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    IDEMPOTENCY_IN_PROGRESS = "IDEMPOTENCY_IN_PROGRESS"


@strawberry.type(description="A refusal of a disruption.")
class DisruptionUserError(UserError):
    """A refusal of the disruption domain."""

    code: DisruptionErrorCode = strawberry.field(description="The refusal in a word.")


def disruption_errors(refusal: Refusal | None) -> list[DisruptionUserError]:
    """A refusal of noting a disruption."""
    return user_errors(refusal, DisruptionUserError, DisruptionErrorCode)


@onto(DisruptionRow, description="Something that failed, and what became of the bookings it touched.")
class Disruption:
    """A disruption."""

    kind: DisruptionKind = strawberry.field(description="What failed.")
    status: DisruptionStatus = strawberry.field(description="Whether it is repaired.")
    reason: str = strawberry.field(description="Why, as the history of every booking has it.")
    actor: str = strawberry.field(description="Who reported it.")
    day: date = strawberry.field(name="date", description="The local day.")
    starts_at: datetime = strawberry.field(description="From when.")
    ends_at: datetime | None = strawberry.field(description="The stated end; null where none was.")
    ended_at: datetime | None = strawberry.field(description="When somebody said that it is over.")
    ended_by: str | None = strawberry.field(description="Who said so.")
    end_reason: str | None = strawberry.field(description="Why it is over.")
    bookings: int = strawberry.field(description="Bookings that it touched.")
    moved_silently: int | None = strawberry.field(
        description="Served by other vehicles inside what was promised; their customers were not disturbed."
    )
    asked: int | None = strawberry.field(description="Customers who were asked to choose another window.")
    partner_couriers: int | None = strawberry.field(
        description="Brought by a partner courier in their window; later also those who did not answer."
    )
    answer_by: datetime | None = strawberry.field(description="Until when customers may choose.")
    message: str | None = strawberry.field(description="Why it is not repaired, in a sentence.")

    @strawberry.field(description="Its id.")
    def id(self) -> strawberry.ID:
        """The global id."""
        row: DisruptionRow = shown(self)
        return to_global("Disruption", row.id)

    @strawberry.field(description="The node that failed, or whose vehicle or courier did; null for a street.")
    def node_id(self) -> strawberry.ID | None:
        """The node."""
        row: DisruptionRow = shown(self)
        return to_global("FulfilmentNode", row.node_id) if row.node_id else None

    @strawberry.field(description="What failed, in words.")
    async def what(self, info: Info) -> str:
        """The names of what failed."""
        row: DisruptionRow = shown(self)
        named = await info.context.read(lambda conn, now: named_disruptions(conn, now=now, found=[row]))
        return what_failed(named[0])

    @strawberry.field(
        description="The bookings that its repair moved, newest first, each with its reason; without a pool"
        " after, a partner courier brings it. Who is asked is in repromiseProposals."
    )
    async def moves(
        self, info: Info, first: Annotated[int, strawberry.argument(description="At most 200.")] = 50
    ) -> list[assignment.BookingMove]:
        """The moves."""
        row: DisruptionRow = shown(self)
        limit, actor = max(1, min(200, first)), info.context.actor
        return shown(
            await info.context.read(
                lambda conn, _: moves_for(conn, actor=actor, disruption_id=row.id, limit=limit)
            )
        )

    @strawberry.field(description="Of partner couriers and overtime.")
    def cost(self) -> Money | None:
        """What it costs."""
        row: DisruptionRow = shown(self)
        if row.cost_minor is None or row.currency is None:
            return None
        return shown(MoneyValue(row.cost_minor, row.currency))


@onto(KnownVehicle, description="A vehicle in service, by the name that reportDisruption knows.")
class Vehicle:
    """A vehicle."""

    name: str = strawberry.field(description="Its name.")
    node_name: str = strawberry.field(name="node", description="Where it is at home.")
    vehicle_class: str = strawberry.field(description="Its class, for people.")
    vehicle_kind: VehicleKind = strawberry.field(description="What drives.")
    is_out: bool = strawberry.field(description="Whether a disruption keeps it from driving now.")

    @strawberry.field(description="Its node.")
    def node_id(self) -> strawberry.ID:
        """The global id."""
        one: KnownVehicle = shown(self)
        return to_global("FulfilmentNode", one.node_id)


@strawberry.input(description="What failed; which fields matter depends on the kind.")
class ReportDisruptionInput:
    """What to report."""

    kind: DisruptionKind = strawberry.field(description="VEHICLE, COURIER, NODE or STREET.")
    vehicle_name: str | None = strawberry.field(
        default=None, description="Of a VEHICLE: its name. Of a COURIER: the vehicle nobody drives, if known."
    )
    node_id: strawberry.ID | None = strawberry.field(default=None, description="Of a NODE or COURIER.")
    vehicle_kind: VehicleKind | None = strawberry.field(
        default=None, description="Of a COURIER: what one fewer can be driven of."
    )
    street_name: str | None = strawberry.field(
        default=None, description="Of a STREET: motor vehicles cannot reach its addresses."
    )
    starts_at: datetime = strawberry.field(description="From when.")
    ends_at: datetime | None = strawberry.field(
        default=None, description="Until when; where not told, until endDisruption."
    )
    reason: str = strawberry.field(description="Why; it is kept in the history of every booking moved.")
    dry_run: bool = strawberry.field(default=False, description="Only tell what it would touch.")
    idempotency_key: str = strawberry.field(description=_KEY)

    def value(self) -> Incident:
        """The incident."""
        return Incident(
            kind=self.kind,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            reason=self.reason,
            vehicle_name=self.vehicle_name,
            node_id=key_of("FulfilmentNode", self.node_id) if self.node_id else None,
            vehicle_kind=self.vehicle_kind,
            street_name=self.street_name,
        )


@strawberry.type(description="What a disruption touches.")
class DisruptionPreview:
    """A preview."""

    pools: int = strawberry.field(description="Capacity pools that lose vehicles.")
    bookings: int = strawberry.field(description="Bookings in them, or in the street.")
    misfits: int = strawberry.field(description="Those that must move at least.")


@strawberry.type(description="What came of it.")
class ReportDisruptionPayload:
    """The answer."""

    disruption: Disruption | None = strawberry.field(description="Null in a dry run and when refused.")
    preview: DisruptionPreview | None = strawberry.field(description="What it touches; of a dry run only.")
    user_errors: list[DisruptionUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which disruption is over.")
class EndDisruptionInput:
    """What to end."""

    disruption_id: strawberry.ID = strawberry.field(description="The disruption.")
    reason: str = strawberry.field(description="Why it is over; it is kept with it.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="What came of it.")
class EndDisruptionPayload:
    """The answer."""

    disruption: Disruption | None = strawberry.field(description="As it ended; null when refused.")
    user_errors: list[DisruptionUserError] = strawberry.field(description="Empty when it worked.")


@strawberry.input(description="Which proposed window to take.")
class ChooseWindowInput:
    """What to choose."""

    booking_id: strawberry.ID = strawberry.field(description="The booking that was asked.")
    slot_id: strawberry.ID = strawberry.field(description="One of the windows proposed to it.")
    idempotency_key: str = strawberry.field(description=_KEY)


@strawberry.type(description="What came of it.")
class ChooseWindowPayload:
    """The answer."""

    booking: DeliveryBooking | None = strawberry.field(description="In its new window; null when refused.")
    user_errors: list[BookingUserError] = strawberry.field(description="Empty when it worked.")


async def report_disruption(info: Info, input: ReportDisruptionInput) -> ReportDisruptionPayload | None:
    """Report, or only look."""
    incident, actor = input.value(), info.context.actor
    if input.dry_run:

        def look(conn: Connection, now: datetime) -> Affected:
            return preview_verb(conn, now=now, actor=actor, incident=incident)

        found, refusal = await attempted(info.context.read(look))
        preview = None
        if found is not None:
            preview = DisruptionPreview(
                pools=len(found.losses), bookings=len(found.bookings), misfits=found.misfits
            )
        return ReportDisruptionPayload(
            disruption=None, preview=preview, user_errors=disruption_errors(refusal)
        )

    def work(conn: Connection, now: datetime) -> DisruptionRow:
        return report_verb(conn, now=now, actor=actor, incident=incident, key=input.idempotency_key)

    noted, refusal = await attempted(info.context.write(work))
    return ReportDisruptionPayload(
        disruption=shown(noted), preview=None, user_errors=disruption_errors(refusal)
    )


async def end_disruption(info: Info, input: EndDisruptionInput) -> EndDisruptionPayload | None:
    """End."""
    disruption_id = key_of("Disruption", input.disruption_id)

    def work(conn: Connection, now: datetime) -> DisruptionRow:
        return end_verb(
            conn,
            now=now,
            actor=info.context.actor,
            disruption_id=disruption_id,
            reason=input.reason,
            key=input.idempotency_key,
        )

    ended, refusal = await attempted(info.context.write(work))
    return EndDisruptionPayload(disruption=shown(ended), user_errors=disruption_errors(refusal))


async def choose_window(info: Info, input: ChooseWindowInput) -> ChooseWindowPayload | None:
    """Choose."""
    booking_id = key_of("DeliveryBooking", input.booking_id)
    slot_id = key_of("DeliverySlot", input.slot_id)

    def work(conn: Connection, now: datetime) -> DeliveryBookingRow:
        return choose_verb.choose_window(
            conn,
            now=now,
            actor=info.context.actor,
            booking_id=booking_id,
            slot_id=slot_id,
            key=input.idempotency_key,
        )

    row, refusal = await attempted(info.context.write(work))
    booking = await answered_booking(info, row) if row is not None else None
    return ChooseWindowPayload(booking=booking, user_errors=booking_errors(refusal))


async def disruptions(
    info: Info, first: Annotated[int, strawberry.argument(description="At most 50.")] = 10
) -> list[Disruption] | None:
    """The newest disruptions, with their outcome; operators only."""
    limit, actor = max(1, min(50, first)), info.context.actor
    return shown(await info.context.read(lambda conn, _: disruptions_of(conn, actor=actor, limit=limit)))


async def vehicles(info: Info) -> list[Vehicle] | None:
    """Every vehicle; operators only."""
    actor = info.context.actor
    return shown(await info.context.read(lambda conn, now: vehicles_known(conn, now=now, actor=actor)))


@strawberry.type(description="What can be asked of assignments and disruptions.")
class DisruptionQuery:
    """Reads."""

    assignment_runs: list[assignment.AssignmentRun] | None = strawberry.field(
        resolver=assignment.runs,
        description="The newest runs that assigned bookings to vehicles, with their proof.",
    )
    assignment_figures: assignment.AssignmentFigures | None = strawberry.field(
        resolver=assignment.figures,
        description="For operators: how assignments did: fixed and flexible bookings, moves, partner"
        " couriers, overtime and gap, day by day.",
    )
    explain_allocation: assignment.AllocationExplanation | None = strawberry.field(
        resolver=assignment.explain_allocation,
        description="Why a booking is served by these vehicles at this cost, and what the next best was.",
    )
    disruptions: list[Disruption] | None = strawberry.field(
        resolver=disruptions,
        description="For operators: what failed, newest first, and what became of the bookings.",
    )
    vehicles: list[Vehicle] | None = strawberry.field(
        resolver=vehicles,
        description="For operators: the vehicles in service by node and name, and which of them are out.",
    )


@strawberry.type(description="What can be changed about disruptions.")
class DisruptionMutation:
    """Writes."""

    report_disruption: ReportDisruptionPayload | None = strawberry.mutation(
        resolver=report_disruption,
        description="For operators: something failed; its capacity is gone at once, the repair follows.",
    )
    end_disruption: EndDisruptionPayload | None = strawberry.mutation(
        resolver=end_disruption,
        description="For operators: it is over, what failed counts again; one that is over stays as it is.",
    )
    choose_window: ChooseWindowPayload | None = strawberry.mutation(
        resolver=choose_window,
        description="Take a window that was proposed because a promise cannot be kept: free, also after the"
        " cut-off.",
    )
