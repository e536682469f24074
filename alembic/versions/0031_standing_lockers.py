"""Standing slots accept lockers beside the door."""

import sqlalchemy as sa

from alembic import op

revision = "0031_standing_lockers"
down_revision = "0030_compartments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("standing_slot", sa.Column("lockers", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("standing_slot", "lockers")
