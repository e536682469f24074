"""HTTP around GraphQL: keys, methods, malformed requests, limits; every error is JSON with a code."""

from typing import Any

import pytest
from graphql import get_introspection_query
from sqlalchemy import Connection

from app.database.engine import engine_for
from app.database.runner import Database
from app.storefronts.authenticate import authenticate
from app.storefronts.errors import NotAuthenticated
from app.storefronts.issue_key import issue_key
from app.values.actor import Role
from schema.limits import too_large
from tests.api import KEY, Api, client_on
from tests.schema.conftest import Opened

AUTH = {"Authorization": f"Bearer {KEY}"}


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}, {"X-API-Key": "wrong"}]
)
def test_a_missing_or_wrong_key_is_refused_with_the_fix(api: Api, headers: dict[str, str]) -> None:
    answer = api.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
    assert answer.status_code == 401
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "Authorization: Bearer" in error["message"]


def test_both_headers_carry_a_key(api: Api) -> None:
    for headers in (AUTH, {"X-API-Key": KEY}):
        answer = api.client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
        assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize(
    "body",
    [b"7", b'"x"', b"null", b"[]", b"", b"{", b"\xff\xfe", b'{"query": 7}', b'{"query": ""}']
    + [
        b'{"query": "{ __typename }", "variables": 7}',
        b'{"query": "{a}", "x": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
def test_a_malformed_request_is_a_clear_400(api: Api, body: bytes) -> None:
    headers = {**AUTH, "Content-Type": "application/json"}
    answer = api.client.post("/graphql", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_other_media_and_methods_are_refused_in_json(api: Api) -> None:
    as_text = api.client.post("/graphql", content="{}", headers={**AUTH, "Content-Type": "text/plain"})
    html = api.client.get("/graphql?query={__typename}", headers={**AUTH, "Accept": "text/html"})
    mutation = api.client.get(
        "/graphql",
        params={"query": 'mutation { releaseHold(input: {holdId: "x"}) { __typename } }'},
        headers=AUTH,
    )
    assert [as_text.status_code, html.status_code, mutation.status_code] == [415, 406, 405]
    assert mutation.headers["allow"] == "POST"
    assert mutation.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"
    assert api.client.get("/graphql?query={__typename}", headers=AUTH).json() == {
        "data": {"__typename": "Query"}
    }


def test_the_newer_media_type_has_statuses_of_its_own(api: Api) -> None:
    accept = {**AUTH, "Accept": "application/graphql-response+json"}
    for query in ("{", "{ nothing }"):
        newer = api.client.post("/graphql", json={"query": query}, headers=accept)
        older = api.client.post("/graphql", json={"query": query}, headers=AUTH)
        assert (newer.status_code, older.status_code) == (400, 200)
        assert newer.headers["content-type"].startswith("application/graphql-response+json")
        assert "data" not in newer.json()
        assert newer.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


def test_a_body_beyond_the_limit_is_refused(api: Api) -> None:
    answer = api.client.post("/graphql", json={"query": "x" * 120_000}, headers=AUTH)
    assert answer.status_code == 413


HOSTILE = {
    "deep": "{" + "node(id: 1) {" * 30 + "id" + "}" * 31,
    "aliases": "{" + " ".join(f"a{i}: __typename" for i in range(100)) + "}",
    "repeats": "{" + " ".join("__typename" for _ in range(400)) + "}",
    "tokens": "{" + " ".join(f"f{i}" for i in range(3_000)) + "}",
    "fragments": "{ ...f0 } "
    + " ".join(f"fragment f{i} on Query {{ ...f{i + 1} ...f{i + 1} x{i} }}" for i in range(20))
    + " fragment f20 on Query { __typename }",
    "cycle": "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
    "directives": "{ __typename " + "@skip(if: false) " * 200 + "}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_before_it_is_validated(api: Api, name: str) -> None:
    too_large.cache_clear()
    assert too_large(HOSTILE[name])
    answer = api.client.post("/graphql", json={"query": HOSTILE[name]}, headers=AUTH)
    assert answer.json()["errors"][0]["extensions"]["code"] == "DOCUMENT_TOO_LARGE"


def test_introspection_is_answered(api: Api) -> None:
    body = api.send(get_introspection_query())
    assert body["data"]["__schema"]["queryType"]["name"] == "Query"


def test_a_fault_of_ours_is_masked_with_an_id_to_quote(api: Api, db: Database) -> None:
    def broken(conn: Connection, _now: object) -> None:
        conn.exec_driver_sql("UPDATE delivery_slot SET time_zone = 'Nowhere/Land'")

    db.write_now(broken)
    where = "{point: {latitude: 41.1456, longitude: -8.6109}}"
    (error,) = api.send(f"{{ slotAvailability(address: {where}) {{ inventoryVersion }} }}")["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["requestId"]
    assert "Nowhere" not in error["message"]


def test_a_database_without_tables_names_the_command(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    engine_for(url).connect().close()
    db = Database(url)
    try:
        with client_on(db) as client:
            answer = client.post("/graphql", json={"query": "{ __typename }"}, headers=AUTH)
            assert answer.status_code == 503
            assert answer.json()["errors"][0]["extensions"]["code"] == "DATABASE_NOT_MIGRATED"
            assert "lastlap migrate" in client.get("/").text
            assert client.get("/healthz").status_code == 200
            ready = client.get("/readyz")
            assert ready.status_code == 503
            assert "lastlap migrate" in ready.json()["migrations"]
    finally:
        db.close()


def test_the_demo_key_is_good_on_this_machine_only(db: Database, opened: Opened) -> None:
    storefront = opened.shop.actor.storefront_id
    db.write_now(
        lambda c, n: issue_key(
            c,
            now=n,
            storefront_id=storefront,
            key="demo-key",
            name="demo",
            role=Role.STOREFRONT,
            loopback_only=True,
        )
    )
    assert db.read_now(lambda c, _: authenticate(c, key="demo-key", loopback=True)).name == "demo"
    with pytest.raises(NotAuthenticated, match="this machine only"):
        db.read_now(lambda c, _: authenticate(c, key="demo-key", loopback=False))
