"""Which vehicles a plan puts on the road from each node on each day, as tours see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from app.allocation.problem import Plan, Problem
from app.allocation.tables import PlanningFigures
from app.database.rows import rows, table_of
from app.fleet.rostered import Rostered, without
from app.fleet.rules import km_minor
from app.fleet.tables import EmissionFactor, VehicleClass, VehicleOutage
from app.places.tables import City, FulfilmentNode, ServiceZone, ZoneHour
from app.tours.queries import SheetKey
from app.tours.rules import TRAVEL_MARGIN_BP, Frame, TourVehicle, ZoneHours, parts_of
from app.tours.street_paces import Paces, measured_paces, pace_of
from app.values.load import Load
from app.values.window import day_begins


def tour_frames(
    conn: Connection, *, problem: Problem, plan: Plan, outages: Sequence[VehicleOutage] = ()
) -> Mapping[SheetKey, Frame]:
    """A frame for every node and day of the plan, also where nobody drives.

    `outages` are those that the plan did not know of: their vehicles are not counted on.
    """
    facts = vehicle_facts(conn)
    nodes = {node.id: node for node in rows(conn, FulfilmentNode, sa.select(table_of(FulfilmentNode)))}
    (city,) = rows(conn, City, sa.select(table_of(City)).order_by("id").limit(1))
    zones = _zones(conn)
    found: dict[SheetKey, Frame] = {}
    for day, solution in zip(problem.days, plan.days, strict=True):
        rostered: dict[int, list[Rostered]] = defaultdict(list)
        for shift, count in zip(day.shifts, solution.vehicles, strict=True):
            fleet = problem.fleets[shift.fleet]
            rostered[fleet.node] += [Rostered(fleet.class_id, shift.window)] * count
        for number, node in enumerate(problem.nodes):
            there = without(rostered[number], [one for one in outages if one.node_id == node.id])
            found[node.id, day.day] = Frame(
                node=nodes[node.id].point,
                day=day.day,
                midnight=day_begins(day.day, city.time_zone),
                time_zone=city.time_zone,
                margin_bp=TRAVEL_MARGIN_BP,
                vehicles=facts.vehicles(node.id, there),
                zones=zones,
            )
    return found


@dataclass(frozen=True)
class VehicleFacts:
    """What tours know of vehicle classes: the rows, what a kilometre costs, and how their ways go."""

    kinds: Mapping[str, VehicleClass]
    # Minor units, carbon included.
    per_km: Mapping[str, int]
    paces: Paces
    circuity_bp: int

    def vehicles(self, node_id: str, rostered: Iterable[Rostered]) -> tuple[TourVehicle, ...]:
        """Vehicles of a node in shifts, as tours see them: those with a break in their shift are two."""
        return tuple(part for one in rostered for part in parts_of(self._vehicle(node_id, one)))

    def _vehicle(self, node_id: str, one: Rostered) -> TourVehicle:
        kind = self.kinds[one.class_id]
        return TourVehicle(
            class_id=kind.id,
            shift=one.window,
            pace=pace_of(self.paces, node_id=node_id, kind=kind, circuity_bp=self.circuity_bp),
            handover_bp=kind.handover_bp,
            parking_bp=kind.parking_bp,
            stops_per_trip=kind.stops_per_trip,
            reload_s=kind.reload_s,
            range_m=kind.range_m,
            room=Load(0, 0, kind.volume_ml, kind.weight_g, kind.chilled_ml, kind.frozen_ml),
            cost_minor_per_km=self.per_km[kind.id],
            combustion=kind.combustion,
        )


def vehicle_facts(conn: Connection) -> VehicleFacts:
    """The classes as they are now, with the paces that were measured last."""
    (figures,) = rows(conn, PlanningFigures, sa.select(table_of(PlanningFigures)).limit(1))
    factors = {one.id: one for one in rows(conn, EmissionFactor, sa.select(table_of(EmissionFactor)))}
    kinds = {kind.id: kind for kind in rows(conn, VehicleClass, sa.select(table_of(VehicleClass)))}
    per_km = {
        kind.id: km_minor(
            kind,
            grams_per_km=factors[kind.emission_factor_id].grams_per_km,
            carbon_minor_per_tonne=figures.carbon_minor_per_tonne,
        )
        for kind in kinds.values()
    }
    return VehicleFacts(kinds, per_km, measured_paces(conn), figures.circuity_bp)


def _zones(conn: Connection) -> Mapping[str, ZoneHours]:
    hours: dict[str, dict[int, ZoneHour]] = defaultdict(dict)
    for one in rows(conn, ZoneHour, sa.select(table_of(ZoneHour))):
        hours[one.zone_id][one.hour] = one
    zone = table_of(ServiceZone)
    found = {}
    for zone_id in conn.execute(sa.select(zone.c.id)).scalars():
        known = hours[zone_id]
        found[zone_id] = ZoneHours(
            parking_s=tuple(known[h].parking_s if h in known else 0 for h in range(24)),
            slowdown_bp=tuple(known[h].slowdown_bp if h in known else 10_000 for h in range(24)),
            low_emission=tuple(h for h in range(24) if h in known and known[h].low_emission),
        )
    return found
