"""what concerns everybody is asked for by one person and decided by another"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261130_0030'
down_revision = '20261130_0029'
branch_labels = None
depends_on = None

KINDS = (
    "'counting_rule.add', 'counting_rule.end', 'spending_rule.add', 'spending_rule.end', 'flag_threshold.set', "
    "'retention_rule.add', 'audit_mandate.grant', 'role.grant', 'role.end'"
)


def upgrade() -> None:
    op.create_table('change_request',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('decided_by', sa.Uuid(), nullable=True),
    sa.Column('decided_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint(f'kind IN ({KINDS})', name=op.f('ck_change_request_kind_known')),
    sa.CheckConstraint("state IN ('asked', 'approved', 'refused', 'withdrawn')", name=op.f('ck_change_request_state_known')),
    sa.CheckConstraint("state = 'withdrawn' OR decided_by <> asked_by", name=op.f('ck_change_request_two_people')),
    sa.CheckConstraint("(state = 'asked') = (decided_by IS NULL AND decided_at IS NULL)", name=op.f('ck_change_request_decided_by_somebody')),
    sa.ForeignKeyConstraint(['asked_by'], ['user_account.id'], name=op.f('fk_change_request_asked_by')),
    sa.ForeignKeyConstraint(['decided_by'], ['user_account.id'], name=op.f('fk_change_request_decided_by')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_change_request'))
    )
    op.create_index('ix_change_request_open', 'change_request', ['asked_at', 'id'], unique=False, postgresql_where=sa.text("state = 'asked'"))
