"""From what a caller writes to a place: the right house or none."""

from dataclasses import replace

import pytest

from app.database.runner import Database
from app.places.city import AddressData, CityData
from app.places.errors import AddressNotFound
from app.places.import_city import import_city
from app.places.rules import AddressQuery
from app.values.point import Point
from app.world.geocoder import TableGeocoder
from tests.factories import HOME
from tests.loops import in_a_loop

HOUSES = (
    AddressData("Rua das Flores", "12", "4000-100", HOME),
    AddressData("Rua das Flores", "120", "4000-100", replace(HOME, longitude=-8.612)),
    AddressData("Rua das Flores de Cima", "12", "4050-200", replace(HOME, longitude=-8.62)),
)


@pytest.fixture
def geocoder(db: Database) -> TableGeocoder:
    city = CityData("Porto", "Europe/Lisbon", "PT", None, "by hand", None, (), HOUSES)
    db.write_now(lambda c, n: import_city(c, now=n, city=city, zones=2, daily_orders=10))
    return TableGeocoder(db)


def label(geocoder: TableGeocoder, query: AddressQuery) -> str:
    return in_a_loop(geocoder.locate, query).label


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (AddressQuery(line1="Rua das Flores 12"), "Rua das Flores 12, 4000-100 Porto"),
        (AddressQuery(line1="flores 120"), "Rua das Flores 120, 4000-100 Porto"),
        (
            AddressQuery(line1="flores 12", postal_code="4050-200"),
            "Rua das Flores de Cima 12, 4050-200 Porto",
        ),
        (AddressQuery(line1="flores 12", country_code="PT"), "Rua das Flores 12, 4000-100 Porto"),
        (AddressQuery(line1="FLORES 12", city="porto"), "Rua das Flores 12, 4000-100 Porto"),
    ],
)
def test_a_written_address_is_found(geocoder: TableGeocoder, query: AddressQuery, found: str) -> None:
    assert label(geocoder, query) == found


@pytest.mark.parametrize(
    "query",
    [
        AddressQuery(line1="Rua das Flores 1"),  # not 12, though it begins like it
        AddressQuery(line1="Rua das Flores"),  # which house?
        AddressQuery(line1="Rua das Flores 999"),
        AddressQuery(line1="Rua das Flores 12", postal_code="9999-999"),
        AddressQuery(line1="Rua das Flores 12", city="Lisboa"),
        AddressQuery(line1="Rua das Flores 12", country_code="ES"),
        AddressQuery(line1=""),
        AddressQuery(id="nothing"),
    ],
)
def test_another_house_is_never_taken_for_the_one_that_was_written(
    geocoder: TableGeocoder, query: AddressQuery
) -> None:
    with pytest.raises(AddressNotFound, match="pick one of addressSuggestions or send a point"):
        label(geocoder, query)


def test_a_point_is_named_after_the_house_beside_it_and_stays_where_it_is(geocoder: TableGeocoder) -> None:
    beside = replace(HOME, latitude=HOME.latitude + 0.0003)
    place = in_a_loop(geocoder.locate, AddressQuery(point=beside, line2="2nd floor"))
    assert (place.label, place.point, place.line2) == (
        "Rua das Flores 12, 4000-100 Porto",
        beside,
        "2nd floor",
    )
    assert label(geocoder, AddressQuery(point=Point(41.3, -8.5))) == "41.30000, -8.50000"


def test_what_was_found_is_remembered(geocoder: TableGeocoder, db: Database) -> None:
    query = AddressQuery(line1="Rua das Flores 12")
    first = in_a_loop(geocoder.locate, query)
    db.write_now(lambda c, _: c.exec_driver_sql("DELETE FROM address") and None)
    assert in_a_loop(geocoder.locate, query) == first
