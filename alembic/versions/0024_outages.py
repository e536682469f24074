"""Disruptions last until they end: vehicles that are out, streets that are closed"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0024_outages"
down_revision = "0023_moves_with_tours"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "vehicle_outage",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("disruption_id", _TEXT(), nullable=False),
        sa.Column("node_id", _TEXT(), nullable=False),
        sa.Column("vehicle_class_id", _TEXT(), nullable=True),
        sa.Column("vehicle_id", _TEXT(), nullable=True),
        sa.Column("vehicles", sa.Integer(), nullable=True),
        sa.Column("starts_at", _INSTANT(), nullable=False),
        sa.Column("ends_at", _INSTANT(), nullable=True),
        sa.Column("created_at", _INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["fulfilment_node.id"]),
        sa.ForeignKeyConstraint(["vehicle_class_id"], ["vehicle_class.id"]),
        sa.ForeignKeyConstraint(["vehicle_id"], ["vehicle.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_vehicle_outage_disruption_id", "vehicle_outage", ["disruption_id"])
    op.create_index("ix_vehicle_outage_ends_at", "vehicle_outage", ["ends_at"])
    op.create_table(
        "street_closure",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("disruption_id", _TEXT(), nullable=False),
        sa.Column("street_id", _TEXT(), nullable=False),
        sa.Column("starts_at", _INSTANT(), nullable=False),
        sa.Column("ends_at", _INSTANT(), nullable=True),
        sa.ForeignKeyConstraint(["street_id"], ["street.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_street_closure_disruption_id", "street_closure", ["disruption_id"])
    op.create_index("ix_street_closure_ends_at", "street_closure", ["ends_at"])
    with op.batch_alter_table("capacity_override") as table:
        table.add_column(sa.Column("for_outage", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("capacity_override") as table:
        table.alter_column("for_outage", server_default=None)
    with op.batch_alter_table("repromise_proposal") as table:
        table.alter_column("override_id", existing_type=_TEXT(), nullable=True)
        table.add_column(sa.Column("disruption_id", _TEXT(), nullable=True))
        table.add_column(sa.Column("answer_by", _INSTANT(), nullable=True))
    op.create_index("ix_repromise_proposal_disruption_id", "repromise_proposal", ["disruption_id"])
    with op.batch_alter_table("disruption") as table:
        table.add_column(sa.Column("covered_until", _INSTANT(), nullable=True))
        table.add_column(sa.Column("open_days", sa.JSON(), nullable=True))
        table.add_column(sa.Column("ended_at", _INSTANT(), nullable=True))
        table.add_column(sa.Column("ended_by", _TEXT(), nullable=True))
        table.add_column(sa.Column("end_reason", _TEXT(), nullable=True))
    # What was reported before lasted for the rest of its day at most, and its day is over or nearly so.
    op.execute("UPDATE disruption SET covered_until = COALESCE(ends_at, created_at), open_days = '[]'")
    op.execute("UPDATE disruption SET ended_at = created_at, ended_by = actor WHERE ends_at IS NULL")
    with op.batch_alter_table("disruption") as table:
        table.alter_column("covered_until", existing_type=_INSTANT(), nullable=False)
        table.alter_column("open_days", existing_type=sa.JSON(), nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("disruption") as table:
        for name in ("covered_until", "open_days", "ended_at", "ended_by", "end_reason"):
            table.drop_column(name)
    op.drop_index("ix_repromise_proposal_disruption_id", "repromise_proposal")
    op.execute("DELETE FROM repromise_proposal WHERE override_id IS NULL")
    with op.batch_alter_table("repromise_proposal") as table:
        table.drop_column("disruption_id")
        table.drop_column("answer_by")
        table.alter_column("override_id", existing_type=_TEXT(), nullable=False)
    with op.batch_alter_table("capacity_override") as table:
        table.drop_column("for_outage")
    op.drop_table("street_closure")
    op.drop_table("vehicle_outage")
