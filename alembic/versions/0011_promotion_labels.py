"""A promotion's label in other languages"""

import sqlalchemy as sa

from alembic import op

revision = "0011_promotion_labels"
down_revision = "0010_demand"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("promotion", sa.Column("labels", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("promotion") as batch:
        batch.drop_column("labels")
