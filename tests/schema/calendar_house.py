"""A store and a micro-fulfilment centre, three zones between them, and the words to ask about their calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import h3
import sqlalchemy as sa
from sqlalchemy import Connection

from app.capacity.rules import PoolPlan, ReachPlan
from app.database.rows import add, by_id, table_of
from app.places.rules import NodeKind
from app.places.tables import FulfilmentNode, ServiceZone, ZoneCell
from app.slots.open_days import open_days
from app.slots.rules import CutoffKind
from app.slots.tables import CutoffRule, SlotTemplate
from app.storefronts.issue_key import issue_key
from app.storefronts.tables import Storefront
from app.values.actor import Role
from app.values.ids import new_id
from app.values.load import Load
from app.values.point import Point
from tests.api import KEY, Api
from tests.factories import NOW, Shop, evening, make_pools, make_shop

OPERATOR_KEY = "test-key-of-an-operator"
TUESDAY, WEDNESDAY = date(2026, 11, 24), date(2026, 11, 25)
# Zone A is served by the centre, zone B by the store, zone C by both.
POINTS = {"A": Point(41.16, -8.62), "B": Point(41.17, -8.65), "C": Point(41.1456, -8.6109)}
SERVED = {"mfc": ("A", "C"), "store": ("B", "C")}

AVAILABILITY = """query ($address: AddressInput!, $from: Date, $to: Date, $ref: String) {
  slotAvailability(address: $address, from: $from, to: $to, customerReference: $ref) { days { date offers {
    slot { id cutoffAt window { startsAt endsAt } } available closed { reason message } } } } }"""
HOLD = """mutation ($input: HoldSlotInput!) { holdSlot(input: $input) {
  hold { id slot { id cutoffAt } } alternatives { slot { id } } userErrors { code message field } } }"""
CONFIRM = """mutation ($input: ConfirmBookingInput!) { confirmBooking(input: $input) {
  booking { id status slot { cutoffAt } } userErrors { code message } } }"""
PREFER = """mutation ($input: SetDropPreferenceInput!) { setDropPreference(input: $input) {
  userErrors { code message } } }"""
EFFECT = """effect { dryRun opened closed closedFromNode moved bookings holds skipped firstDay lastDay
  change { id actor reason kind key opened closed moved fields { name before after } }
  slots { fate zone node before after slot { id window { startsAt endsAt } } }
  claims { holdId bookingId orderReference cutoffAt slot { id } }
  overbooked { date mayTake taken } } userErrors { code message field }"""
INPUTS = {
    "saveSlotTemplate": "SlotTemplateInput",
    "saveSlotException": "SlotExceptionInput",
    "saveTimetable": "TimetableInput",
    "saveHolidayRule": "HolidayRuleInput",
    "saveCutoffRule": "CutoffRuleInput",
    "savePickWave": "PickWaveInput",
    "saveLeadTime": "LeadTimeInput",
    "saveBookingHorizon": "BookingHorizonInput",
    "saveBlackout": "BlackoutInput",
    "removeFromCalendar": "RemoveFromCalendarInput",
}


@dataclass
class House:
    """The shop, and its two doors: one for shoppers and one for the operator."""

    shop: Shop
    storefront: str
    shopper: Api
    operator: Api

    def write(self, mutation: str, **told: Any) -> dict[str, Any]:
        """The payload of a change of the calendar."""
        query = f"mutation ($input: {INPUTS[mutation]}!) {{ {mutation}(input: $input) {{ {EFFECT} }} }}"
        told = {"because": "a test", **told}
        payload: dict[str, Any] = self.operator.data(query, input=told)[mutation]
        return payload

    def done(self, mutation: str, **told: Any) -> dict[str, Any]:
        """The effect of a change that works."""
        payload = self.write(mutation, **told)
        assert payload["userErrors"] == []
        effect: dict[str, Any] = payload["effect"]
        return effect

    def offers(self, zone: str = "C", day: date = WEDNESDAY, **variables: Any) -> list[dict[str, Any]]:
        """The windows of an address on a day."""
        asked = {"address": at(zone), "from": day.isoformat(), "to": day.isoformat(), **variables}
        days = self.shopper.data(AVAILABILITY, **asked)["slotAvailability"]["days"]
        return [offer for found in days for offer in found["offers"]]

    def hold(self, offer: dict[str, Any], zone: str = "C", **changes: Any) -> dict[str, Any]:
        """The payload of holding an offer."""
        told = {
            "slotId": offer["slot"]["id"],
            "address": at(zone),
            "customer": {"reference": new_id()},
            "idempotencyKey": new_id(),
            **changes,
        }
        payload: dict[str, Any] = self.shopper.data(HOLD, input=told)["holdSlot"]
        return payload

    def held(self, offer: dict[str, Any], zone: str = "C", **changes: Any) -> dict[str, Any]:
        """The hold on an offer that can be held."""
        payload = self.hold(offer, zone, **changes)
        assert payload["userErrors"] == []
        hold: dict[str, Any] = payload["hold"]
        return hold

    def confirm(self, hold: dict[str, Any]) -> dict[str, Any]:
        """The payload of booking a hold."""
        told = {"holdId": hold["id"], "orderReference": new_id(), "idempotencyKey": new_id()}
        payload: dict[str, Any] = self.shopper.data(CONFIRM, input=told)["confirmBooking"]
        return payload

    def booked(self, offer: dict[str, Any], zone: str = "C") -> dict[str, Any]:
        """A booking of an offer."""
        payload = self.confirm(self.held(offer, zone))
        assert payload["userErrors"] == []
        booking: dict[str, Any] = payload["booking"]
        return booking

    def prefer(self, **target: str) -> list[str]:
        """The refusals of changing how a hold or booking is handed over."""
        told = {"target": target, "preference": {"attended": {}}}
        payload = self.shopper.data(PREFER, input=told)["setDropPreference"]
        return codes(payload)


def at(zone: str) -> dict[str, Any]:
    """The address of a zone."""
    point = POINTS[zone]
    return {"point": {"latitude": point.latitude, "longitude": point.longitude}}


def codes(payload: dict[str, Any]) -> list[str]:
    """The codes of a payload's user errors."""
    return [error["code"] for error in payload["userErrors"]]


