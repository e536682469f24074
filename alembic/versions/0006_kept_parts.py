"""Parts of pools are kept for groups of customers"""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0006_kept_parts"
down_revision = "0005_standing"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_INSTANT = sqlmodel.sql.sqltypes.UTCDateTime
_KEPT = ("protected_until", "protected_group", "protected_used", "protected_orders")


def upgrade() -> None:
    with op.batch_alter_table("capacity_pool") as batch_op:
        batch_op.add_column(sa.Column("protected_orders", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("protected_used", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("protected_group", _TEXT(), nullable=True))
        batch_op.add_column(sa.Column("protected_until", _INSTANT(), nullable=True))
    with op.batch_alter_table("capacity_pool") as batch_op:
        batch_op.alter_column("protected_orders", server_default=None)
        batch_op.alter_column("protected_used", server_default=None)
    for table, column in (
        ("capacity_entry", "audience"),
        ("slot_hold", "customer_group"),
        ("delivery_booking", "customer_group"),
    ):
        with op.batch_alter_table(table) as batch_op:
            batch_op.add_column(sa.Column(column, _TEXT(), nullable=True))
    op.create_table(
        "protected_quota",
        sa.Column("id", _TEXT(), nullable=False),
        sa.Column("key", _TEXT(), nullable=False),
        sa.Column("audience", _TEXT(), nullable=False),
        sa.Column("node_id", _TEXT(), nullable=True),
        sa.Column("zone_id", _TEXT(), nullable=True),
        sa.Column("template_id", _TEXT(), nullable=True),
        sa.Column("weekdays", _TEXT(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=True),
        sa.Column("share_bp", sa.Integer(), nullable=True),
        sa.Column("release_min", sa.Integer(), nullable=True),
        sa.Column("release_days_before", sa.Integer(), nullable=True),
        sa.Column("release_at_local", _TEXT(), nullable=True),
        sa.Column("reason", _TEXT(), nullable=False),
        sa.Column("actor", _TEXT(), nullable=False),
        sa.Column("changed_at", _INSTANT(), nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["fulfilment_node.id"]),
        sa.ForeignKeyConstraint(["zone_id"], ["service_zone.id"]),
        sa.ForeignKeyConstraint(["template_id"], ["slot_template.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )


def downgrade() -> None:
    op.drop_table("protected_quota")
    for table, column in (
        ("delivery_booking", "customer_group"),
        ("slot_hold", "customer_group"),
        ("capacity_entry", "audience"),
    ):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column(column)
    with op.batch_alter_table("capacity_pool") as batch_op:
        for name in _KEPT:
            batch_op.drop_column(name)
