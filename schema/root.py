"""The schema: what can be asked and what can be changed."""

from datetime import date
from typing import Annotated

import strawberry
from sqlmodel import SQLModel
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from app.allocation.queries import run_of
from app.assignment.queries import assignment_run_of
from app.database.rows import by_id
from app.engagement.queries import notification_of
from app.places.tables import CollectionPoint as CollectionPointRow
from app.places.tables import ServiceZone as ServiceZoneRow
from app.slots.tables import DeliverySlot as DeliverySlotRow
from schema import (
    alerts,
    allocation,
    bookings,
    capacity,
    capacity_changes,
    demand,
    driven_tours,
    engagement,
    flexible,
    fresh_prices,
    mutations,
    offers,
    passes,
    payments,
    places,
    pricing,
    promises,
    quotas,
    repromise,
    standing,
    tours,
    waitlist,
)
from schema.allocation import AllocationRun
from schema.arguments import describe_arguments
from schema.bookings import DeliveryBooking, DeliveryBookingConnection, SlotHold
from schema.calendar import CalendarQuery
from schema.calendar_changes import CalendarMutation
from schema.collection_points import CollectionPointMutation, CollectionPointQuery
from schema.context import Context, Info
from schema.disruptions import DisruptionMutation, DisruptionQuery
from schema.driven_tours import Tour, TourRun
from schema.engagement import Notification
from schema.fleet import FleetMutation, FleetQuery, class_seen
from schema.ids import from_global, malformed
from schema.lessons import TourLessons, lessons
from schema.lockers import LockerMutation, LockerQuery
from schema.offers import BasketInput, DeliverySlot, SlotAvailability
from schema.onto import shown
from schema.payments import PaymentReleaseConnection
from schema.places import AddressInput, AddressSuggestion, Node, ServiceZone
from schema.plan import PlannedExecution
from schema.plan_view import PlanQuery
from schema.promises import MoveOffer
from schema.standing import StandingSlot
from schema.standing_changes import StandingMutation
from schema.values import SCALARS
from schema.waitlist import WaitlistEntry

# Rows that everybody may see.
_PUBLIC: dict[str, type[SQLModel]] = {
    "DeliverySlot": DeliverySlotRow,
    "ServiceZone": ServiceZoneRow,
    "CollectionPoint": CollectionPointRow,
}
_FOR_OPERATORS = ("CapacityPool", "CapacityOverride", "RepromiseProposal", "Tour", "TourRun", "VehicleClass")


async def _for_operators(info: Info, kind: str, key: str) -> Node | None:
    if kind in ("Tour", "TourRun"):
        return await driven_tours.by_key(info, kind, key)
    if kind == "CapacityPool":
        return await capacity.pool_by_id(info, key)
    if kind == "VehicleClass":
        return await class_seen(info, key)
    if kind == "CapacityOverride":
        return await capacity.override_seen(info, key)
    return next(iter(await repromise.proposals_seen(info, [key])), None)


