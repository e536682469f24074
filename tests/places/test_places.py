"""Zones hold every address, addresses are found while somebody types, and a city loads once."""

from functools import partial

import h3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from app.database.runner import Database
from app.demo.city import demo_city
from app.places.city import AddressData, CityData, StreetData
from app.places.errors import CityExists, NothingToServe, OutOfZone
from app.places.find_address import find_address
from app.places.import_city import CitySummary, import_city
from app.places.rules import WrittenAddress, cell_of, fold, house_numbers, is_house, taken_apart
from app.places.tables import ServiceZone
from app.places.zone_of import zone_of
from app.places.zoning import draw_zones
from app.values.point import Point
from tests.factories import HOME

STREETS = ("Rua das Flores", "Praça da Batalha", "Rua 31 de Janeiro", "Rua das Flores de Cima")


def small_city(name: str = "Porto") -> CityData:
    houses = [
        AddressData(street, str(number), "4000-100", Point(41.14 + i * 0.003, -8.61 + number * 0.0002))
        for i, street in enumerate(STREETS)
        for number in (2, 12, 112, 120)
    ]
    streets = [StreetData(street, "residential", ()) for street in STREETS]
    lonely = StreetData("Beco Vazio", "path", ((Point(41.14, -8.61), Point(41.141, -8.61)),))
    return CityData(name, "Europe/Lisbon", "PT", "13", "by hand", None, (*streets, lonely), tuple(houses))


def loaded(db: Database) -> CitySummary:
    return db.write_now(lambda c, n: import_city(c, now=n, city=small_city(), zones=3, daily_orders=60))


def zone_at(conn: Connection, _now: object, *, point: Point) -> ServiceZone:
    return zone_of(conn, point=point)


def labels(db: Database, text: str, limit: int = 10) -> list[str]:
    return [a.label for a in db.read_now(lambda c, _: find_address(c, text=text, limit=limit))]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("flores 12", "Rua das Flores 12, 4000-100 Porto"),
        ("FLORES 12", "Rua das Flores 12, 4000-100 Porto"),
        ("praca da bat", "Praça da Batalha 2, 4000-100 Porto"),
        ("31 jan", "Rua 31 de Janeiro 2, 4000-100 Porto"),
        ("jan 31 112", "Rua 31 de Janeiro 112, 4000-100 Porto"),
        ("Rua das Flores 12, 4000-100 Porto", "Rua das Flores 12, 4000-100 Porto"),
        ("beco", "Beco Vazio, Porto"),
        ("rua das flores 11", "Rua das Flores 112, 4000-100 Porto"),
    ],
)
def test_an_address_is_found_by_unfinished_words(db: Database, text: str, first: str) -> None:
    loaded(db)
    assert labels(db, text)[0] == first


@pytest.mark.parametrize("text", ["", "   ", "%", "_", "zzz", "flores 999", "x" * 5_000, "'; drop table--"])
def test_nonsense_finds_nothing(db: Database, text: str) -> None:
    loaded(db)
    assert labels(db, text) == []


def test_every_address_lies_in_a_zone_and_the_sea_does_not(db: Database) -> None:
    summary = loaded(db)
    assert summary.zones >= 1
    for house in small_city().addresses:
        assert db.read_now(partial(zone_at, point=house.point)).time_zone == "Europe/Lisbon"
    with pytest.raises(OutOfZone):
        db.read_now(lambda c, _: zone_of(c, point=Point(41.1, -9.5)))


