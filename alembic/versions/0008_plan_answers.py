"""The answer of a plan run is kept beside its question"""

import sqlalchemy as sa

from alembic import op

revision = "0008_plan_answers"
down_revision = "0007_delivery_passes"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("allocation_run", sa.Column("plan", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("allocation_run") as batch:
        batch.drop_column("plan")
