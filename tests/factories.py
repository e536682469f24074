"""One plain function per thing a test needs, with overrides; rows are real and are in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import h3
import sqlalchemy as sa
from sqlalchemy import Connection

from app.booking.confirm import confirm
from app.booking.hold import hold
from app.booking.tables import BookingPolicy, DeliveryBooking, SlotHold
from app.capacity.resize import resize
from app.capacity.rules import PoolPlan, ReachPlan
from app.customers.rules import CustomerFacts
from app.database.rows import add, table_of
from app.fleet.rules import VehicleKind
from app.fleet.tables import EmissionFactor, VehicleClass
from app.handover.queries import policies
from app.handover.rules import HandoverMode, ProofKind
from app.handover.tables import HandoverPolicy
from app.places.rules import NodeKind, Place
from app.places.tables import Address, City, FulfilmentNode, ServiceZone, Street, StreetWord, ZoneCell
from app.pricing.tables import FeeRule
from app.promotions.rules import DiscountKind
from app.promotions.tables import Promotion
from app.slots.rules import CutoffKind
from app.slots.tables import CutoffRule, DeliverySlot, SlotTemplate
from app.storefronts.tables import Storefront
from app.values.actor import Actor, Role
from app.values.basket import Basket
from app.values.ids import new_id
from app.values.load import Load
from app.values.money import Money
from app.values.point import Point
from app.values.window import Window

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
ZONE = "Europe/Lisbon"
HOME = Point(41.1456, -8.6109)
ROOM = Load(
    orders=10, work_s=36_000, volume_ml=2_000_000, weight_g=800_000, chilled_ml=600_000, frozen_ml=300_000
)


@dataclass(frozen=True, slots=True)
class Shop:
    """A storefront that delivers to one zone from one node with one kind of vehicle."""

    actor: Actor
    zone_id: str
    node_id: str
    class_id: str
    template_id: str
    point: Point = HOME

    @property
    def place(self) -> Place:
        """An address in the zone."""
        return Place("Rua das Flores 12, Porto", self.point)


def make_shop(conn: Connection, point: Point = HOME, **storefront: Any) -> Shop:
    """A whole small world: one call, and slots can be made, held and booked."""
    shop = make_storefront(conn, **storefront)
    city = City(
        name=f"Porto {new_id()}", time_zone=ZONE, country_code="PT", source="made by hand", imported_at=NOW
    )
    add(conn, city)
    zone = ServiceZone(
        city_id=city.id,
        code=f"Z-{new_id()}",
        name="Flores",
        time_zone=ZONE,
        latitude=point.latitude,
        longitude=point.longitude,
        area_m2=100_000,
        daily_orders=40,
        border=[],
    )
    add(conn, zone)
    add(conn, ZoneCell(cell=h3.latlng_to_cell(point.latitude, point.longitude, 9), zone_id=zone.id))
    node = FulfilmentNode(
        city_id=city.id,
        key=f"node-{new_id()}",
        name="Micro-fulfilment centre Bolhão",
        kind=NodeKind.MICRO_FULFILMENT_CENTRE,
        latitude=41.149,
        longitude=-8.607,
        door_orders_per_h=60,
        driver_hours_per_week=400,
    )
    add(conn, node)
    kind = make_vehicle_class(conn)
    make_handover_policies(conn)
    rule = CutoffRule(key=f"cut-{new_id()}", kind=CutoffKind.ELAPSED, elapsed_min=120)
    add(conn, rule)
    template = SlotTemplate(
        key=f"evening-{new_id()}",
        name="Evening",
        rrule="FREQ=DAILY",
        starts_local="18:00",
        ends_local="20:00",
        cutoff_rule_id=rule.id,
        valid_from=date(2026, 1, 1),
    )
    add(conn, template)
    actor = Actor(shop.id, Role.STOREFRONT, "test storefront")
    return Shop(actor, zone.id, node.id, kind.id, template.id, point)


def make_houses(conn: Connection) -> list[Address]:
    """Rua das Flores 12 and 120, for those who type an address."""
    city_id = conn.execute(sa.select(table_of(City).c.id)).scalars().one()
    street = Street(city_id=city_id, name="Rua das Flores", folded="rua das flores", kind="residential")
    add(conn, street)
    add(conn, *(StreetWord(word=word, street_id=street.id) for word in ("rua", "das", "flores")))
    houses = [
        Address(
            street_id=street.id,
            house_number=number,
            label=f"Rua das Flores {number}, Porto",
            latitude=HOME.latitude,
            longitude=HOME.longitude,
        )
        for number in ("12", "120")
    ]
    add(conn, *houses)
    return houses


def make_handover_policies(conn: Connection) -> None:
    """The three ways of handing over, unless they are there."""
    if policies(conn):
        return
    add(
        conn,
        HandoverPolicy(mode=HandoverMode.ATTENDED, at_door_s=240, fee_minor=0, proof=[]),
        HandoverPolicy(mode=HandoverMode.SAFE_PLACE, at_door_s=120, fee_minor=0, proof=[ProofKind.PHOTO]),
        HandoverPolicy(mode=HandoverMode.NEIGHBOUR, at_door_s=210, fee_minor=0, proof=[]),
    )


def make_collection(conn: Connection) -> None:
    """That goods may be collected, in a minute for the driver."""
    proof = [ProofKind.BARCODE]
    add(conn, HandoverPolicy(mode=HandoverMode.COLLECTION, at_door_s=60, fee_minor=0, proof=proof))


def make_storefront(conn: Connection, **changes: Any) -> Storefront:
    """A storefront with its policy and price table."""
    key = f"shop-{new_id()}"
    values: dict[str, Any] = {
        "key": key,
        "name": "Mercearia do Bairro",
        "currency": "EUR",
        "locale": "pt_PT",
        "basket_value_minor": 4_500,
        "basket_weight_g": 12_000,
        "basket_ambient_ml": 30_000,
        "basket_chilled_ml": 8_000,
        "basket_frozen_ml": 2_000,
        "sender_name": "Mercearia do Bairro",
        "sender_address": "entregas@mercearia.example",
    }
    row = Storefront(**{**values, **changes})
    add(conn, row)
    add(conn, BookingPolicy(storefront_id=row.id))
    make_fee_rule(conn, storefront_id=row.id)
    return row


def make_fee_rule(conn: Connection, **changes: Any) -> FeeRule:
    """A price table: 3.00 for a two-hour window, without demand and green parts."""
    values: dict[str, Any] = {
        "valid_from": datetime(2026, 1, 1, tzinfo=UTC),
        "currency": "EUR",
        "base_minor": 300,
        "one_hour_minor": 100,
        "four_hour_minor": -100,
        "evening_minor": 50,
        "weekend_minor": 50,
        "usual_cost_minor": 100_000,
        "pass_on_bp": 0,
        "step_minor": 50,
        "floor_minor": 0,
        "ceiling_minor": 1_000,
        "green_grams": 0,
        "green_discount_minor": 0,
        "min_order_minor": 0,
    }
    rule = FeeRule(**{**values, **changes})
    add(conn, rule)
    return rule


def make_vehicle_class(conn: Connection, **changes: Any) -> VehicleClass:
    """A cargo bike with its emission factor."""
    factor = EmissionFactor(
        id=f"cargo_bike@{new_id()}",
        grams_per_km=0.9,
        scope="WELL_TO_WHEEL",
        method="marginal distance",
        source="made by hand",
        year=2024,
    )
    add(conn, factor)
    values: dict[str, Any] = {
        "key": f"cargo_bike-{new_id()}",
        "name": "Cargo bike",
        "kind": VehicleKind.CARGO_BIKE,
        "speed_kmh": 14,
        "cost_minor_per_100km": 300,
        "day_cost_minor": 800,
        "range_m": 50_000,
        "volume_ml": 200_000,
        "weight_g": 120_000,
        "chilled_ml": 80_000,
        "frozen_ml": 40_000,
        "stops_per_trip": 8,
        "reload_s": 600,
        "handover_bp": 10_000,
        "parking_bp": 2_000,
        "emission_factor_id": factor.id,
    }
    row = VehicleClass(**{**values, **changes})
    add(conn, row)
    return row


def evening(day: date = date(2026, 11, 25), start: int = 18, end: int = 20) -> Window:
    """A window of local hours of a day."""
    zone = ZoneInfo(ZONE)
    return Window(
        datetime.combine(day, time(start), tzinfo=zone), datetime.combine(day, time(end), tzinfo=zone)
    )


def make_slot(
    conn: Connection, shop: Shop, window: Window | None = None, *, cutoff_at: datetime | None = None
) -> DeliverySlot:
    """A slot of the shop's zone, tomorrow evening unless said otherwise."""
    window = window or evening()
    slot = DeliverySlot(
        zone_id=shop.zone_id,
        template_id=shop.template_id,
        day=window.start.astimezone(ZoneInfo(ZONE)).date(),
        starts_at=window.start,
        ends_at=window.end,
        time_zone=ZONE,
        cutoff_at=cutoff_at or window.start - timedelta(hours=2),
    )
    add(conn, slot)
    return slot


