"""Customers are known once per storefront, with facts that make sense."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.customers.errors import InvalidEmail, InvalidLocale, InvalidName, InvalidPhone, InvalidReference
from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.database.runner import Database
from app.errors import Refusal
from tests.factories import make_shop


def test_what_is_not_given_stays(db: Database) -> None:
    shop = db.write_now(lambda c, _: make_shop(c))
    full = CustomerFacts("c-1", "Ana", "Ana@Example.com", "+351 912 345 678", "pt-PT")
    first = db.write_now(lambda c, n: register(c, now=n, actor=shop.actor, facts=full))
    again = db.write_now(
        lambda c, n: register(c, now=n, actor=shop.actor, facts=CustomerFacts("c-1", name="Ana Lima"))
    )

    assert again.id == first.id
    assert (again.name, again.email, again.phone, again.locale) == (
        "Ana Lima",
        "Ana@example.com",
        "+351912345678",
        "pt_PT",
    )


def test_twins_make_one_customer(db: Database) -> None:
    shop = db.write_now(lambda c, _: make_shop(c))
    facts = CustomerFacts("c-1")
    with ThreadPoolExecutor(8) as threads:
        made = list(
            threads.map(
                lambda _: db.write_now(lambda c, n: register(c, now=n, actor=shop.actor, facts=facts)).id,
                range(20),
            )
        )
    assert len(set(made)) == 1


@pytest.mark.parametrize(
    ("facts", "refusal"),
    [
        ({"reference": ""}, InvalidReference),
        ({"reference": "x" * 101}, InvalidReference),
        ({"reference": "c", "name": "a\nb"}, InvalidName),
        ({"reference": "c", "email": "ana at home"}, InvalidEmail),
        ({"reference": "c", "phone": "912345678"}, InvalidPhone),
        ({"reference": "c", "locale": "xx-nowhere"}, InvalidLocale),
    ],
)
def test_facts_without_sense_name_their_field(
    db: Database, facts: dict[str, Any], refusal: type[Refusal]
) -> None:
    shop = db.write_now(lambda c, _: make_shop(c))
    with pytest.raises(refusal) as refused:
        db.write_now(lambda c, n: register(c, now=n, actor=shop.actor, facts=CustomerFacts(**facts)))
    assert refused.value.field[:2] == ("input", "customer")
