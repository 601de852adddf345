"""spending rules"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261122_0008'
down_revision = '20261122_0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('spending_counter',
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('cap_key', sa.String(), nullable=False),
    sa.Column('cap_year', sa.Integer(), nullable=False),
    sa.Column('used_fen', sa.BigInteger(), nullable=False),
    sa.Column('cap_fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('used_fen BETWEEN 0 AND cap_fen', name=op.f('ck_spending_counter_never_above_the_cap')),
    sa.PrimaryKeyConstraint('owner_id', 'cap_key', 'cap_year', name=op.f('pk_spending_counter'))
    )
    op.create_table('spending_decision',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('purchase_id', sa.Uuid(), nullable=False),
    sa.Column('union_id', sa.Uuid(), nullable=False),
    sa.Column('allowed', sa.Boolean(), nullable=False),
    sa.Column('inputs', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('rule_ids', sa.ARRAY(sa.Uuid()), nullable=False),
    sa.Column('rules_sha256', sa.String(), nullable=False),
    sa.Column('result', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['union_id'], ['labour_union.id'], name=op.f('fk_spending_decision_union_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_spending_decision')),
    )
    op.create_index('ix_spending_decision_purchase', 'spending_decision', ['purchase_id', 'decided_at'], unique=False)
    op.create_table('spending_rule',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('province', sa.String(), nullable=False),
    sa.Column('union_id', sa.Uuid(), nullable=True),
    sa.Column('purposes', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('festivals', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('unit_kinds', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('fund_source', sa.String(), nullable=True),
    sa.Column('from_fen', sa.BigInteger(), nullable=True),
    sa.Column('below_fen', sa.BigInteger(), nullable=True),
    sa.Column('amount_fen', sa.BigInteger(), nullable=True),
    sa.Column('basis_points', sa.Integer(), nullable=True),
    sa.Column('basis', sa.String(), nullable=True),
    sa.Column('cap_window', sa.String(), nullable=True),
    sa.Column('year_of', sa.String(), nullable=True),
    sa.Column('lapses_on', sa.String(), nullable=True),
    sa.Column('approvers', sa.Integer(), nullable=True),
    sa.Column('quotes', sa.Integer(), nullable=True),
    sa.Column('notice_days', sa.Integer(), nullable=True),
    sa.Column('packages', sa.Integer(), nullable=True),
    sa.Column('allows', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('step', sa.String(), nullable=True),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('source_title', sa.String(), nullable=False),
    sa.Column('source_number', sa.String(), nullable=True),
    sa.Column('source_where', sa.String(), nullable=True),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('recorded_at', sa.DateTime(timezone=True), nullable=False),
    postgresql.ExcludeConstraint((sa.column('code'), '='), (sa.text('daterange(valid_from, valid_to)'), '&&'), using='gist', name='spending_rule_one_version_a_day'),
    sa.CheckConstraint("basis IN ('person', 'average')", name=op.f('ck_spending_rule_basis_known')),
    sa.CheckConstraint("cap_window IN ('year', 'festival')", name=op.f('ck_spending_rule_cap_window_known')),
    sa.CheckConstraint("coalesce(CASE kind\n    WHEN 'cap' THEN amount_fen > 0 AND basis IS NOT NULL AND cap_window IS NOT NULL\n    WHEN 'cap_year' THEN year_of IS NOT NULL\n    WHEN 'top_up' THEN amount_fen > 0 AND lapses_on IS NOT NULL\n    WHEN 'assisted_share' THEN basis_points IS NOT NULL\n    WHEN 'assisted_per_head' THEN amount_fen > 0\n    WHEN 'tier' THEN approvers > 0 AND quotes >= 0 AND notice_days >= 0 AND from_fen IS NOT NULL\n    WHEN 'directed' THEN cardinality(allows) > 0\n    WHEN 'max_packages' THEN packages > 0\n    WHEN 'purpose' THEN cardinality(allows) > 0\n    WHEN 'festival' THEN cardinality(allows) > 0\n    WHEN 'fund_source' THEN cardinality(allows) > 0\n    WHEN 'skip' THEN step IS NOT NULL AND reason IS NOT NULL\n    WHEN 'reserved_share' THEN basis_points IS NOT NULL\n    ELSE true END, false)", name=op.f('ck_spending_rule_says_what_its_kind_needs')),
    sa.CheckConstraint("fund_source IN ('union', 'administration', 'party_dues')", name=op.f('ck_spending_rule_fund_source_known')),
    sa.CheckConstraint("kind IN ('cap', 'cap_year', 'top_up', 'assisted_share', 'assisted_per_head', 'tier', 'directed', 'purpose', 'festival', 'goods_only', 'max_packages', 'fund_source', 'skip', 'reserved_share')", name=op.f('ck_spending_rule_kind_known')),
    sa.CheckConstraint("lapses_on ~ '^[01][0-9]-[0-3][0-9]$'", name=op.f('ck_spending_rule_lapses_on_a_day')),
    sa.CheckConstraint("step IN ('quoting', 'noticed')", name=op.f('ck_spending_rule_step_known')),
    sa.CheckConstraint("year_of IN ('payment', 'festival')", name=op.f('ck_spending_rule_year_of_known')),
    sa.CheckConstraint('basis_points BETWEEN 0 AND 10000', name=op.f('ck_spending_rule_share_in_range')),
    sa.CheckConstraint('below_fen > coalesce(from_fen, 0)', name=op.f('ck_spending_rule_amounts_half_open')),
    sa.CheckConstraint('valid_to > valid_from', name=op.f('ck_spending_rule_half_open')),
    sa.ForeignKeyConstraint(['union_id'], ['labour_union.id'], name=op.f('fk_spending_rule_union_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_spending_rule'))
    )
    op.create_table('spending_take',
    sa.Column('decision_id', sa.Uuid(), nullable=False),
    sa.Column('purchase_id', sa.Uuid(), nullable=False),
    sa.Column('taken_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('released_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['decision_id'], ['spending_decision.id'], name=op.f('fk_spending_take_decision_id')),
    sa.PrimaryKeyConstraint('decision_id', name=op.f('pk_spending_take'))
    )
    op.create_index(op.f('ix_spending_take_purchase_id'), 'spending_take', ['purchase_id'], unique=False)
    op.create_table('spending_taken',
    sa.Column('decision_id', sa.Uuid(), nullable=False),
    sa.Column('owner_id', sa.Uuid(), nullable=False),
    sa.Column('cap_key', sa.String(), nullable=False),
    sa.Column('cap_year', sa.Integer(), nullable=False),
    sa.Column('fen', sa.BigInteger(), nullable=False),
    sa.Column('released_fen', sa.BigInteger(), nullable=False),
    sa.CheckConstraint('released_fen BETWEEN 0 AND fen', name=op.f('ck_spending_taken_gives_back_what_it_took')),
    sa.ForeignKeyConstraint(['decision_id'], ['spending_take.decision_id'], name=op.f('fk_spending_taken_decision_id')),
    sa.PrimaryKeyConstraint('decision_id', 'owner_id', 'cap_key', 'cap_year', name=op.f('pk_spending_taken'))
    )
