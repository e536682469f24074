"""The roof: health, readiness, request ids, headers, and who may use the demo key."""

from uuid import uuid4

import pytest
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from starlette.testclient import TestClient

from app.allocation.rules import RunStatus
from app.allocation.tables import AllocationRun
from app.database.rows import add
from app.database.runner import Database
from app.main import build_app
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from tests.api import client_on, world_on
from tests.factories import NOW, make_storefront
from tests.processes import ROOT

QUERY = {"query": "{ __typename }"}


def migrated(conn: Connection, _now: object) -> None:
    """The tests' tables are made from the models; this notes that the migrations would make the same."""
    MigrationContext.configure(conn).stamp(ScriptDirectory(str(ROOT / "alembic")), "head")


def published(conn: Connection, _now: object) -> None:
    run = AllocationRun(
        status=RunStatus.PUBLISHED,
        trigger="test",
        started_at=NOW,
        first_day=NOW.date(),
        days=14,
        currency="EUR",
    )
    add(conn, run)


def test_ready_means_reached_migrated_and_planned(db: Database) -> None:
    db.write_now(lambda c, _: c.exec_driver_sql("DROP TABLE IF EXISTS alembic_version") and None)
    with client_on(db) as client:
        bare = client.get("/readyz")
        assert bare.status_code == 503
        assert bare.json()["migrations"] == "missing: run `lastlap migrate`"
        db.write_now(migrated)
        unplanned = client.get("/readyz")
        assert unplanned.status_code == 503
        assert unplanned.json()["plan"] == "missing: run `lastlap plan`"
        db.write_now(published)
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"ready": True, "database": "ok", "migrations": "ok", "plan": "ok"}


def test_a_database_that_does_not_answer_is_not_ready_and_the_process_is_healthy() -> None:
    db = Database("postgresql://ana:sesame@127.0.0.1:9/shop")
    with client_on(db) as client:
        answer = client.get("/readyz")
        health = client.get("/healthz")
    db.close()
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "database": "not reached"})
    assert (health.status_code, health.text) == (200, "ok")


def test_every_answer_has_a_request_id_and_a_callers_own_is_kept(db: Database) -> None:
    mine = str(uuid4())
    with client_on(db) as client:
        for path in ("/healthz", "/graphql", "/nowhere"):
            assert client.get(path).headers["x-request-id"]
            assert client.get(path, headers={"X-Request-ID": mine}).headers["x-request-id"] == mine
        forged = client.get("/healthz", headers={"X-Request-ID": "a\\nforged line"})
        assert "forged" not in forged.headers["x-request-id"]


def test_every_answer_forbids_what_pages_do_not_need(db: Database) -> None:
    with client_on(db) as client:
        for path in ("/healthz", "/graphql", "/", "/static/shop.css", "/nowhere"):
            headers = client.get(path).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["content-security-policy"].startswith("default-src 'self'")
            assert "unsafe" not in headers["content-security-policy"]


def demo_shop(conn: Connection, _now: object) -> None:
    storefront = make_storefront(conn).id
    issue_key(
        conn,
        now=NOW,
        storefront_id=storefront,
        key="demo-key",
        name="demo",
        role=Role.STOREFRONT,
        loopback_only=True,
    )
    issue_key(conn, now=NOW, storefront_id=storefront, key="own-key", name="own", role=Role.STOREFRONT)


@pytest.mark.parametrize(
    ("peer", "headers", "good"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("10.1.2.3", {}, False),
        ("not an address", {}, False),
        ("127.0.0.1", {"X-Forwarded-For": "10.1.2.3"}, False),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, False),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, False),
        ("127.0.0.1", {"Via": "1.1 proxy"}, False),
        ("10.1.2.3", {"X-Forwarded-For": "127.0.0.1"}, False),
    ],
)
def test_the_demo_key_is_good_on_this_machine_only_and_not_through_a_proxy(
    db: Database, peer: str, headers: dict[str, str], good: bool
) -> None:
    db.write_now(demo_shop)
    with TestClient(build_app(world=world_on(db)), client=(peer, 50_000)) as client:
        for key, works in (("demo-key", good), ("own-key", True)):
            sent = {**headers, "Authorization": f"Bearer {key}"}
            answer = client.post("/graphql", json=QUERY, headers=sent)
            assert answer.status_code == (200 if works else 401)
            if not works:
                (error,) = answer.json()["errors"]
                assert error["message"] == "The demo key works on this machine only; issue a key of your own."
