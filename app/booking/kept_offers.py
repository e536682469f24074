"""Offers as a refusal keeps them: whoever repeats the request is shown the same ones, as they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from app.booking.slot_offer import SlotOffer
from app.database.rows import row_of
from app.fleet.rules import Emissions, VehicleKind
from app.handover.queries import policies
from app.handover.rules import is_collected, options, usual
from app.pricing.rules import FeePart, FeePartKind, Quote
from app.slots.queries import slots_by_id
from app.slots.rules import SlotLabel
from app.slots.tables import DeliverySlot
from app.values.basket import Basket


def kept(offers: Sequence[SlotOffer]) -> list[dict[str, Any]]:
    """What of these open offers may change, as JSON values."""
    return [
        {
            "slot": one.slot.id,
            "cutoff_at": one.slot.cutoff_at.isoformat(),
            "currency": one.quote.currency,
            "parts": [[part.kind, part.label, part.minor] for part in one.quote.parts],
            "emissions": asdict(one.emissions),
            "vehicle_kind": one.vehicle_kind,
            "labels": list(one.labels),
            "collected": _is_collected(one),
        }
        for one in offers
        if one.quote and one.emissions
    ]


def kept_offers(conn: Connection, *, told: Sequence[dict[str, Any]], basket: Basket) -> list[SlotOffer]:
    """The offers that `kept` wrote down, in the same order."""
    if not told:
        return []
    slots = {slot.id: slot for slot in slots_by_id(conn, [one["slot"] for one in told])}
    known = policies(conn)
    return [
        SlotOffer(
            slot=row_of(DeliverySlot, {**slots[one["slot"]].model_dump(), "cutoff_at": _instant(one)}),
            available=True,
            held_by_customer=False,
            closed=None,
            quote=_quote(one),
            emissions=Emissions(**one["emissions"]),
            vehicle_kind=VehicleKind(one["vehicle_kind"]),
            handover_options=options(known, basket, collected=one.get("collected", False)),
            labels=tuple(SlotLabel(label) for label in one["labels"]),
        )
        for one in told
    ]


def _is_collected(one: SlotOffer) -> bool:
    meant = usual(one.handover_options)
    return meant is not None and is_collected(meant)


def _instant(told: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(told["cutoff_at"])


def _quote(told: dict[str, Any]) -> Quote:
    currency = told["currency"]
    parts = (FeePart(FeePartKind(kind), label, minor, currency) for kind, label, minor in told["parts"])
    return Quote(currency, tuple(parts))
