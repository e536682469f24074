"""API keys: who calls, and when a key speaks for nobody."""

from functools import partial

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from app.database.rows import rows, table_of
from app.database.runner import Database
from app.storefronts.authenticate import authenticate
from app.storefronts.errors import KeyNotFound, NotAuthenticated, StorefrontNotFound
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import average_basket, storefront_by_id, storefront_by_key
from app.storefronts.revoke_key import revoke_key
from app.storefronts.tables import ApiKey
from app.values.actor import Actor, Role
from app.values.money import Money
from tests.factories import NOW, make_storefront


def issued(
    db: Database, key: str, *, name: str = "till", role: Role = Role.STOREFRONT, loopback: bool = False
) -> str:
    """A storefront with this key; returns the storefront's id."""

    def work(conn: Connection, _now: object) -> str:
        shop = make_storefront(conn).id
        issue_key(conn, now=NOW, storefront_id=shop, key=key, name=name, role=role, loopback_only=loopback)
        return shop

    return db.write_now(work)


def caller(db: Database, key: str | None, *, loopback: bool = True) -> Actor:
    return db.read_now(lambda c, _: authenticate(c, key=key, loopback=loopback))


def test_a_key_speaks_for_its_storefront_with_its_role(db: Database) -> None:
    first, second = issued(db, "first"), issued(db, "second", name="boss", role=Role.OPERATOR)
    assert caller(db, "first") == Actor(first, Role.STOREFRONT, "till")
    assert caller(db, "second") == Actor(second, Role.OPERATOR, "boss")
    assert caller(db, "second").is_operator
    assert not caller(db, "first").is_operator


@pytest.mark.parametrize("key", [None, "", "First", "first ", "firs", "x" * 10_000, "' or 1=1 --", "ã\u0000"])
def test_a_missing_or_wrong_key_speaks_for_nobody(db: Database, key: str | None) -> None:
    issued(db, "first")
    with pytest.raises(NotAuthenticated, match="Send the header Authorization: Bearer <API key>"):
        caller(db, key)


def test_a_revoked_key_is_not_known_any_longer_and_its_neighbours_are(db: Database) -> None:
    shop, other = issued(db, "old"), issued(db, "other shop's")
    more = partial(issue_key, now=NOW, storefront_id=shop, role=Role.STOREFRONT)
    db.write_now(lambda c, _: more(c, key="old too", name="till") and None)
    db.write_now(lambda c, _: more(c, key="new", name="app") and None)

    assert db.write_now(lambda c, n: revoke_key(c, now=n, storefront_id=shop, name="till")) == 2
    for gone in ("old", "old too"):
        with pytest.raises(NotAuthenticated, match="not known or was revoked"):
            caller(db, gone)
    assert caller(db, "new").storefront_id == shop
    assert caller(db, "other shop's").storefront_id == other
    with pytest.raises(KeyNotFound):
        db.write_now(lambda c, n: revoke_key(c, now=n, storefront_id=shop, name="till"))
    with pytest.raises(KeyNotFound):
        db.write_now(lambda c, n: revoke_key(c, now=n, storefront_id=other, name="app"))


def test_a_revoked_key_cannot_be_issued_back_to_life(db: Database) -> None:
    shop = issued(db, "old")
    db.write_now(lambda c, n: revoke_key(c, now=n, storefront_id=shop, name="till"))
    db.write_now(
        lambda c, n: (
            issue_key(c, now=n, storefront_id=shop, key="old", name="till", role=Role.STOREFRONT) and None
        )
    )
    with pytest.raises(NotAuthenticated):
        caller(db, "old")


def test_the_demo_key_is_good_on_this_machine_only(db: Database) -> None:
    shop = issued(db, "demo-key", loopback=True)
    assert caller(db, "demo-key", loopback=True).storefront_id == shop
    with pytest.raises(NotAuthenticated, match="this machine only; issue a key of your own"):
        caller(db, "demo-key", loopback=False)


def test_only_a_digest_is_stored_and_issuing_again_changes_nothing(db: Database) -> None:
    shop = issued(db, "a very secret key")
    again = db.write_now(
        lambda c, n: issue_key(
            c, now=n, storefront_id=shop, key="a very secret key", name="x", role=Role.OPERATOR
        )
    )
    (kept,) = db.read_now(lambda c, _: rows(c, ApiKey, sa.select(table_of(ApiKey))))
    assert (again.id, kept.role, kept.name) == (kept.id, Role.STOREFRONT, "till")
    assert "secret" not in kept.model_dump_json()


def test_a_storefront_is_found_by_its_key_or_is_the_first(db: Database) -> None:
    first, second = (db.write_now(lambda c, _: make_storefront(c)) for _ in range(2))
    by_key = {key: db.read_now(partial(_by_key, key=key)) for key in (None, second.key)}
    assert by_key == {None: first.id, second.key: second.id}
    with pytest.raises(StorefrontNotFound, match="no storefront nowhere; load a seed first"):
        db.read_now(partial(_by_key, key="nowhere"))
    with pytest.raises(StorefrontNotFound):
        db.read_now(lambda c, _: storefront_by_id(c, "nowhere"))


def _by_key(conn: Connection, _now: object, *, key: str | None) -> str:
    return storefront_by_key(conn, key).id


def test_the_average_basket_stands_in_for_what_is_not_said(db: Database) -> None:
    basket = average_basket(db.write_now(lambda c, _: make_storefront(c)))
    assert (basket.value, basket.weight_g, basket.volume_ml) == (Money(4_500, "EUR"), 12_000, 40_000)
