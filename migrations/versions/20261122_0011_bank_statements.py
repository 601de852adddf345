"""bank statements"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0011'
down_revision = '20261122_0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