def test_a_city_is_loaded_once_and_an_empty_one_never(db: Database) -> None:
    loaded(db)
    with pytest.raises(CityExists):
        loaded(db)
    nothing = CityData("Nowhere", "Europe/Lisbon", "PT", None, "by hand", None, (), ())
    with pytest.raises(NothingToServe):
        db.write_now(lambda c, n: import_city(c, now=n, city=nothing, zones=3, daily_orders=60))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.floats(41.10, 41.20), st.floats(-8.70, -8.55)), min_size=1, max_size=60),
    st.integers(1, 12),
)
def test_zones_are_disjoint_and_cover_every_point(where: list[tuple[float, float]], zones: int) -> None:
    points = [Point(*at) for at in where]
    drawn = draw_zones(points, zones=zones)
    cells = [cell for zone in drawn for cell in zone.cells]

    assert len(cells) == len(set(cells))
    assert {cell_of(point) for point in points} <= set(cells)
    assert sum(zone.weight for zone in drawn) == len(points)


def test_zones_of_the_demo_city_are_connected_and_alike() -> None:
    drawn = draw_zones([a.point for a in demo_city().addresses], zones=40)
    average = sum(z.weight for z in drawn) / len(drawn)
    assert 25 <= len(drawn) <= 45
    assert max(z.weight for z in drawn) < 3 * average
    for zone in drawn:
        reached, left = {zone.cells[0]}, set(zone.cells[1:])
        while edge := {n for cell in reached for n in h3.grid_ring(cell, 1)} & left:
            reached |= edge
            left -= edge
        assert not left


def test_the_demo_city_is_the_same_every_time_and_holds_the_readme_address() -> None:
    city = demo_city()
    assert city == demo_city()
    houses = {(a.street, a.house_number) for a in city.addresses}
    assert len(houses) == len(city.addresses) > 2_000
    assert ("Rua das Flores", "12") in houses


def test_words_are_folded_and_numbers_found() -> None:
    assert fold("Praça da Batalha, 7-A") == "praca da batalha 7 a"
    assert taken_apart("Rua 31 de Janeiro 12") == WrittenAddress(("rua", "31", "de", "janeiro"), "12")
    assert taken_apart("12 High Street") == WrittenAddress(("high", "street"), "12")
    assert taken_apart("flores 7-A, 4000-100 Porto") == WrittenAddress(("flores",), "7a")
    assert taken_apart("flores").house_number is None
    assert taken_apart("31").house_number is None


@pytest.mark.parametrize(
    ("written", "houses"),
    [
        ("12", "12"),
        ("1; 2", "1 2"),
        ("39A; 40;41", "39A 40 41"),
        ("3,5", "3 5"),
        ("61-65", "61 63 65"),
        ("310/312", "310 312"),
        ("14–16; 20", "14 16 20"),
        ("273-282", "273 282"),
        ("2-300", "2 300"),
        ("4000-112", "4000-112"),
        ("12 a", "12A"),
        ("12-a", "12A"),
        ("2; 2; 2-4", "2 4"),
        (" ; ", ""),
    ],
)
def test_a_house_number_of_the_map_is_as_many_houses_as_it_says(written: str, houses: str) -> None:
    assert " ".join(house_numbers(written)) == houses


def test_every_house_of_a_list_is_found_and_an_address_counts_once(db: Database) -> None:
    listed = AddressData("Rua Nova", "1; 3-7", None, HOME)
    city = CityData("Porto", "Europe/Lisbon", "PT", None, "by hand", None, (), (listed,))
    made = db.write_now(lambda c, n: import_city(c, now=n, city=city, zones=1, daily_orders=10))
    assert (made.addresses, made.doors, made.streets) == (1, 4, 1)
    assert labels(db, "nova") == [f"Rua Nova {n}, Porto" for n in (1, 3, 5, 7)]
    assert labels(db, "nova 5") == ["Rua Nova 5, Porto"]


@pytest.mark.parametrize(
    ("text", "house", "meant"),
    [
        ("Rua das Flores 12", "12", True),
        ("12 Rua das Flores", "12", True),
        ("Rua das Flores 1", "12", False),
        ("Rua das Flores", "12", False),
        ("Rua das Flores 12 a", "12A", True),
        ("Beco Vazio", "", True),
    ],
)
def test_a_house_is_meant_by_its_whole_number_only(text: str, house: str, meant: bool) -> None:
    assert is_house(text, house) is meant
