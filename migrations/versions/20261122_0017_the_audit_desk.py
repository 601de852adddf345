"""the audit desk"""

import sqlalchemy as sa
from alembic import op

revision = '20261122_0017'
down_revision = '20261122_0016'
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