def pool_plan(shop: Shop, window: Window, *, sell: Load = ROOM, **changes: Any) -> PoolPlan:
    """A pool of the shop's node that reaches its zone."""
    reach = {
        "work_s": 300,
        "handover_bp": 10_000,
        "distance_m": 900,
        "cost_minor": 40,
        "grams": 12,
        **{k: v for k, v in changes.items() if k in ("work_s", "cost_minor", "grams", "distance_m")},
    }
    return PoolPlan(
        node_id=changes.get("node_id", shop.node_id),
        vehicle_class_id=changes.get("vehicle_class_id", shop.class_id),
        day=window.start.astimezone(ZoneInfo(ZONE)).date(),
        window=window,
        vehicles=changes.get("vehicles", 2),
        cap=changes.get("cap", sell),
        sell=sell,
        minute_worth_micro=changes.get("minute_worth_micro", 0),
        reach=(ReachPlan(zone_id=shop.zone_id, **reach),),
    )


def make_pools(conn: Connection, *plans: PoolPlan, now: datetime = NOW) -> None:
    """Publish pools as the planner does."""
    days = [plan.day for plan in plans]
    resize(
        conn,
        now=now,
        actor="test",
        reason="made by hand",
        run_id="test-run",
        first=min(days),
        last=max(days),
        pools=plans,
    )


