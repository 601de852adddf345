"""what the shop knew, and when"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = '20261122_0019'
down_revision = '20261122_0018'
branch_labels = None
depends_on = None


class Snapshot(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_):
        return 'pg_snapshot'


def upgrade() -> None:
    op.create_table('knowledge',
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('snapshot', Snapshot(), nullable=False),
    sa.Column('balanced_as_of', sa.DateTime(timezone=True), nullable=True),
    sa.Column('seal_number', sa.Integer(), nullable=True),
    sa.PrimaryKeyConstraint('at', name=op.f('pk_knowledge'))
    )
    op.create_table('name_shown',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('shown_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', 'shown_at', name=op.f('pk_name_shown'))
    )
    op.create_table('published_report',
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('known_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('summary', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('published_by', sa.Uuid(), nullable=True),
    sa.Column('published_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_published_report')),
    sa.UniqueConstraint('code', name=op.f('uq_published_report_code'))
    )
