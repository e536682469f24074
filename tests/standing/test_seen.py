"""Standing slots are read in a number of statements that does not grow with them or their weeks."""

from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy import event as sa_event

from app.database.runner import Database
from app.standing.queries import standings_of
from app.standing.seen import SeenStandingSlot, seen_series
from app.standing.series import series_of
from tests.standing.world import FRIDAY, SECOND, Fridays, open_fridays


def seen(world: Fridays) -> tuple[int, list[SeenStandingSlot]]:
    """How many statements it takes to see what ana keeps, and what that is."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    def look(conn: Connection, now: datetime) -> list[SeenStandingSlot]:
        found = standings_of(conn, actor=world.shop.actor, customer_reference="ana")
        return seen_series(conn, at=now, series=series_of(conn, now=now, found=found))

    sa_event.listen(world.db.engine, "before_cursor_execute", counted)
    try:
        found = world.db.read_now(look)
    finally:
        sa_event.remove(world.db.engine, "before_cursor_execute", counted)
    return count, found


def test_the_number_of_statements_does_not_grow_with_standing_slots_and_weeks(db: Database) -> None:
    world = open_fridays(db)
    first = world.create()
    world.confirm(world.held(first))
    statements, _ = seen(world)
    second = world.create(slot_id=world.late.id)
    world.confirm(world.held(second, world.late.day))
    world.confirm(world.held(first, SECOND))
    again, found = seen(world)
    assert again == statements
    assert [one.row.id for one in found] == [second.row.id, first.row.id]
    assert [(week.day, str(week.state)) for week in found[1].occurrences] == [
        (FRIDAY, "CONFIRMED"),
        (SECOND, "CONFIRMED"),
    ]
