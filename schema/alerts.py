"""What operators must know of."""

import enum
from datetime import datetime
from typing import Annotated

import strawberry
from sqlalchemy import Connection

from app.alerts import acknowledge as acknowledge_verb
from app.alerts.queries import alerts
from app.alerts.tables import OperatorAlert as OperatorAlertRow
from app.errors import OperatorsOnly
from schema.context import Info
from schema.errors import UserError, attempted, user_errors
from schema.ids import key_of
from schema.onto import onto, shown
from schema.places import Node, node_id
from schema.words import AlertKind


@onto(OperatorAlertRow, description="What operators must know of, told once for as long as it lasts.")
class OperatorAlert(Node):
    """An alert."""

    id: strawberry.ID = node_id("OperatorAlert")
    kind: AlertKind = strawberry.field(description="What it is about.")
    message: str = strawberry.field(description="What is wrong, and what to do about it.")
    raised_at: datetime = strawberry.field(description="When it first happened.")
    last_at: datetime = strawberry.field(description="When it happened last.")
    times: int = strawberry.field(description="How often it has happened.")
    mailed_at: datetime | None = strawberry.field(description="When operators were told of it by mail.")
    acknowledged_at: datetime | None = strawberry.field(description="Since when somebody looks after it.")
    acknowledged_by: str | None = strawberry.field(description="Who looks after it.")
    cleared_at: datetime | None = strawberry.field(description="Since when it is over.")


@strawberry.enum(description="Why an alert cannot be acknowledged.")
class AlertErrorCode(enum.Enum):
    """Codes of alerts."""

    ALERT_NOT_FOUND = "ALERT_NOT_FOUND"
    OPERATORS_ONLY = "OPERATORS_ONLY"
    BUSY = "BUSY"


@strawberry.type(description="A refusal of acknowledging an alert.")
class AlertUserError(UserError):
    """A refusal of the alerts' domain."""

    code: AlertErrorCode = strawberry.field(description="The refusal in a word.")


@strawberry.input(description="Which alert somebody looks after.")
class AcknowledgeAlertInput:
    """Which alert."""

    alert_id: strawberry.ID = strawberry.field(description="The alert.")


@strawberry.type(description="What came of it.")
class AcknowledgeAlertPayload:
    """The answer."""

    alert: OperatorAlert | None = strawberry.field(description="Null when refused.")
    user_errors: list[AlertUserError] = strawberry.field(description="Empty when it worked.")


async def operator_alerts(
    info: Info,
    only_open: Annotated[bool, strawberry.argument(description="False: also those that are over.")] = True,
) -> list[OperatorAlert] | None:
    """The alerts."""
    if not info.context.actor.is_operator:
        raise OperatorsOnly
    return shown(await info.context.read(lambda conn, _: alerts(conn, only_open=only_open)))


async def acknowledge_alert(info: Info, input: AcknowledgeAlertInput) -> AcknowledgeAlertPayload | None:
    """Look after it."""
    alert_id = key_of("OperatorAlert", input.alert_id)

    def work(conn: Connection, now: datetime) -> OperatorAlertRow:
        return acknowledge_verb.acknowledge(conn, now=now, actor=info.context.actor, alert_id=alert_id)

    alert, refusal = await attempted(info.context.write(work))
    return AcknowledgeAlertPayload(
        alert=shown(alert), user_errors=user_errors(refusal, AlertUserError, AlertErrorCode)
    )
