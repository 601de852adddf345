"""intake"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0015'
down_revision = '20261122_0014'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