@strawberry.type(description="What can be asked.")
class Query(CalendarQuery, CollectionPointQuery, DisruptionQuery, FleetQuery, LockerQuery, PlanQuery):
    """Reads."""

    @strawberry.field(description="Anything by its id; null for what is not there or not yours.")
    async def node(self, info: Info, id: strawberry.ID) -> Node | None:
        """Fetch again."""
        kind, key = from_global(id)
        actor = info.context.actor
        match kind:
            case "SlotHold":
                return await bookings.seen_hold(info, key)
            case "DeliveryBooking":
                return await bookings.seen_booking(info, key)
            case "WaitlistEntry":
                return await waitlist.seen_entry(info, key)
            case "StandingSlot":
                return await standing.seen_standing_slot(info, key)
            case "DeliverySlot" | "ServiceZone" | "CollectionPoint":
                return shown(await info.context.read(lambda conn, _: by_id(conn, _PUBLIC[kind], key)))
            case "AllocationRun" | "AssignmentRun":
                found = run_of if kind == "AllocationRun" else assignment_run_of
                return shown(await info.context.read(lambda conn, _: found(conn, key)))
            case "Notification":
                told = await info.context.read(
                    lambda conn, _: notification_of(conn, actor=actor, notification_id=key)
                )
                return shown(told)
            case _ if kind in _FOR_OPERATORS:
                return await _for_operators(info, kind, key)
        raise malformed(id)

    @strawberry.field(
        description="Type-ahead over the known addresses; accents and case do not matter. At most 10."
    )
    async def address_suggestions(
        self, info: Info, text: str, first: int = 5
    ) -> list[AddressSuggestion] | None:
        """Suggest."""
        return await places.address_suggestions(info, text, first)

    @strawberry.field(
        description="Every window of the days asked for, open or closed, as this address and basket would"
        " see it. At most 14 days; default: today and six more."
    )
    async def slot_availability(
        self,
        info: Info,
        address: AddressInput,
        basket: BasketInput | None = None,
        first_day: Annotated[date | None, strawberry.argument(name="from")] = None,
        last_day: Annotated[date | None, strawberry.argument(name="to")] = None,
        customer_reference: str | None = None,
    ) -> SlotAvailability | None:
        """Offer."""
        return await offers.slot_availability(info, address, basket, first_day, last_day, customer_reference)

    hold: SlotHold | None = strawberry.field(resolver=bookings.hold, description="A hold of this storefront.")
    booking: DeliveryBooking | None = strawberry.field(
        resolver=bookings.booking, description="A booking of this storefront."
    )
    bookings: DeliveryBookingConnection | None = strawberry.field(
        resolver=bookings.bookings,
        description="Bookings of this storefront, newest first; give first or last, at most 100.",
    )
    reschedule_offers: list[MoveOffer] | None = strawberry.field(
        resolver=promises.reschedule_offers,
        description="Every other window of a booking's address, with what moving there costs or saves.",
    )
    waitlist: list[WaitlistEntry] | None = strawberry.field(
        resolver=waitlist.waitlist, description="What a customer waits or has waited for, newest first."
    )
    standing_slot: StandingSlot | None = strawberry.field(
        resolver=standing.standing_slot, description="A standing slot of this storefront."
    )
    standing_slots: list[StandingSlot] | None = strawberry.field(
        resolver=standing.standing_slots,
        description="What a customer keeps or has kept every week, newest first.",
    )
    standing_move_offers: list[MoveOffer] | None = strawberry.field(
        resolver=standing.standing_move_offers,
        description="Every other window of a week of a standing slot, with what moving there costs or saves.",
    )
    payment_releases: PaymentReleaseConnection | None = strawberry.field(
        resolver=payments.payment_releases,
        description="Payments of this storefront's orders that go back because they got no window, oldest"
        " first; give first or last, at most 100.",
    )
    notifications: list[Notification] | None = strawberry.field(
        resolver=engagement.notifications, description="What the customer of a booking was told."
    )
    allocation_run: AllocationRun | None = strawberry.field(
        resolver=allocation.allocation_run,
        description="The run with this id, or the newest; only published ones unless told otherwise.",
    )
    tentative_tours: tours.TentativeTours | None = strawberry.field(
        resolver=tours.tentative_tours,
        description="The tentative tours of a node on a local day. Operators only.",
    )
    demand_forecast: demand.DemandForecast | None = strawberry.field(
        resolver=demand.demand_forecast,
        description="For operators: the orders expected of the coming days, by zone and window.",
    )
    operator_alerts: list[alerts.OperatorAlert] | None = strawberry.field(
        resolver=alerts.operator_alerts,
        description="For operators: what they must know of, newest first, at most 100.",
    )
    tours: list[Tour] | None = strawberry.field(
        resolver=driven_tours.tours,
        description="For operators: the tours of a day, in the order in which they leave.",
    )
    tour: Tour | None = strawberry.field(resolver=driven_tours.tour, description="For operators: one tour.")
    tour_runs: list[TourRun] | None = strawberry.field(
        resolver=driven_tours.runs,
        description="For operators: every search for the tours of a day, the newest first.",
    )
    tour_lessons: TourLessons | None = strawberry.field(
        resolver=lessons, description="For operators: what tours and streets have taught the plan."
    )
    capacity_pools: capacity.CapacityPoolConnection | None = strawberry.field(
        resolver=capacity.capacity_pools,
        description="For operators: what every pool of at most 14 days can do, sells and has taken.",
    )
    capacity_ledger: capacity.CapacityEntryConnection | None = strawberry.field(
        resolver=capacity.capacity_ledger,
        description="For operators: every change of a pool, oldest first; give first or last, at most 100.",
    )
    capacity_overrides: list[capacity.CapacityOverride] | None = strawberry.field(
        resolver=capacity.capacity_overrides,
        description="For operators: what was said about the pools of at most 14 days, newest first.",
    )
    preview_capacity_change: capacity_changes.CapacityPreview | None = strawberry.field(
        resolver=capacity_changes.preview_capacity_change,
        description="For operators: what changeCapacity would do, with what would not fit any more.",
    )
    preview_capacity_lift: capacity_changes.CapacityPreview | None = strawberry.field(
        resolver=capacity_changes.preview_capacity_lift,
        description="For operators: what liftCapacityOverride would do.",
    )
    protected_quotas: list[quotas.ProtectedQuota] | None = strawberry.field(
        resolver=quotas.protected_quotas,
        description="For operators: the rules that keep parts of pools for groups of customers, by key.",
    )
    preview_protected_quota: quotas.ProtectedQuotaPreview | None = strawberry.field(
        resolver=quotas.preview_protected_quota,
        description="For operators: what a rule would keep of the pools ahead.",
    )
    slot_prices: pricing.SlotPrices | None = strawberry.field(
        resolver=pricing.slot_prices, description="For operators: the published band of the prices."
    )
    incentive_budgets: list[pricing.IncentiveBudget] | None = strawberry.field(
        resolver=pricing.incentive_budgets,
        description="For operators: what steering demand may cost and has cost, by delivery day.",
    )
    price_changes: list[pricing.PriceChange] | None = strawberry.field(
        resolver=pricing.seen_price_changes,
        description="For operators: who changed which figure of the prices, newest first, at most 100.",
    )
    price_refreshes: list[fresh_prices.PriceRefresh] | None = strawberry.field(
        resolver=fresh_prices.seen_refreshes,
        description="For operators: how prices followed the bookings, newest first, at most 20.",
    )
    delivery_passes: list[passes.DeliveryPass] | None = strawberry.field(
        resolver=passes.delivery_passes,
        description="A customer's prepaid delivery passes, ended or not, newest first.",
    )
    repromise_proposals: repromise.RepromiseProposalConnection | None = strawberry.field(
        resolver=repromise.repromise_proposals,
        description="Other windows proposed to bookings that do not fit any more, newest first; a storefront"
        " sees those of its own bookings. Give first or last, at most 100.",
    )


