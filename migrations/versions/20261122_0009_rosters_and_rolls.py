"""rosters and rolls"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0009'
down_revision = '20261122_0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
