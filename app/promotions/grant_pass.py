"""Give a customer a prepaid delivery pass."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection

from app.customers.register import register
from app.customers.rules import CustomerFacts
from app.database.idempotency import once, row_answer
from app.database.rows import add
from app.promotions.errors import InvalidPass
from app.promotions.pass_rules import PassTerms, pass_mistake
from app.promotions.tables import DeliveryPass
from app.values.actor import Actor


def grant_pass(
    conn: Connection, *, now: datetime, actor: Actor, customer: CustomerFacts, terms: PassTerms, key: str
) -> DeliveryPass:
    """The pass, for a customer who is made known if need be; the storefront has been paid for it.

    Raises InvalidPass, the refusals of customers, and those of `once`.
    """

    def work() -> DeliveryPass:
        mistake = pass_mistake(terms)
        if mistake:
            raise InvalidPass(field=("input",), mistake=mistake)
        holder = register(conn, now=now, actor=actor, facts=customer)
        row = DeliveryPass(
            storefront_id=actor.storefront_id, customer_id=holder.id, created_at=now, **asdict(terms)
        )
        add(conn, row)
        return row

    return once(
        conn,
        now=now,
        scope=f"{actor.storefront_id}:grant_pass",
        key=key,
        request={"customer": asdict(customer), "terms": asdict(terms)},
        answer=row_answer(DeliveryPass),
        work=work,
    )
