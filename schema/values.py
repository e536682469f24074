"""Scalars and small values of the schema, strict where the defaults are not."""

import enum
import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NewType
from zoneinfo import ZoneInfo

import strawberry
from graphql import GraphQLError

from app.values.money import Money as MoneyValue
from app.values.point import Point as PointValue
from app.values.window import ZonedWindow
from schema.onto import onto

TimeZone = NewType("TimeZone", str)
CountryCode = NewType("CountryCode", str)
EmailAddress = NewType("EmailAddress", str)
PhoneNumber = NewType("PhoneNumber", str)
Locale = NewType("Locale", str)

_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,6})?")


def _date_time(value: Any) -> datetime:
    if not isinstance(value, str) or not _DATE_TIME.fullmatch(value):
        raise GraphQLError("A DateTime is RFC 3339 text with an offset, like 2026-11-25T18:00:00+00:00.")
    try:
        return datetime.fromisoformat(value)
    except ValueError as why:
        raise GraphQLError(f"There is no such moment: {value}.") from why


def _date(value: Any) -> date:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise GraphQLError("A Date is a calendar day, like 2026-11-25.")
    try:
        return date.fromisoformat(value)
    except ValueError as why:
        raise GraphQLError(f"There is no such day: {value}.") from why


def _decimal(value: Any) -> Decimal:
    if not isinstance(value, str) or not _DECIMAL.fullmatch(value):
        raise GraphQLError('An amount is text with a decimal point, like "3.50"; numbers are refused.')
    try:
        return Decimal(value)
    except InvalidOperation as why:
        raise GraphQLError("This is not an amount.") from why


def _text(name: str, pattern: str, example: str) -> Any:
    known = re.compile(pattern)

    def parse(value: Any) -> str:
        if not isinstance(value, str) or not known.fullmatch(value):
            raise GraphQLError(f"{name} is text like {example}.")
        return value

    return parse


def _zone(value: Any) -> str:
    try:
        return ZoneInfo(str(value)).key
    except (ValueError, OSError) as why:
        raise GraphQLError("A TimeZone is an IANA name, like Europe/Lisbon.") from why


SCALARS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="RFC 3339 with an offset; refused without.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=lambda value: value.isoformat(),
        parse_value=_date_time,
    ),
    date: strawberry.scalar(
        name="Date",
        description="Calendar day at the address, ISO 8601.",
        serialize=lambda value: value.isoformat(),
        parse_value=_date,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description="Text with the currency's number of places; numbers are refused on input.",
        specified_by_url="https://scalars.graphql.org/chillicream/decimal.html",
        serialize=str,
        parse_value=_decimal,
    ),
    TimeZone: strawberry.scalar(
        name="TimeZone",
        description="An IANA time zone.",
        specified_by_url="https://www.iana.org/time-zones",
        serialize=str,
        parse_value=_zone,
    ),
    CountryCode: strawberry.scalar(
        name="CountryCode",
        description="ISO 3166-1 alpha-2.",
        serialize=str,
        parse_value=_text("A CountryCode", "[A-Z]{2}", '"PT"'),
    ),
    EmailAddress: strawberry.scalar(
        name="EmailAddress",
        description="An e-mail address.",
        serialize=str,
        parse_value=_text("An EmailAddress", r"\S{1,254}", '"ana@example.com"'),
    ),
    PhoneNumber: strawberry.scalar(
        name="PhoneNumber",
        description="E.164.",
        serialize=str,
        parse_value=_text("A PhoneNumber", r"\+[0-9 ]{4,20}", '"+351912345678"'),
    ),
    Locale: strawberry.scalar(
        name="Locale",
        description="BCP 47.",
        serialize=str,
        parse_value=_text("A Locale", r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*", '"pt-PT"'),
    ),
}


@strawberry.enum(description="Every currency the retailer may ever trade in.")
class CurrencyCode(enum.Enum):
    """ISO 4217."""

    EUR = "EUR"
    GBP = "GBP"
    USD = "USD"


@onto(MoneyValue, description="An amount of money.")
class Money:
    """Money."""

    amount: Decimal = strawberry.field(description="In major units, as text.")
    currency: CurrencyCode = strawberry.field(name="currencyCode", description="Its currency.")


@strawberry.input(description="An amount of money.")
class MoneyInput:
    """Money, as told."""

    amount: Decimal = strawberry.field(description="In major units, as text.")
    currency_code: CurrencyCode = strawberry.field(description="Its currency.")

    def value(self) -> MoneyValue:
        """The amount; more places than the currency has are refused."""
        try:
            return MoneyValue.of(self.amount, self.currency_code.value)
        except ValueError as why:
            raise GraphQLError(f"{why}.") from why


@onto(ZonedWindow, description="Half-open: the end does not belong to it. Offsets are those of timeZone.")
class TimeWindow:
    """A window."""

    starts_at: datetime = strawberry.field(description="The first instant.")
    ends_at: datetime = strawberry.field(description="The first instant after it.")
    time_zone: TimeZone = strawberry.field(description="Whose wall clock the offsets follow.")


@onto(PointValue, description="A place on the ground, WGS84 degrees.")
class Point:
    """A point."""

    latitude: float = strawberry.field(description="Degrees north.")
    longitude: float = strawberry.field(description="Degrees east.")


@strawberry.input(description="WGS84 degrees.")
class PointInput:
    """A point, as told."""

    latitude: float = strawberry.field(description="Degrees north, -90 to 90.")
    longitude: float = strawberry.field(description="Degrees east, -180 to 180.")

    def value(self) -> PointValue:
        """The point; degrees out of range are refused."""
        try:
            return PointValue(self.latitude, self.longitude)
        except ValueError as why:
            raise GraphQLError(
                f"The point is malformed: {why}.", extensions={"field": ["address", "point"]}
            ) from why
