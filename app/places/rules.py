"""Where things are: decisions about the map."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import h3

from app.values.point import Point

# H3 resolution 9: hexagons of about 0.1 km2, a few street blocks.
CELL_RESOLUTION = 9
# House numbers farther apart than this are not one building.
LONGEST_SPAN = 40
# So many hours after the end of their window goods may stay in a locker, unless operators say otherwise.
KEPT_H = 24
# The letter of a house number, written apart: '7 a', '7-A'.
_LETTER = re.compile(r"(\d)[\s-]+([^\W\d])\b")


class LockerClosedReason(StrEnum):
    """Why a locker cannot be had."""

    FULL = "FULL"
    TOO_SMALL = "TOO_SMALL"
    GOODS = "GOODS"


class NodeKind(StrEnum):
    """What kind of place picks the order."""

    STORE = "STORE"
    DARK_STORE = "DARK_STORE"
    MICRO_FULFILMENT_CENTRE = "MICRO_FULFILMENT_CENTRE"
    WAREHOUSE = "WAREHOUSE"
    MICRO_HUB = "MICRO_HUB"


@dataclass(frozen=True, slots=True)
class CompartmentSize:
    """So many compartments of a locker that hold so much."""

    volume_ml: int
    count: int


@dataclass(frozen=True, slots=True)
class Place:
    """A located address."""

    label: str
    point: Point
    line2: str | None = None


@dataclass(frozen=True, slots=True)
class CollectionPlace(Place):
    """A collection point as an address: who orders to it fetches the goods there."""


@dataclass(frozen=True, slots=True)
class AddressQuery:
    """How a caller names an address: by id, in writing, or by a point."""

    id: str | None = None
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    postal_code: str | None = None
    country_code: str | None = None
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class WrittenAddress:
    """A written street address, taken apart: folded words of the street, and the house number."""

    words: tuple[str, ...]
    house_number: str | None


def cell_of(point: Point) -> str:
    """The H3 cell that holds a point."""
    return str(h3.latlng_to_cell(point.latitude, point.longitude, CELL_RESOLUTION))


def fold(text: str) -> str:
    """Lower case without accents, punctuation as spaces: 'Praça da Batalha' -> 'praca da batalha'."""
    plain = unicodedata.normalize("NFKD", text.lower())
    kept = (c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join("".join(kept).split())


def taken_apart(text: str) -> WrittenAddress:
    """Words and house number of a written address; at most eight words are looked at.

    The last word that begins with a digit is the house number ('Rua 31 de Janeiro 12' is number 12,
    '12 High Street' too).
    """
    # What follows a comma is postcode and town, as in our own labels.
    street = text[:200].split(",")[0] or text[:200]
    words = _LETTER.sub(r"\1\2", fold(street)).split()[:8]
    number = next((i for i in reversed(range(len(words))) if words[i][0].isdigit()), None)
    if number is None or len(words) == 1:
        return WrittenAddress(tuple(words), None)
    return WrittenAddress((*words[:number], *words[number + 1 :]), words[number])


def house_numbers(written: str) -> tuple[str, ...]:
    """The houses that a map's number stands for: '1; 3,5' is three, '61-65' is 61, 63 and 65, '7-a' is 7A.

    A span whose ends are not on one side of the street, or too far apart to be one house, keeps its ends.
    """
    found: dict[str, None] = {}
    for part in re.split("[;,]", written):
        ends = [end.strip() for end in re.split("[-–/]", part)]
        if len(ends) == 2 and all(end.isdecimal() for end in ends) and int(ends[0]) < int(ends[1]):
            first, last = int(ends[0]), int(ends[1])
            side = 2 if (last - first) % 2 == 0 and last - first <= LONGEST_SPAN else last - first
            found |= dict.fromkeys(str(number) for number in range(first, last + 1, side))
        elif number := _LETTER.sub(r"\1\2", part.strip())[:20]:
            found[number.upper()] = None
    return tuple(found)


def is_house(written: str, house_number: str) -> bool:
    """Whether what somebody wrote names this house, and not one whose number only begins like it."""
    return fold(house_number) in ("", taken_apart(written).house_number or "")


def house_order(house_number: str) -> tuple[int, str]:
    """House numbers in the order of the street: 2, 12, 12A, 112."""
    digits = "".join(c for c in house_number if c.isdigit())
    return int(digits or 0), house_number