@strawberry.type(description="What can be changed.")
class Mutation(
    CalendarMutation,
    CollectionPointMutation,
    DisruptionMutation,
    FleetMutation,
    LockerMutation,
    StandingMutation,
):
    """Writes."""

    hold_slot: mutations.HoldSlotPayload | None = strawberry.mutation(
        resolver=mutations.hold_slot,
        description="Hold a slot for a customer while they shop; the fee is locked until it ends.",
    )
    release_hold: mutations.ReleaseHoldPayload | None = strawberry.mutation(
        resolver=mutations.release_hold, description="Give a held slot back before it ends."
    )
    confirm_booking: mutations.ConfirmBookingPayload | None = strawberry.mutation(
        resolver=mutations.confirm_booking,
        description="Book what is held, at the held fee: from here on the window is a promise.",
    )
    hold_flexible_slot: mutations.HoldSlotPayload | None = strawberry.mutation(
        resolver=flexible.hold_flexible_slot,
        description="Hold one of several windows of a day for a lower fee; which one is decided later.",
    )
    narrow_booking: flexible.NarrowBookingPayload | None = strawberry.mutation(
        resolver=flexible.narrow_booking,
        description="Decide which of its windows a flexible booking is for; operators only.",
    )
    begin_checkout: promises.HoldPayload | None = strawberry.mutation(
        resolver=promises.begin_checkout,
        description="Begin to pay for a hold: it is extended once, never past its ceiling.",
    )
    update_hold: promises.HoldPayload | None = strawberry.mutation(
        resolver=promises.update_hold,
        description="Change the goods of a hold; where they do not fit it is CONFLICTED, with the reason.",
    )
    reschedule_booking: promises.RescheduleBookingPayload | None = strawberry.mutation(
        resolver=promises.reschedule_booking,
        description="Move a booking: the new window is secured before the old one is freed.",
    )
    cancel_booking: promises.CancelBookingPayload | None = strawberry.mutation(
        resolver=promises.cancel_booking,
        description="Cancel a booking: free before the cut-off, by the storefront's policy after it.",
    )
    advance_booking: promises.AdvanceBookingPayload | None = strawberry.mutation(
        resolver=promises.advance_booking,
        description="Note how far a booked delivery has come; operators only.",
    )
    join_waitlist: waitlist.WaitlistPayload | None = strawberry.mutation(
        resolver=waitlist.join_waitlist, description="Wait for room in one of some windows."
    )
    leave_waitlist: waitlist.WaitlistPayload | None = strawberry.mutation(
        resolver=waitlist.leave_waitlist, description="Wait no longer, or decline what was offered."
    )
    set_drop_preference: mutations.SetDropPreferencePayload | None = strawberry.mutation(
        resolver=mutations.set_drop_preference, description="Change how a drop is handed over."
    )
    apply_promotion: mutations.PromotionPayload | None = strawberry.mutation(
        resolver=mutations.apply_promotion,
        description="Reserve a use of a code with a hold; it is redeemed when the hold is confirmed.",
    )
    remove_promotion: mutations.PromotionPayload | None = strawberry.mutation(
        resolver=mutations.remove_promotion, description="Take a code off a hold."
    )
    change_capacity: capacity_changes.ChangeCapacityPayload | None = strawberry.mutation(
        resolver=capacity_changes.change_capacity,
        description="For operators: what pools sell, over any plan, until it is lifted. Nobody is moved or"
        " cancelled by it.",
    )
    lift_capacity_override: capacity_changes.ChangeCapacityPayload | None = strawberry.mutation(
        resolver=capacity_changes.lift_capacity_override,
        description="For operators: let the plan decide again what its pools sell.",
    )
    upsert_protected_quota: quotas.ProtectedQuotaPayload | None = strawberry.mutation(
        resolver=quotas.upsert_protected_quota,
        description="For operators: keep a part of pools for a group of customers until a stated time.",
    )
    delete_protected_quota: quotas.DeleteProtectedQuotaPayload | None = strawberry.mutation(
        resolver=quotas.delete_protected_quota, description="For operators: let go of what a rule kept."
    )
    change_slot_prices: pricing.ChangeSlotPricesPayload | None = strawberry.mutation(
        resolver=pricing.change_slot_prices,
        description="For operators: change the published band of the prices; what is held keeps its fee.",
    )
    set_incentive_budget: pricing.SetIncentiveBudgetPayload | None = strawberry.mutation(
        resolver=pricing.set_incentive_budget,
        description="For operators: what steering demand may cost on one delivery day.",
    )
    acknowledge_alert: alerts.AcknowledgeAlertPayload | None = strawberry.mutation(
        resolver=alerts.acknowledge_alert, description="For operators: say who looks after an alert."
    )
    grant_delivery_pass: passes.DeliveryPassPayload | None = strawberry.mutation(
        resolver=passes.grant_delivery_pass,
        description="Give a customer prepaid deliveries; from the next offer and hold on it pays its part.",
    )
    end_delivery_pass: passes.DeliveryPassPayload | None = strawberry.mutation(
        resolver=passes.end_delivery_pass,
        description="End a pass; what is held or booked with it stays covered.",
    )


class QuietSchema(strawberry.Schema):
    """A schema that leaves logging of errors to the view, which knows a client's mistakes from ours."""

    def process_errors(self, errors: object, execution_context: object = None) -> None:
        """Nothing here."""


schema = QuietSchema(
    query=Query,
    mutation=Mutation,
    types=[DeliverySlot, ServiceZone, Notification],
    config=StrawberryConfig(scalar_map=SCALARS),
    execution_context_class=PlannedExecution,
    extensions=[lambda: ParserCache(maxsize=256), lambda: ValidationCache(maxsize=256)],
)
describe_arguments(schema)

__all__ = ["Context", "schema"]
