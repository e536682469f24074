"""The demo city: streets and houses of our own making at Porto's coordinates, the same every time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import cos, exp, hypot, pi, radians, sin
from random import Random

from app.places.city import AddressData, CityData, StreetData
from app.values.point import Point

CENTRE = Point(41.1540, -8.6150)
_LAT_M = 111_200
_LON_M = 111_320 * cos(radians(CENTRE.latitude))
# Half-axes of the built-up ellipse: north of the river, east of the sea.
_EAST_M, _NORTH_M, _SOUTH_M = 3_900, 2_700, 1_150

_NAMES = """
das Flores|da Alegria|do Almada|da Fontinha|das Oliveiras|da Boavista|do Bonjardim|das Taipas|da Picaria
do Rosário|da Torrinha|do Breyner|da Maternidade|do Campo Lindo|da Constituição|do Bolhão|da Firmeza
de Santa Catarina|do Paraíso|da Lapa|do Heroísmo|de São Brás|da Duquesa|do Amparo|dos Caldeireiros
da Reboleira|das Aldas|dos Mercadores|da Bainharia|do Comércio|da Ferraria|dos Pelames|das Virtudes
do Moinho de Vento|da Conceição|das Carmelitas|de Cedofeita|dos Bragas|da Carvalhosa|do Barão|dos Clérigos
da Cordoaria|da Restauração|do Campo Alegre|das Condominhas|do Passeio Alegre|dos Moinhos|da Arrábida
do Bom Sucesso|da Praça Nova|das Musas|das Amoreiras|do Covelo|de Antero|da Vilarinha|do Pinheiro Manso
da Azenha|das Andorinhas|do Monte dos Burgos|da Prelada|das Cegonhas|do Carriçal|da Areosa|das Antas
do Lima|da Vigorosa|das Doze Casas|de Costa Cabral|da Alameda|do Bonfim|da Formiga|do Freixo|de Campanhã
da Estação|do Mirante|de Monte Alegre|da Corticeira|das Fontainhas|do Sol|da Batalha|da Madeira
dos Lóios|do Loureiro|da Vitória|de Belomonte|das Estrelas|do Ouro|da Pena|do Gólgota|das Palmeiras
do Aleixo|da Pasteleira|do Molhe|das Andresas|do Funchal|da Beira-Mar|dos Plátanos|das Camélias|das Glicínias
da Hera|dos Jasmins|das Magnólias|das Tílias|do Alecrim|da Salva|do Tomilho|da Hortelã|dos Loureiros
""".replace("\n", "|")


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place in metres east and north of the centre."""

    east: float
    north: float

    @property
    def point(self) -> Point:
        return Point(
            round(CENTRE.latitude + self.north / _LAT_M, 6), round(CENTRE.longitude + self.east / _LON_M, 6)
        )

    @property
    def inside(self) -> bool:
        reach = _NORTH_M if self.north > 0 else _SOUTH_M
        return (self.east / _EAST_M) ** 2 + (self.north / reach) ** 2 < 1


def demo_city(seed: int = 7) -> CityData:
    """About 110 streets and 6,000 houses, densest in the middle; no byte of it comes from a map."""
    rng = Random(seed)
    names = [name for name in _NAMES.split("|") if name]
    streets: list[StreetData] = []
    houses: list[AddressData] = []
    for number, line in enumerate(_lines(rng)):
        if number >= len(names):
            break
        kind, word = _kind(number)
        name = f"{word} {names[number]}"
        streets.append(StreetData(name, kind, (tuple(spot.point for spot in line),)))
        houses += _houses(rng, name, line)
    return CityData(
        name="Porto",
        time_zone="Europe/Lisbon",
        country_code="PT",
        holiday_region="13",
        source="generated demo city",
        attribution=None,
        streets=tuple(streets),
        addresses=tuple(houses),
    )


def _kind(number: int) -> tuple[str, str]:
    if number % 11 == 5:
        return "secondary", "Avenida"
    return ("living_street", "Travessa") if number % 9 == 7 else ("residential", "Rua")


def _lines(rng: Random) -> Iterator[list[_Spot]]:
    """Streets from the middle outwards: a bent grid, then arcs around the centre."""
    across = [_row(rng, n, east_west=True) for n in range(-14, 26)]
    along = [_row(rng, n, east_west=False) for n in range(-34, 35)]
    ordered = sorted(
        (line for line in across + along if len(line) > 3), key=lambda line: _off(line[len(line) // 2])
    )
    yield from _parts(ordered)


def _parts(lines: list[list[_Spot]]) -> Iterator[list[_Spot]]:
    """Long streets change their name on the way, as they do."""
    for line in lines:
        half = len(line) // 2
        if len(line) > 24:
            yield line[: half + 1]
            yield line[half:]
        else:
            yield line


def _off(spot: _Spot) -> float:
    return hypot(spot.east, spot.north * 1.4)


def _row(rng: Random, place: int, *, east_west: bool) -> list[_Spot]:
    """One line of the grid: closer together in the middle, gently bent, cut to the built-up area."""
    step = 95 if east_west else 120
    offset = place * step * (0.75 + abs(place) * 0.012) + rng.uniform(-18, 18)
    bend, turn, lean = rng.uniform(15, 70), rng.uniform(0, 2 * pi), rng.uniform(-0.06, 0.06)
    spots = []
    for metre in range(-4_000, 4_001, 90):
        sway = offset + bend * sin(metre / 900 + turn) + lean * metre
        spot = _Spot(metre, sway) if east_west else _Spot(sway, metre)
        # Streets thin out towards the edge: only every third line goes on beyond the inner city.
        if spot.inside and (place % 3 == 0 or _off(spot) < 1_900):
            spots.append(spot)
    return spots


def _houses(rng: Random, street: str, line: list[_Spot]) -> list[AddressData]:
    """Even numbers on one side and odd ones on the other, from the end that is nearer to the centre."""
    spots = line if _off(line[0]) < _off(line[-1]) else line[::-1]
    houses: list[AddressData] = []
    number = 2
    for here, there in pairwise(spots):
        length = hypot(there.east - here.east, there.north - here.north)
        count = max(1, round(2.2 * exp(-_off(here) / 2_600)))
        for k in range(count):
            share = (k + 0.5) / count
            for side, house in ((7, number), (-7, number + 1)):
                across = (
                    -(there.north - here.north) / length * side,
                    (there.east - here.east) / length * side,
                )
                spot = _Spot(
                    here.east + (there.east - here.east) * share + across[0],
                    here.north + (there.north - here.north) * share + across[1],
                )
                houses.append(AddressData(street, str(house), _postcode(spot), spot.point))
            number += 2 if number < 30 else 2 * rng.randint(1, 3)
    return houses


def _postcode(spot: _Spot) -> str:
    area = 4000 + 50 * (1 + int((spot.east + 4_000) // 1_000))
    return f"{area}-{100 + int((spot.north + 3_000) // 25):03d}"
