"""Know a customer under the storefront's reference."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from typing import Any

import phonenumbers
import sqlalchemy as sa
from babel import Locale, UnknownLocaleError
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from app.customers.errors import (
    InvalidEmail,
    InvalidGroup,
    InvalidLocale,
    InvalidName,
    InvalidPhone,
    InvalidReference,
)
from app.customers.rules import CustomerFacts, is_group
from app.customers.tables import Customer
from app.database.rows import made, rows, table_of
from app.errors import Invalid
from app.values.actor import Actor


def register(conn: Connection, *, now: datetime, actor: Actor, facts: CustomerFacts) -> Customer:
    """The customer with this reference, made or brought up to date; what is not given stays.

    Raises InvalidReference, InvalidName, InvalidEmail, InvalidPhone, InvalidLocale, InvalidGroup.
    """
    (customer,) = _upserted(conn, [_fresh(now, actor.storefront_id, facts)])
    return customer


def register_many(
    conn: Connection, *, now: datetime, told: Sequence[tuple[Actor, CustomerFacts]]
) -> dict[tuple[str, str], Customer]:
    """Many customers in one statement, by storefront and reference; what makes no sense is left out.

    No reference of a storefront may be told twice.
    """
    fresh = []
    for actor, facts in told:
        with suppress(Invalid):
            fresh.append(_fresh(now, actor.storefront_id, facts))
    # In one order, so that two batches that know the same customers wait for each other and never cross.
    fresh.sort(key=lambda customer: (customer.storefront_id, customer.reference))
    return {(c.storefront_id, c.reference): c for c in (_upserted(conn, fresh) if fresh else [])}


def _fresh(now: datetime, storefront_id: str, facts: CustomerFacts) -> Customer:
    known = _checked(facts)
    return made(Customer, storefront_id=storefront_id, reference=facts.reference, created_at=now, **known)


def _upserted(conn: Connection, fresh: Sequence[Customer]) -> list[Customer]:
    told = [{name: getattr(customer, name) for name in Customer.model_fields} for customer in fresh]
    return rows(conn, Customer, _upsert(conn.dialect.name), told)


@cache
def _upsert(dialect: str) -> sa.Executable:
    table = table_of(Customer)
    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    kept = {name: sa.func.coalesce(statement.excluded[name], table.c[name]) for name in _OPTIONAL}
    upserting = statement.on_conflict_do_update(index_elements=["storefront_id", "reference"], set_=kept)
    return upserting.returning(table)


_OPTIONAL = ("name", "email", "phone", "locale", "customer_group")


def _checked(facts: CustomerFacts) -> dict[str, Any]:
    if not 1 <= len(facts.reference) <= 100:
        raise InvalidReference(field=("input", "customer", "reference"))
    if facts.name is not None and (len(facts.name) > 200 or not facts.name.isprintable()):
        raise InvalidName(field=("input", "customer", "name"))
    if facts.customer_group is not None and not is_group(facts.customer_group):
        raise InvalidGroup(field=("input", "customer", "group"))
    return {
        "name": (facts.name or "").strip() or None,
        "email": _email(facts.email) if facts.email else None,
        "phone": _phone(facts.phone) if facts.phone else None,
        "locale": _locale(facts.locale) if facts.locale else None,
        "customer_group": facts.customer_group,
    }


def _email(text: str) -> str:
    try:
        # Reserved test domains are for mailboxes that never leave the house, so they are let in.
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as why:
        raise InvalidEmail(field=("input", "customer", "email"), why=str(why)) from why
    return checked.normalized


def _phone(text: str) -> str:
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as why:
        raise InvalidPhone(field=("input", "customer", "phone")) from why
    if not phonenumbers.is_possible_number(number):
        raise InvalidPhone(field=("input", "customer", "phone"))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _locale(text: str) -> str:
    try:
        return str(Locale.parse(text.replace("-", "_")))
    except (ValueError, UnknownLocaleError) as why:
        raise InvalidLocale(field=("input", "customer", "locale")) from why
