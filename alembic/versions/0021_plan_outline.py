"""What a plan sells and rosters, kept with its run"""

import sqlalchemy as sa

from alembic import op

revision = "0021_plan_outline"
down_revision = "0020_disruptions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("allocation_run") as batch:
        batch.add_column(sa.Column("outline", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("allocation_run") as batch:
        batch.drop_column("outline")
