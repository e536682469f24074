"""What vehicles of a class with their crews can do."""

import sqlalchemy as sa

from alembic import op

revision = "0025_skills"
down_revision = "0024_outages"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null is what is usual for the kind: every class can do what it could.
    op.add_column("vehicle_class", sa.Column("skills", sa.String(200), nullable=True))


def downgrade() -> None:
    op.drop_column("vehicle_class", "skills")
