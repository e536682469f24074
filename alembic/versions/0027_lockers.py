"""Lockers that customers accept beside their door, and stops there."""

import sqlalchemy as sa
import sqlmodel

from alembic import op

revision = "0027_lockers"
down_revision = "0026_levels"
branch_labels = None
depends_on = None

_CLAIMS = ("slot_hold", "delivery_booking")


def upgrade() -> None:
    with op.batch_alter_table("collection_point") as table:
        table.add_column(sa.Column("locker", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("collection_point") as table:
        table.alter_column("locker", server_default=None)
    for name in _CLAIMS:
        # In place, with a default that stays: these tables may be long.
        op.add_column(name, sa.Column("lockers", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("stop") as table:
        table.add_column(sa.Column("locker_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
        table.create_foreign_key("stop_locker", "collection_point", ["locker_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("stop") as table:
        table.drop_column("locker_id")
    for name in _CLAIMS:
        op.drop_column(name, "lockers")
    with op.batch_alter_table("collection_point") as table:
        table.drop_column("locker")
