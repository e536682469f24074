"""slotAvailability of a week over HTTP, beside a bare JSON route that answers the same bytes."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.page import Section, Table, spread
from benchmarks.server import Request, Server, requests_per_cpu_s, serving
from benchmarks.shop import KEY, STREET, Shop, shops

NAME = "availability"
TITLE = "slotAvailability of a week over HTTP"
QUERY = """query Week($line1: String!, $from: Date!, $to: Date!) {
  slotAvailability(address: {postal: {line1: $line1, countryCode: "PT"}}, from: $from, to: $to) {
    address { label zone { name } } inventoryVersion validUntil
    days { date offers {
      slot { id window { startsAt endsAt timeZone } cutoffAt }
      available heldByCustomer labels vehicleKind
      closed { reason message } fee { total { amount currencyCode } } emissions { gramsCo2e }
    } }
  }
}"""
CALLERS = 4
ROUNDS = 9
REQUESTS, PLAIN_REQUESTS = 80, 2_000


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured on one engine: requests per CPU second in each round, and their ratios."""

    shop: Shop
    slots: int
    size: int
    ours: list[float]
    plain: list[float]

    @property
    def ratios(self) -> list[float]:
        """Ours over the plain route, round by round."""
        return [a / b for a, b in zip(self.ours, self.plain, strict=True)]


def run() -> Section:
    """Measure on both engines."""
    with shops() as made:
        found = [measured(shop, ROUNDS, REQUESTS, PLAIN_REQUESTS) for shop in made]
    return section(found)


def measured(shop: Shop, rounds: int, requests: int, plain_requests: int) -> Found:
    """Interleaved rounds of our query and the plain route, each server in a process of its own."""
    query, plain_route = request_of(shop), Request("GET", "/")
    environment = {"LASTLAP_DEMO": "1", "LASTLAP_LOG_LEVEL": "WARNING", "DATABASE_URL": shop.url}
    with serving(["-m", "app.cli", "serve"], environment) as ours, tempfile.TemporaryDirectory() as folder:
        answer = answered(ours, query)
        file = Path(folder) / "answer.json"
        file.write_bytes(answer)
        with serving(["-m", "benchmarks.plain", str(file)]) as plain:
            if answered(plain, plain_route) != answer:
                raise SystemExit("the plain route does not answer the same bytes")
            requests_per_cpu_s(ours, query, count=max(1, requests // 4), callers=CALLERS)
            rates = []
            for _ in range(rounds):
                a = requests_per_cpu_s(ours, query, count=requests, callers=CALLERS)
                b = requests_per_cpu_s(plain, plain_route, count=plain_requests, callers=CALLERS)
                rates.append((a, b))
                print(f"{NAME} {shop.engine}: {a:.1f} and {b:.0f} requests per CPU s", flush=True)
    return Found(shop, len(offers(answer)), len(answer), [a for a, _ in rates], [b for _, b in rates])


def request_of(shop: Shop) -> Request:
    """The query for every day of the shop's plan."""
    last = shop.first + timedelta(days=shop.days - 1)
    variables: Mapping[str, Any] = {"line1": STREET, "from": shop.first.isoformat(), "to": last.isoformat()}
    body = json.dumps({"query": QUERY, "variables": variables}).encode()
    return Request(
        "POST", "/graphql", body, {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    )


def answered(server: Server, request: Request) -> bytes:
    """One answer."""
    connection = server.connect()
    try:
        return request.sent(connection)
    finally:
        connection.close()


def offers(answer: bytes) -> list[Any]:
    """The windows in an answer; an answer with errors ends the benchmark."""
    told = json.loads(answer)
    if "errors" in told:
        raise SystemExit(f"the query is refused: {told['errors']}")
    return [offer for day in told["data"]["slotAvailability"]["days"] for offer in day["offers"]]


def section(found: list[Found]) -> Section:
    """The table."""
    rows = [
        (
            one.shop.engine,
            f"{one.slots} in {one.size / 1000:.0f} kB",
            spread(one.ours, ".0f"),
            spread(one.plain, ".0f"),
            spread(one.ratios, ".3f"),
        )
        for one in found
    ]
    head = ("database", "windows", "requests per CPU s", "plain route", "ratio")
    text = f"""
Every window of seven days as a checkout asks for it (20 fields a window), from the planned demo city, with
{CALLERS} connections. Ours parses nothing twice, but it reads everything anew for every request: place, windows,
closings, pools, holds that have ended, prices. The plain route is a bare Starlette application that serialises
ready dictionaries to the same bytes and reads nothing. CPU seconds are those of the web process; a PostgreSQL
server's own are not in them. Rounds: {len(found[0].ours)}.

{Table(head, rows)}
"""
    return Section(NAME, TITLE, text)
