"""Selections read by plan answer what graphql-core alone answers, odd values and all."""

from __future__ import annotations

import enum
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
import strawberry
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionResult

from schema.onto import onto
from schema.places import Node, node_id
from schema.plan import PlannedExecution
from schema.root import QuietSchema, schema
from schema.values import SCALARS
from tests.api import KEY, Api
from tests.schema.conftest import Opened


@strawberry.enum
class Colour(enum.Enum):
    """A word."""

    RED = "RED"
    BLUE = "BLUE"


@dataclass
class LeafRow:
    """What a leaf is laid onto; a test puts anything into it."""

    id: Any = "1"
    number: Any = 3
    ratio: Any = 0.5
    text: Any = "a"
    flag: Any = True
    when: Any = datetime(2026, 11, 24, 9, tzinfo=UTC)
    colour: Any = Colour.RED


@onto(LeafRow, description="A leaf.")
class Leaf(Node):
    """A leaf."""

    id: strawberry.ID = node_id("Leaf")
    number: int
    ratio: float
    text: str | None
    flag: bool
    when: datetime
    colour: Colour | None


@strawberry.type
class Branch:
    """Leaves in every way a field may hold them."""

    leaf: Leaf
    maybe: Leaf | None
    leaves: list[Leaf]
    gaps: list[Leaf | None] | None
    words: list[list[str]]
    node: Node | None

    @strawberry.field
    def shout(self, times: int = 1) -> str:
        """More than an attribute."""
        return "!" * times


@strawberry.type
class Query:
    """The way in."""

    @strawberry.field
    def branch(self, info: strawberry.Info) -> Branch | None:
        """Whatever the test put there."""
        found: Branch | None = info.context
        return found

    @strawberry.field
    def branches(self, info: strawberry.Info) -> list[Branch | None]:
        """Twice the same."""
        return [info.context, info.context]


def schema_with(execution: type[Any] | None) -> QuietSchema:
    config = StrawberryConfig(scalar_map=SCALARS)
    return QuietSchema(query=Query, types=[Leaf], config=config, execution_context_class=execution)


SEEDS = 25
PLANNED, STOCK = schema_with(PlannedExecution), schema_with(None)

LEAF = "id number ratio text flag when colour"
QUERIES = (
    f"{{ branch {{ leaf {{ {LEAF} }} maybe {{ {LEAF} }} leaves {{ {LEAF} }} gaps {{ {LEAF} }} words }} }}",
    f"{{ branches {{ leaves {{ {LEAF} __typename }} gaps {{ text }} }} }}",
    "{ branch { a: leaf { b: text c: text number } leaf { text when } shout(times: 2) leaves { id } } }",
    "{ branch { node { id ... on Leaf { number colour } } leaves { number } __typename } }",
    "query ($yes: Boolean! = true, $no: Boolean! = false) { branch { ...Some leaf @include(if: $yes) { text @skip(if: $yes)"
    " flag } gaps @include(if: $no) { id } } } fragment Some on Branch { words maybe { ...Tiny } } fragment Tiny on Leaf { colour ratio }",
)
ODD: tuple[Any, ...] = (
    None, "", "GREEN", "RED", 7, 2**40, 1.5, float("nan"), True, [], (), [None], ["x"], {}, object(),
    ValueError("stored"), Colour.BLUE, datetime(2026, 1, 1, tzinfo=UTC), SimpleNamespace(), LeafRow(),
)  # fmt: skip


class Raising:
    """An object whose attributes cannot be read."""

    def __getattr__(self, name: str) -> Any:
        raise LookupError(name)


def leaf_of(chance: random.Random, odd: float) -> Any:
    if chance.random() < odd:
        return chance.choice([*ODD, Raising()])
    changes = {name: chance.choice(ODD) for name in LEAF.split() if chance.random() < odd}
    return LeafRow(**changes)


def branch_of(chance: random.Random, odd: float) -> SimpleNamespace:
    some = [leaf_of(chance, odd) for _ in range(3)]
    whole = {
        "leaf": leaf_of(chance, odd),
        "maybe": chance.choice([None, leaf_of(chance, odd)]),
        "leaves": chance.choice([some, tuple(some), iter(some)]) if odd else some,
        "gaps": [*some, None],
        "words": [["a", "b"], []],
        "node": leaf_of(chance, odd),
        "shout": None,
    }
    return SimpleNamespace(
        **whole | {name: chance.choice(ODD) for name in whole if chance.random() < odd / 2}
    )


def answers(by: QuietSchema, query: str, odd: float) -> list[Any]:
    """Data and errors for a number of branches, the same ones for everybody who asks."""

    async def run() -> list[ExecutionResult]:
        return [
            await by.execute(query, context_value=branch_of(random.Random(seed), odd))
            for seed in range(SEEDS)
        ]

    # In a thread of its own, because a browser may keep a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(anyio.run, run).result()
    return [(repr(got.data), [error.formatted for error in got.errors or []]) for got in found]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("odd", [0.0, 0.05, 0.3])
def test_a_plan_answers_what_graphql_core_answers(query: str, odd: float) -> None:
    planned = answers(PLANNED, query, odd)
    assert planned == answers(STOCK, query, odd)
    assert any(errors for _, errors in planned) == (odd > 0)


def test_the_plan_is_taken_where_all_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    walked: list[str] = []
    usual = PlannedExecution.execute_fields

    def noted(self: Any, kind: Any, *rest: Any) -> Any:
        walked.append(kind.name)
        return usual(self, kind, *rest)

    monkeypatch.setattr(PlannedExecution, "execute_fields", noted)
    answers(PLANNED, QUERIES[0], 0.0)
    assert set(walked) <= {"Query"}


WEEK = """query ($id: ID!) { slotAvailability(address: {id: $id}, from: "2026-11-25", to: "2026-11-26") {
  __typename address { label point { latitude longitude } zone { id name timeZone } } inventoryVersion validUntil
  days { date offers { __typename available heldByCustomer labels vehicleKind
    slot { __typename id cutoffAt labels window { startsAt endsAt timeZone } }
    closed { reason message opensWith { kind message slot { id } } }
    fee { total { amount currencyCode } parts { kind label amount { amount } } }
    emissions { gramsCo2e scope method factorVersion }
    handoverOptions { mode allowed reason proof extraMinutes } } } } }"""


def test_a_week_of_windows_is_the_same_by_plan_and_without(
    api: Api, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = api.data('{ addressSuggestions(text: "flores 12") { id } }')["addressSuggestions"][0]["id"]
    assert opened.address_id
    assert api.key == KEY
    planned = api.data(WEEK, id=address)
    monkeypatch.setattr(schema, "execution_context_class", StrawberryGraphQLCoreExecutionContext)
    assert api.data(WEEK, id=address) == planned
    assert sum(len(day["offers"]) for day in planned["slotAvailability"]["days"]) == 3
