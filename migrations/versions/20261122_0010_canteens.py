"""canteens"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0010'
down_revision = '20261122_0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
