"""A message ready to be rendered, and how one is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from app.customers.tables import Customer
from app.engagement.calendar import Entry
from app.storefronts.tables import Storefront


class Urls(Protocol):
    """The signed pages that messages lead to."""

    def booking_url(self, booking_id: str) -> str:
        """The page of a booking."""

    def hold_url(self, hold_id: str) -> str:
        """The page of a hold."""

    def customer_url(self, customer_id: str) -> str:
        """The page of all bookings of a customer."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message ready to be rendered: to whom, in which language, saying what; once per `dedup_key`."""

    template: str
    dedup_key: str
    storefront: Storefront
    customer: Customer
    locale: str
    facts: Mapping[str, Any]
    booking_id: str | None = None
    entry: Entry | None = None


type Writer = Callable[[Connection, datetime, Mapping[str, Any], Urls], Letter]
