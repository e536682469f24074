"""What a drop takes of each fleet in each zone and bucket: the parameters of the model, from the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import sqrt
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.allocation.learn import Lessons
from app.allocation.problem import Arc, Fleet
from app.allocation.tables import PlanningFigures
from app.fleet.rules import Pace, drop_estimate
from app.fleet.tables import EmissionFactor, VehicleClass
from app.places.rules import NodeKind
from app.places.tables import FulfilmentNode, ServiceZone, ZoneHour
from app.tours.open_hours import closed_spans
from app.tours.street_paces import pace_of
from app.values.point import Point, distance_m
from app.values.window import Window

# A vehicle that loads at a centre on its way comes there from its own node and goes home once a shift: the
# way is shared by the loads of half a day.
LOADS_A_SHIFT = 4

_CENTRES = frozenset({NodeKind.MICRO_FULFILMENT_CENTRE, NodeKind.MICRO_HUB})

# Of (node, class, start of the bucket, zone): the drops that are booked there already.
type Placed = Mapping[tuple[str, str, datetime, str], int]


class Trip(NamedTuple):
    """A trip to a zone loaded at a centre (None: at home): metres out and back from there, metres of getting
    to the centre shared by its loads, and what bringing an order's goods there costs."""

    centre: int | None
    stem_m: int
    way_m: int
    shuttle_minor: int


@dataclass(frozen=True)
class Streets:
    """The rows that say what a drop takes; `wage_minor_per_h` weighs time against cost where both differ."""

    figures: PlanningFigures
    zones: Sequence[ServiceZone]
    hours: Mapping[tuple[str, int], ZoneHour]
    nodes: Sequence[FulfilmentNode]
    classes: Mapping[str, VehicleClass]
    factors: Mapping[str, EmissionFactor]
    time_zone: str
    at_door_s: int
    wage_minor_per_h: int
    # What tours have taught: where they needed overtime a drop takes longer, and how far drops are apart.
    lessons: Lessons = field(default_factory=Lessons)

    def arcs(self, fleets: Sequence[Fleet], buckets: Sequence[Window], placed: Placed) -> list[Arc]:
        """An arc for every zone within a fleet's reach and every bucket."""
        made = []
        for f, fleet in enumerate(fleets):
            kind, node = self.classes[fleet.class_id], self.nodes[fleet.node]
            for z, zone in enumerate(self.zones):
                if kind.reach_m is not None and distance_m(node.point, zone.centre) > kind.reach_m:
                    continue
                pace = self._pace(kind, node)
                trips = self._trips(kind, pace, fleet.node, zone)
                made += [
                    self._arc(
                        (f, z, b),
                        kind,
                        pace,
                        self._hours(zone, bucket)[:1],
                        trips,
                        placed.get((node.id, kind.id, bucket.start, zone.id), 0),
                    )
                    for b, bucket in enumerate(buckets)
                ]
        return made

    def cuts(self, windows: Iterable[Window]) -> set[datetime]:
        """When within windows any zone opens or closes to combustion engines; nothing where there are none.

        A bucket that is cut there may be served by them in the part that is open.
        """
        if not any(kind.combustion for kind in self.classes.values()):
            return set()
        closed = {
            tuple(h for h in range(24) if (known := self.hours.get((zone.id, h))) and known.low_emission)
            for zone in self.zones
        }
        spans = (
            span for w in set(windows) for some in closed for span in closed_spans(w, self.time_zone, some)
        )
        return {edge for span in spans for edge in (span.start, span.end)}

    def low_emission(self, buckets: Sequence[Window]) -> list[tuple[int, int]]:
        """The (zone, bucket) in which any hour is closed to combustion engines."""
        return [
            (z, b)
            for z, zone in enumerate(self.zones)
            for b, bucket in enumerate(buckets)
            if any(hour.low_emission for hour in self._hours(zone, bucket))
        ]

    def metre(self, kind: VehicleClass) -> tuple[float, float]:
        """What a metre costs in minor units, carbon included, and the grams it emits."""
        grams = self.factors[kind.emission_factor_id].grams_per_km / 1000
        carbon = grams * self.figures.carbon_minor_per_tonne / 1_000_000
        return kind.cost_minor_per_100km / 100_000 + carbon, grams

    def _hours(self, zone: ServiceZone, bucket: Window) -> list[ZoneHour]:
        """What is known of the zone's local hours that a bucket touches, its first hour first."""
        zone_info, found, at = ZoneInfo(self.time_zone), [], bucket.start
        while at < bucket.end:
            hour = self.hours.get((zone.id, at.astimezone(zone_info).hour))
            if hour:
                found.append(hour)
            at += timedelta(hours=1)
        return found

    def _pace(self, kind: VehicleClass, node: FulfilmentNode) -> Pace:
        return pace_of(self.lessons.paces, node_id=node.id, kind=kind, circuity_bp=self.figures.circuity_bp)

    def _trips(self, kind: VehicleClass, pace: Pace, home: int, zone: ServiceZone) -> list[Trip]:
        """Where a trip to the zone may be loaded: at home, or at a centre if the class does that."""

        def street_m(a: Point, b: Point) -> int:
            return int(pace.street_m(distance_m(a, b)))

        own = self.nodes[home]
        trips = [Trip(None, 2 * street_m(own.point, zone.centre), 0, 0)]
        if kind.reloads_at_centres:
            trips += [
                Trip(
                    centre=n,
                    stem_m=2 * street_m(node.point, zone.centre),
                    way_m=2 * street_m(own.point, node.point) // LOADS_A_SHIFT,
                    shuttle_minor=self.figures.shuttle_minor,
                )
                for n, node in enumerate(self.nodes)
                if n != home and node.kind in _CENTRES
            ]
        return trips

    def _arc(
        self,
        place: tuple[int, int, int],
        kind: VehicleClass,
        pace: Pace,
        hours: Sequence[ZoneHour],
        trips: Sequence[Trip],
        placed: int,
    ) -> Arc:
        fleet, zone, bucket = place
        parking_s = hours[0].parking_s if hours else 0
        slowdown_bp = hours[0].slowdown_bp if hours else 10_000
        made = []
        for trip in trips:
            estimate = drop_estimate(
                kind,
                pace=pace,
                stem_m=(trip.stem_m + trip.way_m) // 2,
                between_m=0,
                parking_s=parking_s,
                slowdown_bp=slowdown_bp,
                grams_per_km=self.factors[kind.emission_factor_id].grams_per_km,
                carbon_minor_per_tonne=self.figures.carbon_minor_per_tonne,
            )
            cost = estimate.cost_minor + trip.shuttle_minor
            made.append((cost + estimate.work_s * self.wage_minor_per_h / 3600, cost, trip, estimate))
        _, cost, trip, estimate = min(made, key=lambda one: one[0])
        scale = self.lessons.scales.get((self.zones[zone].id, kind.id), 10_000) / 10_000
        travel_s = round(estimate.work_s * scale)
        return Arc(
            fleet=fleet,
            zone=zone,
            bucket=bucket,
            work_s=travel_s + self.at_door_s * kind.handover_bp // 10_000,
            travel_s=travel_s,
            handover_bp=kind.handover_bp,
            distance_m=estimate.distance_m,
            cost_minor=cost,
            grams=estimate.grams,
            spread_m=round(
                self.lessons.spread(pace, self.figures.circuity_bp) * sqrt(self.zones[zone].area_m2)
            ),
            s_per_m=pace.s_per_km / 1_000 * slowdown_bp / 10_000 * scale,
            placed=placed,
            stem_m=trip.stem_m,
            reload_node=trip.centre,
        )