def make_open_slot(
    conn: Connection, shop: Shop, *, orders: int = 10, window: Window | None = None
) -> DeliverySlot:
    """A slot with room for so many drops: one pool per hour would do, here it is the first hour's."""
    window = window or evening()
    bucket = Window(window.start, window.start + timedelta(hours=1))
    room = Load(
        orders,
        ROOM.work_s,
        ROOM.volume_ml * 10,
        ROOM.weight_g * 10,
        ROOM.chilled_ml * 10,
        ROOM.frozen_ml * 10,
    )
    make_pools(conn, pool_plan(shop, bucket, sell=room))
    return make_slot(conn, shop, window)


def make_basket(**changes: Any) -> Basket:
    """Two bags of groceries."""
    values: dict[str, Any] = {
        "value": Money(4_500, "EUR"),
        "weight_g": 8_000,
        "ambient_ml": 20_000,
        "chilled_ml": 4_000,
        "frozen_ml": 1_000,
    }
    return Basket(**{**values, **changes})


def make_hold(
    conn: Connection,
    shop: Shop,
    slot: DeliverySlot,
    *,
    now: datetime = NOW,
    customer: str = "ana",
    group: str | None = None,
    **changes: Any,
) -> SlotHold:
    """A hold made through the real verb."""
    values: dict[str, Any] = {
        "place": shop.place,
        "basket": make_basket(),
        "customer": CustomerFacts(
            reference=customer, name="Ana Lima", email=f"{customer}@example.com", customer_group=group
        ),
        "key": new_id(),
    }
    return hold(conn, now=now, actor=shop.actor, slot_id=slot.id, **{**values, **changes})


def make_booking(
    conn: Connection,
    shop: Shop,
    slot: DeliverySlot,
    *,
    now: datetime = NOW,
    customer: str = "ana",
    **changes: Any,
) -> DeliveryBooking:
    """A booking made through the real verbs."""
    held = make_hold(conn, shop, slot, now=now, customer=customer, **changes)
    order = f"order-{held.id}"
    return confirm(conn, now=now, actor=shop.actor, hold_id=held.id, order_reference=order, key=new_id())


def set_policy(conn: Connection, shop: Shop, **changes: Any) -> None:
    """Change what the storefront promises."""
    policy = table_of(BookingPolicy)
    mine = policy.c.storefront_id == shop.actor.storefront_id
    conn.execute(sa.update(policy).where(mine).values(**changes))


def make_promotion(conn: Connection, shop: Shop, **changes: Any) -> Promotion:
    """Three euros off, for everybody, all year."""
    values: dict[str, Any] = {
        "storefront_id": shop.actor.storefront_id,
        "code": "BEMVINDO",
        "label": "Welcome",
        "kind": DiscountKind.AMOUNT,
        "amount_minor": 200,
        "currency": "EUR",
        "starts_at": datetime(2026, 1, 1, tzinfo=UTC),
        "ends_at": datetime(2027, 1, 1, tzinfo=UTC),
        "max_uses": 100,
        "per_customer": 1,
        "budget_minor": 100_000,
    }
    row = Promotion(**{**values, **changes})
    add(conn, row)
    return row
