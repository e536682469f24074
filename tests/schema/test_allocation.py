"""A plan's proof through the API: objective, bound, gap, time, the limits that bind, and why there is none."""

import sys

import pytest

from app.allocation.problem import Limits
from app.allocation.rules import RunStatus
from app.database.runner import Database
from app.storefronts.issue_key import issue_key
from app.storefronts.queries import storefront_by_key
from app.values.actor import Role
from app.worker.plan import plan
from schema.ids import to_global
from tests.allocation.test_plan import DAY, QUICK, loaded
from tests.api import KEY, Api, client_on
from tests.factories import NOW

RUN = """query ($id: ID, $published: Boolean! = true) { allocationRun(id: $id, published: $published) {
  id status startedAt finishedAt firstDay days gap solverSeconds buildSeconds columns message
  objective { amount currencyCode } bound { amount currencyCode }
  bindingLimits { limit node vehicleKind unit window { startsAt endsAt } worth { amount currencyCode } }
  dayPlans { date gap solverSeconds vehicles plannedOrders }
} }"""


def planned(db: Database, limits: Limits = QUICK, **changes: object) -> str:
    """A planned city with a storefront's key; returns the run's global id."""
    run = plan(db, trigger="test", first=DAY, days=1, limits=limits, **changes)  # type: ignore[arg-type]  # plan's own
    return to_global("AllocationRun", run.id)


def keyed(db: Database) -> None:
    loaded(db)
    db.write_now(
        lambda c, _: (
            issue_key(
                c,
                now=NOW,
                storefront_id=storefront_by_key(c, None).id,
                key=KEY,
                name="t",
                role=Role.STOREFRONT,
            )
            and None
        )
    )


def test_the_published_run_shows_its_proof_and_what_limited_it(db: Database) -> None:
    keyed(db)
    run_id = planned(db)
    with client_on(db) as client:
        run = Api(client).data(RUN)["allocationRun"]
        assert Api(client).data(RUN, id=run_id)["allocationRun"] == run
        node = "query ($id: ID!) { node(id: $id) { id ... on AllocationRun { status } } }"
        assert Api(client).data(node, id=run_id)["node"] == {"id": run_id, "status": "PUBLISHED"}

    assert (run["id"], run["status"], run["message"]) == (run_id, "PUBLISHED", None)
    assert (run["firstDay"], run["days"]) == (DAY.isoformat(), 1)
    objective, bound = (float(run[name]["amount"]) for name in ("objective", "bound"))
    assert run["objective"]["currencyCode"] == "EUR"
    assert bound >= objective > 0
    assert run["gap"] == pytest.approx((bound - objective) / objective, abs=1e-4)
    assert run["solverSeconds"] > 0
    assert run["buildSeconds"] > 0
    assert run["columns"] > 100

    (day,) = run["dayPlans"]
    assert day["date"] == DAY.isoformat()
    assert day["vehicles"] > 0
    assert day["plannedOrders"] > 100

    limits = run["bindingLimits"]
    worths = [float(limit["worth"]["amount"]) for limit in limits]
    assert worths == sorted(worths, reverse=True)
    assert worths[-1] > 0
    for limit in limits:
        assert limit["limit"]
        assert limit["unit"] in {"vehicle", "hour", "kilometre", "order"}
        assert limit["node"]
    fleet = next(limit for limit in limits if limit["limit"] == "vehicles of this kind at once")
    assert fleet["vehicleKind"] in {"VAN", "ELECTRIC_VAN", "CARGO_BIKE", "E_SCOOTER"}
    assert fleet["window"]["startsAt"] < fleet["window"]["endsAt"]


def test_a_run_that_failed_says_why_and_is_not_the_published_one(db: Database) -> None:
    keyed(db)
    good = planned(db)
    failed = planned(db, command=(sys.executable, "-c", "raise MemoryError('out of memory')"))
    with client_on(db) as client:
        api = Api(client)
        newest = api.data(RUN, published=False)["allocationRun"]
        assert (newest["id"], newest["status"]) == (failed, RunStatus.FAILED)
        assert "out of memory" in newest["message"]
        assert newest["message"].endswith("The last published plan stays.")
        assert (newest["objective"], newest["bindingLimits"], newest["dayPlans"]) == (None, [], [])
        assert api.data(RUN)["allocationRun"]["id"] == good


def test_data_that_cannot_work_is_said_through_the_api_too(db: Database) -> None:
    keyed(db)
    db.write_now(lambda c, _: c.exec_driver_sql("UPDATE vehicle SET out_of_service = true") and None)
    refused = planned(db)
    with client_on(db) as client:
        api = Api(client)
        assert api.data(RUN)["allocationRun"] is None
        assert "No vehicle" in api.data(RUN, published=False)["allocationRun"]["message"]
        assert api.data(RUN, id=refused)["allocationRun"]["status"] == "REFUSED"
        assert api.codes(RUN, id="rubbish") == ["BAD_USER_INPUT"]
        assert api.data(RUN, id=to_global("AllocationRun", "nothing"))["allocationRun"] is None
