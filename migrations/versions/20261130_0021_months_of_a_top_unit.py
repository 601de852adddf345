"""each top unit has its own months; two people open a closed one again"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import UserDefinedType

revision = '20261130_0021'
down_revision = '20261130_0020'
branch_labels = None
depends_on = None

SHOP = '00000000-0000-0000-0000-000000000000'
A_MONTH = 'month BETWEEN 200001 AND 209912 AND month % 100 BETWEEN 1 AND 12'


class TransactionId(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_):
        return 'xid8'


def upgrade() -> None:
    op.create_table('period_reopening',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('month', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('decision', sa.String(), nullable=True),
    sa.CheckConstraint("(state = 'requested') = (decided_by IS NULL AND decided_at IS NULL)", name=op.f('ck_period_reopening_decided_by_somebody')),
    sa.CheckConstraint("state IN ('requested', 'approved', 'refused')", name=op.f('ck_period_reopening_state_known')),
    sa.CheckConstraint('decided_by <> asked_by', name=op.f('ck_period_reopening_another_person')),
    sa.CheckConstraint(A_MONTH, name=op.f('ck_period_reopening_is_a_month')),
    sa.ForeignKeyConstraint(['asked_by'], ['user_account.id'], name=op.f('fk_period_reopening_asked_by')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_period_reopening_decided_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_period_reopening'))
    )
    op.create_index('uq_period_reopening_open', 'period_reopening', ['unit_id', 'month'], unique=True, postgresql_where=sa.text("state = 'requested'"))
    op.create_table('period_event',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('month', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('actor_id', sa.Uuid(), nullable=False),
    sa.Column('was_open', postgresql.JSONB(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('reopening_id', sa.Uuid(), nullable=True),
    sa.Column('xid', TransactionId(), server_default=sa.text('pg_current_xact_id()'), nullable=False),
    sa.CheckConstraint("kind IN ('adjusting', 'closed', 'reopened')", name=op.f('ck_period_event_kind_known')),
    sa.CheckConstraint("(kind = 'reopened') = (reopening_id IS NOT NULL AND reason IS NOT NULL)", name=op.f('ck_period_event_reopened_for_a_reason')),
    sa.CheckConstraint(A_MONTH, name=op.f('ck_period_event_is_a_month')),
    sa.ForeignKeyConstraint(['actor_id'], ['user_account.id'], name=op.f('fk_period_event_actor_id')),
    sa.ForeignKeyConstraint(['reopening_id'], ['period_reopening.id'], name=op.f('fk_period_event_reopening_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_period_event')),
    sa.UniqueConstraint('reopening_id', name=op.f('uq_period_event_reopening_id'))
    )
    op.create_index('ix_period_event_xid', 'period_event', ['xid'], unique=False)
    op.create_index('ix_period_event_month', 'period_event', ['unit_id', 'month', 'at'], unique=False)
    op.create_index('ix_period_event_reopened', 'period_event', ['month'], unique=False, postgresql_where=sa.text("kind = 'reopened'"))
    # A table of its own: the release before this one reads and holds a month of all in `accounting_period`. Every unit
    # that ever stood at the top takes over what was closed, so that nothing slips into a month which was.
    op.create_table('unit_month',
    sa.Column('unit_id', sa.Uuid(), nullable=False),
    sa.Column('month', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('adjusts_until', sa.Date(), nullable=True),
    sa.Column('closed_by', sa.Uuid(), nullable=True),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('was_open', postgresql.JSONB(), nullable=True),
    sa.CheckConstraint("(state = 'open') = (closed_by IS NULL AND closed_at IS NULL)", name=op.f('ck_unit_month_closed_by_somebody')),
    sa.CheckConstraint("state <> 'adjusting' OR adjusts_until IS NOT NULL", name=op.f('ck_unit_month_adjusting_ends')),
    sa.CheckConstraint("state IN ('open', 'adjusting', 'closed')", name=op.f('ck_unit_month_state_known')),
    sa.CheckConstraint(A_MONTH, name=op.f('ck_unit_month_is_a_month')),
    sa.ForeignKeyConstraint(['closed_by'], ['user_account.id'], name=op.f('fk_unit_month_closed_by')),
    sa.PrimaryKeyConstraint('unit_id', 'month', name=op.f('pk_unit_month'))
    )
    for statement in (
        f'''INSERT INTO unit_month (unit_id, month, state, adjusts_until, closed_by, closed_at, was_open)
SELECT '{SHOP}', month, state, adjusts_until, closed_by, closed_at, was_open FROM accounting_period''',
        '''INSERT INTO unit_month (unit_id, month, state, adjusts_until, closed_by, closed_at, was_open)
SELECT t.unit_id, p.month, p.state, p.adjusts_until, p.closed_by, p.closed_at, p.was_open
FROM accounting_period p CROSS JOIN (
    SELECT id AS unit_id FROM unit u WHERE NOT EXISTS (SELECT FROM unit_parent a
        WHERE a.unit_id = u.id AND a.valid_from <= u.valid_from AND a.valid_to IS NULL)
    UNION SELECT unit_path[array_upper(unit_path, 1)] FROM credit_entry WHERE cardinality(unit_path) > 0) t
WHERE p.state <> 'open' ''',
        '''INSERT INTO period_event (id, unit_id, month, kind, at, actor_id, was_open)
SELECT gen_random_uuid(), unit_id, month, state, closed_at, closed_by, was_open FROM unit_month
WHERE state <> 'open' ''',
    ):
        op.execute(statement)
