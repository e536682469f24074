"""A city out of OpenStreetMap: addresses, streets, towns, and files that are no map."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import osmium
import pytest
from osmium.osm import mutable
from sqlalchemy import Connection

from app.database.runner import Database
from app.demo.load import load
from app.demo.seed import read_seed
from app.places.city import CityData
from app.places.errors import NothingToServe
from app.places.find_address import find_address
from app.places.tables import Address
from app.values.point import Point, distance_m
from app.world.errors import BrokenMapFile
from app.world.osm import ATTRIBUTION, read_city

CORNER = Point(41.1456, -8.6109)
EXTRACTS = Path(__file__).parents[3] / "shared" / "data"


def at(east: int, north: int) -> tuple[float, float]:
    """Longitude and latitude, in ten thousandths of a degree from the corner."""
    return CORNER.longitude + east / 1e4, CORNER.latitude + north / 1e4


def written(file: Path, things: Sequence[mutable.OSMObject]) -> Path:
    with osmium.SimpleWriter(str(file)) as writer:
        for thing in things:
            match thing:
                case mutable.Node():
                    writer.add_node(thing)
                case mutable.Way():
                    writer.add_way(thing)
                case _:
                    writer.add_relation(thing)
    return file


def house(number: int, east: int, north: int, **tags: str) -> mutable.Node:
    return mutable.Node(
        id=number, location=at(east, north), tags={f"addr:{k}": v for k, v in tags.items()}, version=1
    )


def bare(number: int, east: int, north: int) -> mutable.Node:
    return mutable.Node(id=number, location=at(east, north), version=1)


def small_town() -> list[mutable.OSMObject]:
    """Two houses as points, one as a building, one as a building with a court, two streets and a motorway."""
    square = [(10, 0), (12, 0), (12, 2), (10, 2)]
    court = [(20, 0), (24, 0), (24, 4), (20, 4)]
    return [
        house(1, 0, 0, street="Rua das Flores", housenumber="1; 2", city="Porto", postcode="4000-100"),
        house(2, 1, 0, street="Rua das Flores", housenumber="12", city="Porto"),
        house(3, 2, 0, street="Rua sem Número"),
        house(4, 3, 0, housenumber="7"),
        house(5, 4, 0, street="Rua Alheia", housenumber="9", city="Gaia"),
        *(bare(10 + i, *place) for i, place in enumerate(square)),
        *(bare(20 + i, *place) for i, place in enumerate(court)),
        *(bare(30 + i, i * 10, 5) for i in range(4)),
        mutable.Way(id=1, nodes=[10, 11, 12, 13, 10], version=1,
            tags={"building": "yes", "addr:street": "Praça da Batalha", "addr:housenumber": "61-65", "addr:city": "Porto"}),
        mutable.Way(id=2, nodes=[20, 21, 22, 23, 20], version=1),
        mutable.Way(id=3, nodes=[30, 31], version=1, tags={"highway": "residential", "name": "Rua das Flores"}),
        mutable.Way(id=4, nodes=[31, 32], version=1, tags={"highway": "residential", "name": "Rua das Flores"}),
        mutable.Way(id=5, nodes=[32, 33], version=1, tags={"highway": "motorway", "name": "A 1"}),
        mutable.Way(id=6, nodes=[30, 33], version=1, tags={"highway": "footway"}),
        mutable.Way(id=7, nodes=[31, 33], version=1, tags={"highway": "pedestrian", "name": "Praça da Batalha"}),
        mutable.Relation(id=1, members=[("w", 2, "outer")], version=1,
            tags={"type": "multipolygon", "building": "yes", "addr:street": "Praça da Batalha", "addr:housenumber": "70"}),
    ]  # fmt: skip


def read(*files: Path, name: str | None = None) -> CityData:
    return read_city(files, name=name, time_zone="Europe/Lisbon", country_code="PT", holiday_region="13")


@pytest.mark.parametrize("suffix", [".osm.pbf", ".osm", ".osm.gz"])
def test_addresses_and_streets_of_a_small_town(tmp_path: Path, suffix: str) -> None:
    city = read(written(tmp_path / f"town{suffix}", small_town()))

    assert [
        (a.street, a.house_number, a.postcode)
        for a in sorted(city.addresses, key=lambda a: (a.street, a.house_number))
    ] == [
        ("Praça da Batalha", "61-65", None),
        ("Praça da Batalha", "70", None),
        ("Rua Alheia", "9", None),
        ("Rua das Flores", "12", None),
        ("Rua das Flores", "1; 2", "4000-100"),
    ]
    assert {(street.name, street.kind, len(street.lines)) for street in city.streets} == {
        ("Rua das Flores", "residential", 2),
        ("Praça da Batalha", "pedestrian", 1),
    }
    assert (city.name, city.attribution, city.source) == ("Porto", ATTRIBUTION, f"town{suffix}")
    building = next(a for a in city.addresses if a.house_number == "61-65")
    assert distance_m(building.point, Point(*reversed(at(11, 1)))) < 15


def test_several_files_are_one_city_and_a_name_that_is_given_wins(tmp_path: Path) -> None:
    north = written(
        tmp_path / "north.osm.pbf", [house(1, 0, 40, street="Rua Norte", housenumber="1", city="Maia")]
    )
    south = written(
        tmp_path / "south.osm.pbf",
        [
            house(2, 0, 0, street="Rua Sul", housenumber="1", city="Porto"),
            house(3, 1, 0, street="Rua Sul", housenumber="2", city="Porto"),
        ],
    )
    assert {a.street for a in read(north, south).addresses} == {"Rua Norte", "Rua Sul"}
    assert read(north, south).name == "Porto"
    assert read(north, south, name="Grande Porto").name == "Grande Porto"


def test_a_city_keeps_its_name_beside_a_map_of_many_streets_and_few_scattered_houses(tmp_path: Path) -> None:
    town = written(tmp_path / "town.osm.pbf", small_town())
    nodes = [bare(400 + i, i * 10, 30) for i in range(12)]
    ways = [
        mutable.Way(
            id=50 + i,
            nodes=[400 + i, 401 + i],
            version=1,
            tags={"highway": "residential", "name": f"Rua {i}"},
        )
        for i in range(11)
    ]
    scattered = [
        house(600 + i, i * 90, 90, street=f"Rua {i}", housenumber="1", city=place)
        for i, place in enumerate(("Maia", "Gaia"))
    ]
    roads = written(tmp_path / "roads.osm.pbf", [*nodes, *scattered, *ways])
    assert read(town, roads).name == "Porto"
    assert read(roads).name == "roads"


def test_where_addresses_are_few_buildings_show_where_people_live(tmp_path: Path) -> None:
    towers = [bare(100 + i, i, 0) for i in range(3)]
    roads = [bare(200 + i, i * 10, 0) for i in range(4)]
    file = written(tmp_path / "roads.osm.pbf", [
        *towers, *roads,
        mutable.Node(id=300, location=at(1, 1), version=1, tags={"building": "house"}),
        mutable.Way(id=1, nodes=[200, 201], version=1, tags={"highway": "residential", "name": "Rua A"}),
    ])  # fmt: skip
    city = read(file)
    assert (city.addresses, len(city.lived_at), city.name) == ((), 1, "roads")


def test_where_there_are_only_streets_their_corners_do(tmp_path: Path) -> None:
    file = written(tmp_path / "streets.osm.pbf", [
        *(bare(200 + i, i * 10, 0) for i in range(4)),
        mutable.Way(id=1, nodes=[200, 201, 202], version=1, tags={"highway": "residential", "name": "Rua A"}),
        mutable.Way(id=2, nodes=[202, 203], version=1, tags={"highway": "trunk", "name": "Via Rápida"}),
    ])  # fmt: skip
    assert len(read(file).lived_at) == 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such file"),
        (b"", "empty"),
        (b"\0\0\0\rnonsense", ""),
        (b"<osm version='0.6'><node", ""),
        (b"PK\3\4", ""),
    ],
    ids=["missing", "empty", "garbage", "cut off", "an archive"],
)
def test_a_file_that_is_no_map_is_named(tmp_path: Path, content: bytes | None, why: str) -> None:
    file = tmp_path / ("cut.osm" if content and content.startswith(b"<") else "broken.osm.pbf")
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(BrokenMapFile, match=f"{file.name} cannot be read") as refused:
        read(file)
    assert why in refused.value.message
    assert refused.value.message.endswith("give a complete OpenStreetMap extract (.osm.pbf).")


def test_a_file_that_is_cut_off_is_named(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.osm.pbf", small_town()).read_bytes()
    (tmp_path / "half.osm.pbf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BrokenMapFile, match=r"half\.osm\.pbf"):
        read(tmp_path / "half.osm.pbf")


def test_a_map_of_water_has_nothing_to_serve(tmp_path: Path) -> None:
    sea = written(
        tmp_path / "sea.osm.pbf",
        [bare(1, 0, 0), mutable.Node(id=2, location=at(1, 1), version=1, tags={"natural": "water"})],
    )
    with pytest.raises(BrokenMapFile, match="no street, building or address"):
        read(sea)


def test_a_city_without_a_place_to_live_draws_no_zone(db: Database) -> None:
    nothing = CityData("Nowhere", "Europe/Lisbon", "PT", None, "by hand", None, (), ())
    with pytest.raises(NothingToServe, match="Nowhere has no address"):
        db.write_now(lambda c, n: load(c, now=n, seed=read_seed(), city=nothing))


def extract(name: str) -> Path:
    """One of the real extracts of Porto, which lie beside the repository where they are at all."""
    if not (EXTRACTS / name).is_file():
        pytest.skip(f"{name} is not on this machine")
    return EXTRACTS / name


def found_first(conn: Connection, _now: object, *, text: str) -> Address:
    return find_address(conn, text=text)[0]


def test_the_centre_of_porto_has_1699_addresses_on_232_streets(db: Database) -> None:
    city = read(extract("porto-centre-full.osm.pbf"))
    assert (city.name, len(city.addresses), len({a.street for a in city.addresses})) == ("Porto", 1_699, 232)

    made = db.write_now(lambda c, n: load(c, now=n, seed=read_seed(), city=city))
    assert made.addresses == 1_699
    assert made.doors == 1_647
    assert 10 <= made.zones <= 45
    for text, label in (
        ("flores 12", "Rua das Flores 12, Porto"),
        ("praca liberdade 25", "Praça da Liberdade 25"),
        ("SANTA CATARINA 286", "Rua de Santa Catarina 286"),
    ):
        assert db.read_now(partial(found_first, text=text)).label.startswith(label)


@pytest.mark.parametrize("engine_name", ["sqlite"])  # it is large, and the centre is tried on both
def test_the_roads_around_porto_make_a_city_without_addresses(db: Database) -> None:
    city = read(extract("porto-metro-roads.osm.pbf"))
    assert len(city.addresses) == 64
    assert len(city.streets) > 6_000
    made = db.write_now(lambda c, n: load(c, now=n, seed=read_seed(), city=city))
    assert made.zones >= 10
    boavista = db.read_now(partial(found_first, text="avenida da boavista"))
    assert (boavista.house_number, boavista.label) == ("", "Avenida da Boavista, porto-metro-roads")
