"""seals: batches of entries, chained and signed; and an index that finds what is new"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import UserDefinedType

revision = '20261122_0014'
down_revision = '20261122_0013'
branch_labels = None
depends_on = None


class TransactionId(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_):
        return 'xid8'


def upgrade() -> None:
    op.create_table('seal',
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('format', sa.Integer(), nullable=False),
    sa.Column('entries', sa.Integer(), nullable=False),
    sa.Column('root', sa.String(), nullable=False),
    sa.Column('previous', sa.String(), nullable=False),
    sa.Column('sealed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('key_id', sa.String(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('signature', sa.Text(), nullable=False),
    sa.Column('horizon', TransactionId(), nullable=False),
    sa.CheckConstraint('entries > 0', name=op.f('ck_seal_has_entries')),
    sa.CheckConstraint('number > 0', name=op.f('ck_seal_counted_from_one')),
    sa.PrimaryKeyConstraint('number', name=op.f('pk_seal')),
    sa.UniqueConstraint('sha256', name=op.f('uq_seal_sha256'))
    )
    op.create_table('seal_member',
    sa.Column('period_month', sa.Integer(), nullable=False),
    sa.Column('entry_id', sa.Uuid(), nullable=False),
    sa.Column('seal_number', sa.Integer(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('leaf', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['seal_number'], ['seal.number'], name=op.f('fk_seal_member_seal_number')),
    sa.PrimaryKeyConstraint('period_month', 'entry_id', name=op.f('pk_seal_member'))
    )
    op.create_index('uq_seal_member_place', 'seal_member', ['seal_number', 'position'], unique=True)
    # Sealing asks for what is younger than the last seal; the index only grows at its right end.
    op.create_index('ix_credit_entry_xid', 'credit_entry', ['xid'], unique=False)
