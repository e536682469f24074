"""The evening that is simulated: a node, its vehicles, its windows, and who shops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import cos, log, pi, radians, sin
from random import Random
from uuid import UUID

from app.fleet.rules import Pace, pace_of_lines
from app.tours.rules import Frame, TourVehicle, ZoneHours
from app.values.load import Load
from app.values.point import EARTH_RADIUS_M, Point
from app.values.window import Window

NODE = Point(41.1496, -8.6110)
DAY = date(2026, 3, 4)
MIDNIGHT = datetime(2026, 3, 4, tzinfo=UTC)
# Evening buckets, and the windows sold over them: four of one hour, two of two.
BUCKETS = tuple(
    Window(MIDNIGHT + timedelta(hours=h), MIDNIGHT + timedelta(hours=h + 1)) for h in range(18, 22)
)
WINDOWS = (
    *BUCKETS,
    Window(BUCKETS[0].start, BUCKETS[1].end),
    Window(BUCKETS[2].start, BUCKETS[3].end),
)
RADIUS_M = 3_000
AT_DOOR_S = 240
ZONE = "evening"
CURRENCY = "EUR"
SHIFT = Window(MIDNIGHT + timedelta(hours=17, minutes=30), MIDNIGHT + timedelta(hours=22, minutes=30))


@dataclass(frozen=True, slots=True)
class Class:
    """Vehicles that are alike, what an hour of them costs (minor units) and a kilometre emits."""

    vehicle: TourVehicle
    vehicles: int
    grams_per_km: float
    wage_minor_per_h: int

    @property
    def cost_minor_per_km(self) -> int:
        """What a kilometre costs."""
        return self.vehicle.cost_minor_per_km


@dataclass(frozen=True, slots=True)
class Kind:
    """Shoppers who choose alike by the multinomial logit model.

    The utility of window w at fee p (in major units of money) is `attraction[w] - price_weight * p`, that of
    not ordering is 0; each shopper's own taste comes on top (standard Gumbel).
    """

    share: float
    attraction: tuple[float, ...]
    price_weight: float


@dataclass(frozen=True, slots=True)
class Shopper:
    """One who looks at the windows once: where, of which kind, and the taste that no policy sees.

    `taste` has one figure per window and, last, one for not ordering. `margin_minor` is the contribution of
    the goods.
    """

    id: str
    point: Point
    kind: int
    margin_minor: int
    load: Load
    taste: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Town:
    """One evening of one micro-fulfilment centre.

    `work_s` is what an order takes on the mean where tours are as full as the router can make them (found on
    evenings of other seeds); counters and bid prices reckon with it. `margin_minor` is the mean contribution
    of the goods.
    """

    classes: tuple[Class, ...]
    kinds: tuple[Kind, ...]
    margin_minor: int
    work_s: int

    @property
    def frame(self) -> Frame:
        """What the tours of the evening share."""
        vehicles = tuple(one.vehicle for one in self.classes for _ in range(one.vehicles))
        zones = {ZONE: ZoneHours((150,) * 24, (12_000,) * 24)}
        return Frame(NODE, DAY, MIDNIGHT, "UTC", 1_500, vehicles, zones)

    @property
    def bucket_s(self) -> int:
        """Vehicle seconds on the road in one bucket."""
        return 3_600 * sum(one.vehicles for one in self.classes)

    @property
    def orders(self) -> float:
        """Orders that the evening can take on the mean."""
        return self.bucket_s * len(BUCKETS) / self.work_s


def default_town(vehicles: int = 5) -> Town:
    """The town of the published figures: so many electric vans and cargo bikes, three kinds of shoppers."""
    return Town(
        classes=(
            Class(_van(), vehicles, 17.1, 2_125),
            Class(_bike(), vehicles, 0.92, 2_125),
        ),
        kinds=(
            Kind(0.45, (1.1, 2.6, 2.0, 0.6, 1.5, 0.9), 0.42),
            Kind(0.30, (0.4, 1.2, 2.4, 2.1, 0.8, 1.7), 0.42),
            Kind(0.25, (1.5, 1.7, 1.5, 1.1, 2.0, 1.8), 0.55),
        ),
        margin_minor=950,
        work_s=550,
    )


def _pace(speed_kmh: int) -> Pace:
    return pace_of_lines(speed_kmh=speed_kmh, circuity_bp=13_000)


def _van() -> TourVehicle:
    room = Load(0, 0, 2_200_000, 800_000, 650_000, 320_000)
    return TourVehicle("electric-van", SHIFT, _pace(28), 10_000, 10_000, 34, 1_500, 180_000, room, 17)


def _bike() -> TourVehicle:
    room = Load(0, 0, 260_000, 120_000, 90_000, 45_000)
    return TourVehicle("cargo-bike", SHIFT, _pace(14), 9_500, 1_500, 7, 480, 55_000, room, 6)


def shoppers(town: Town, *, count: int, seed: int) -> list[Shopper]:
    """Shoppers in the order in which they come: the same for every policy that is told the same seed."""
    chance = Random(seed)
    kinds = chance.choices(range(len(town.kinds)), [kind.share for kind in town.kinds], k=count)
    return [_shopper(town, chance, kind) for kind in kinds]


def _shopper(town: Town, chance: Random, kind: int) -> Shopper:
    # Denser towards the middle: the root would spread them evenly.
    reach, turn = RADIUS_M * chance.random() ** 0.7, 2 * pi * chance.random()
    degrees = 1 / (radians(1) * EARTH_RADIUS_M)
    point = Point(
        NODE.latitude + reach * sin(turn) * degrees,
        NODE.longitude + reach * cos(turn) * degrees / cos(radians(NODE.latitude)),
    )
    size = chance.lognormvariate(-0.08, 0.4)
    load = Load(1, 0, round(24_000 * size), round(9_000 * size), round(7_000 * size), round(2_500 * size))
    margin_minor = round(town.margin_minor * chance.lognormvariate(-0.045, 0.3))
    taste = tuple(_gumbel(chance) for _ in range(len(WINDOWS) + 1))
    return Shopper(str(UUID(int=chance.getrandbits(128))), point, kind, margin_minor, load, taste)


def _gumbel(chance: Random) -> float:
    return -log(-log(chance.random()))
