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
    op.create_table('credit_rollup_year',
    sa.Column('top_unit_id', sa.Uuid(), nullable=False),
    sa.Column('year', sa.Integer(), nullable=False),
    sa.Column('county_code', sa.String(), nullable=False),
    sa.Column('county_name', sa.String(), nullable=False),
    sa.Column('province', sa.String(), nullable=False),
    sa.Column('credit_kind', sa.String(), nullable=False),
    sa.Column('standing', sa.String(), nullable=False),
    sa.Column('last_month', sa.Integer(), nullable=False),
    sa.Column('sale_fen', sa.BigInteger(), nullable=False),
    sa.Column('refund_fen', sa.BigInteger(), nullable=False),
    sa.Column('quantity_milli', sa.BigInteger(), nullable=False),
    sa.Column('grams', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('top_unit_id', 'year', 'county_code', 'county_name', 'province', 'credit_kind', 'standing', name=op.f('pk_credit_rollup_year'))
    )
    op.create_index('ix_credit_rollup_year_county', 'credit_rollup_year', ['top_unit_id', 'county_code', 'year'], unique=False)
    op.create_index('ix_credit_rollup_county', 'credit_rollup', ['top_unit_id', 'county_code', 'period_month'], unique=False)
    op.execute("""
INSERT INTO credit_rollup_year SELECT top_unit_id, period_month / 100, county_code, county_name, province, credit_kind,
    standing, max(period_month), sum(sale_fen), sum(refund_fen), sum(quantity_milli), sum(grams)
FROM credit_rollup GROUP BY 1, 2, 3, 4, 5, 6, 7
""")