def hours(offers: list[dict[str, Any]]) -> list[str]:
    """The windows of offers, as UTC hours."""
    return [
        f"{offer['slot']['window']['startsAt'][11:13]}-{offer['slot']['window']['endsAt'][11:13]}"
        for offer in offers
    ]


def utc(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """An instant; in November local time in Porto is UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)


def build_house(conn: Connection, _now: object = None) -> tuple[Shop, str]:
    """Windows 18-19, 19-20 and 18-20 a day, closing an hour before; a week open, with vans on two days."""
    shop = make_shop(conn, point=POINTS["C"])
    store = by_id(conn, FulfilmentNode, shop.node_id)
    zone = by_id(conn, ServiceZone, shop.zone_id)
    assert store
    assert zone
    node = table_of(FulfilmentNode)
    conn.execute(sa.update(node).where(node.c.id == store.id).values(key="store", kind=NodeKind.STORE))
    mfc = FulfilmentNode(**{**store.model_dump(), "id": new_id(), "key": "mfc", "name": "Centre"})
    add(conn, mfc)
    table = table_of(ServiceZone)
    conn.execute(sa.update(table).where(table.c.id == zone.id).values(code="C"))
    others = [ServiceZone(**{**zone.model_dump(), "id": new_id(), "code": code}) for code in ("A", "B")]
    add(conn, *others)
    cells = [
        ZoneCell(cell=h3.latlng_to_cell(POINTS[z.code].latitude, POINTS[z.code].longitude, 9), zone_id=z.id)
        for z in others
    ]
    add(conn, *cells)
    _windows(conn)
    make_vans(conn, shop, {"mfc": mfc.id, "store": store.id}, {z.code: z.id for z in others} | {"C": zone.id})
    open_days(conn, now=NOW, first=TUESDAY, days=7)
    storefront = by_id(conn, Storefront, shop.actor.storefront_id)
    assert storefront
    for key, role in ((KEY, Role.STOREFRONT), (OPERATOR_KEY, Role.OPERATOR)):
        issue_key(conn, now=NOW, storefront_id=storefront.id, key=key, name=role.lower(), role=role)
    return shop, storefront.key


def _windows(conn: Connection) -> None:
    table = table_of(SlotTemplate)
    conn.execute(sa.update(table).values(removed_at=NOW))
    usual = CutoffRule(key="usual", kind=CutoffKind.ELAPSED, elapsed_min=60)
    add(conn, usual)
    add(
        conn,
        *(
            SlotTemplate(
                key=f"e{start}-{end}",
                name=f"Evening {start} to {end}",
                rrule="FREQ=DAILY",
                starts_local=f"{start}:00",
                ends_local=f"{end}:00",
                cutoff_rule_id=usual.id,
                valid_from=date(2026, 1, 1),
            )
            for start, end in ((18, 19), (19, 20), (18, 20))
        ),
    )


def make_vans(
    conn: Connection,
    shop: Shop,
    nodes: dict[str, str],
    zones: dict[str, str],
    days: tuple[date, ...] = (TUESDAY, WEDNESDAY),
    orders: int = 10,
) -> None:
    """Room for drops from each node in each hour of the evening; the store is the cheaper one."""
    plans = [
        PoolPlan(
            node_id=node_id,
            vehicle_class_id=shop.class_id,
            day=day,
            window=evening(day, start, start + 1),
            vehicles=2,
            cap=Load(orders, 360_000, 20_000_000, 8_000_000, 6_000_000, 3_000_000),
            sell=Load(orders, 360_000, 20_000_000, 8_000_000, 6_000_000, 3_000_000),
            minute_worth_micro=0,
            reach=tuple(
                ReachPlan(zones[code], 300, 10_000, 900, 40 if node == "store" else 90, 12)
                for code in SERVED[node]
            ),
        )
        for node, node_id in nodes.items()
        for day in days
        for start in (18, 19)
    ]
    make_pools(conn, *plans)
