"""A client of the real application on a test's database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from starlette.testclient import TestClient

from app.database.runner import Database
from app.main import build_app
from app.worker.run import work_once
from app.world.geocoder import TableGeocoder
from app.world.links import Links
from app.world.mail import MailboxMail
from app.world.world import World
from tests.loops import in_a_loop

KEY = "test-key-of-the-first-storefront"
SECRET = "a secret that only tests know, and long enough"


@dataclass
class Api:
    """Sends GraphQL with a key and gives back what came."""

    client: TestClient
    key: str | None = KEY

    def send(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        answer = self.client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        body: dict[str, Any] = answer.json()
        return body

    def data(self, query: str, **variables: Any) -> Any:
        """The data of an answer without errors."""
        body = self.send(query, **variables)
        assert "errors" not in body, body["errors"]
        return body["data"]

    def codes(self, query: str, **variables: Any) -> list[str]:
        """The codes of the errors that came."""
        return [error["extensions"]["code"] for error in self.send(query, **variables)["errors"]]


def world_on(db: Database) -> World:
    """The World of a test: real rooms, mail into the mailbox."""
    return World(
        db=db,
        geocoder=TableGeocoder(db),
        mail=MailboxMail(db),
        links=Links([SECRET]),
        base_url="http://testserver",
        has_mailbox=True,
        demo=True,
    )


def worked(world: World) -> int:
    """Run the jobs that are due."""
    return in_a_loop(work_once, world)


@contextmanager
def client_on(db: Database) -> Iterator[TestClient]:
    """A client on the loopback interface of the real application."""
    app = build_app(world=world_on(db))
    with TestClient(app, client=("127.0.0.1", 50_000), raise_server_exceptions=False) as client:
        yield client
