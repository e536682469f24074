"""The words of the rooms as enumerations of the schema, each described once."""

import strawberry

from app.alerts.rules import AlertKind
from app.allocation.plan_changes import PlanChangeKind
from app.allocation.rules import RunStatus
from app.assignment.rules import AssignmentTrigger
from app.booking.rules import (
    BookingStatus,
    HoldOrigin,
    HoldStatus,
    RepromiseState,
    SlotClosedReason,
    SlotOpeningKind,
    WaitlistStatus,
)
from app.capacity.rules import EntryKind, OvercommitChoice
from app.capacity.seen import CapacityCounter, CapacityDimension
from app.disruption.rules import DisruptionKind, DisruptionStatus
from app.engagement.rules import Channel, NotificationStatus
from app.fleet.rules import VehicleKind
from app.handover.rules import HandoverMode, HandoverRefusal, ProofKind
from app.places.rules import LockerClosedReason, NodeKind
from app.pricing.rules import FeePartKind, PriceFigure
from app.promotions.pass_rules import PassWindows
from app.promotions.rules import RedemptionState
from app.slots.rules import CutoffKind, RuleKind, SlotFate, SlotLabel, Weekday
from app.standing.rules import OccurrenceState, StandingStatus
from app.tours.rules import TourStep
from app.tours.run_status import TourRunStatus
from app.values.basket import GoodsTrait, VehicleSkill

strawberry.enum(AssignmentTrigger, description="HOUR, CUTOFF, DISRUPTION, or because an OPERATOR wanted it.")
strawberry.enum(BookingStatus, description="The life of a booking; LOCKED means past the cut-off.")
strawberry.enum(
    CapacityCounter, description="What exists, may be sold, is held, is promised, is kept for a group."
)
strawberry.enum(CapacityDimension, description="Drops, seconds of work, millilitres and grams.")
strawberry.enum(Channel, name="NotificationChannel", description="How a message reaches a customer.")
strawberry.enum(
    DisruptionKind, description="A vehicle, the courier of one, a whole node, or a street for motor vehicles."
)
strawberry.enum(DisruptionStatus, description="REPORTED until a plan REPAIRED it; FAILED when none could.")
strawberry.enum(EntryKind, name="CapacityEntryKind", description="Why a pool changed.")
strawberry.enum(FeePartKind, description="What a part of the fee pays for.")
strawberry.enum(
    GoodsTrait,
    description="What about the goods restricts how they are carried or handed over: TWO_PERSON takes two"
    " to carry, TAIL_LIFT is too heavy to lift by hand.",
)
strawberry.enum(
    VehicleSkill,
    description="What a vehicle with its crew can do: check ages, take what fits no box, carry with two"
    " people, lower goods on a tail-lift.",
)
strawberry.enum(HandoverMode, description="The ways of handing over.")
strawberry.enum(HandoverRefusal, description="Why a way of handing over is not to be had.")
strawberry.enum(HoldOrigin, description="Who asked for a hold.")
strawberry.enum(HoldStatus, description="The life of a hold.")
strawberry.enum(NotificationStatus, name="NotificationStatus", description="PENDING until a channel took it.")
strawberry.enum(
    OvercommitChoice,
    description="KEEP_OVERBOOKED leaves what does not fit as it is, START_REPROMISE proposes other windows.",
)
strawberry.enum(PassWindows, description="ALL, or OFF_PEAK: those neither in the evening nor at the weekend.")
strawberry.enum(ProofKind, description="What shows that it was done.")
strawberry.enum(
    RedemptionState,
    name="PromotionRedemptionStatus",
    description="Reserved with a hold, redeemed with a booking, or returned.",
)
strawberry.enum(
    RepromiseState,
    description="OPEN until its booking moved or was cancelled (SETTLED), or the reason went (WITHDRAWN).",
)
strawberry.enum(
    RunStatus,
    name="AllocationRunStatus",
    description="SOLVING, PUBLISHED, REFUSED by the checker or the data, FAILED.",
)
strawberry.enum(SlotClosedReason, description="Why a window cannot be had; more may come.")
strawberry.enum(
    CutoffKind,
    description="Counted in elapsed minutes, in calendar days back at a wall-clock time, or as a WAVE that"
    " closes all windows of its weekdays at once and always when earlier.",
)
strawberry.enum(NodeKind, description="What kind of place picks and sends orders.")
strawberry.enum(RuleKind, name="CalendarRuleKind", description="What can be written into the calendar.")
strawberry.enum(SlotFate, description="What a change of the calendar does to a slot.")
strawberry.enum(Weekday, description="A day of the week.")
strawberry.enum(AlertKind, description="What operators are alerted to.")
strawberry.enum(
    PlanChangeKind,
    description="What a plan did to a pool or zone; OTHER_ZONES: the pool keeps its size and goes elsewhere.",
)
strawberry.enum(PriceFigure, description="A figure of the prices that an operator may change.")
strawberry.enum(SlotLabel, description="What to see at a glance about a window.")
strawberry.enum(SlotOpeningKind, description="What would open a closed window.")
strawberry.enum(
    OccurrenceState,
    name="StandingSlotOccurrenceState",
    description="What became of a week of a standing slot: BOOKED_AHEAD or MOVED while it waits for its"
    " order, RELEASED when none came in time, MISSED when there was no room.",
)
strawberry.enum(
    StandingStatus,
    name="StandingSlotStatus",
    description="The life of a standing slot; PAUSED while today lies in its pause.",
)
strawberry.enum(
    LockerClosedReason,
    description="FULL: no compartment is free. TOO_SMALL: none is large enough. GOODS: these are handed over"
    " in person only, or fit no box.",
)
strawberry.enum(TourRunStatus, description="The life of a search for tours.")
strawberry.enum(WaitlistStatus, description="The life of a waitlist entry.")
strawberry.enum(
    TourStep, description="Goods are handed over, the vehicle is loaded again, or only passes by."
)
strawberry.enum(VehicleKind, description="The kind of vehicle that comes.")

__all__ = [
    "AlertKind",
    "AssignmentTrigger",
    "BookingStatus",
    "CapacityCounter",
    "CapacityDimension",
    "Channel",
    "CutoffKind",
    "DisruptionKind",
    "DisruptionStatus",
    "EntryKind",
    "FeePartKind",
    "GoodsTrait",
    "HandoverMode",
    "HandoverRefusal",
    "HoldOrigin",
    "HoldStatus",
    "LockerClosedReason",
    "NodeKind",
    "NotificationStatus",
    "OccurrenceState",
    "OvercommitChoice",
    "PassWindows",
    "PlanChangeKind",
    "PriceFigure",
    "ProofKind",
    "RedemptionState",
    "RepromiseState",
    "RuleKind",
    "RunStatus",
    "SlotClosedReason",
    "SlotFate",
    "SlotLabel",
    "SlotOpeningKind",
    "StandingStatus",
    "TourRunStatus",
    "TourStep",
    "VehicleKind",
    "VehicleSkill",
    "WaitlistStatus",
    "Weekday",
]
