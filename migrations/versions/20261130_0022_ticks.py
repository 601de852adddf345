"""ticks"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0022'
down_revision = '20261130_0021'
branch_labels = None
depends_on = None


def upgrade() -> None:
    # What is there was kept for a report each: told, and nobody watched what came after it. The default says so of what
    # the release before this one still keeps, too.
    op.add_column('knowledge', sa.Column('holds_until', sa.DateTime(timezone=True), nullable=True))
    op.add_column('knowledge', sa.Column('told', sa.Boolean(), server_default=sa.text('true'), nullable=False))
    op.create_check_constraint(op.f('ck_knowledge_holds_from_then_on'), 'knowledge', 'holds_until >= at')
    op.create_table('tick_rule',
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('every_days', sa.Integer(), nullable=False),
    sa.Column('hourly_days', sa.Integer(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.CheckConstraint('every_days > 0 AND hourly_days >= every_days', name=op.f('ck_tick_rule_ever_fewer')),
    sa.PrimaryKeyConstraint('valid_from', name=op.f('pk_tick_rule'))
    )
    op.execute("""INSERT INTO tick_rule (valid_from, every_days, hourly_days, source)
VALUES ('2020-01-01', 90, 730, '平台初始设置：90日内逐秒，两年内每小时最后一刻，此后每日最后一刻，待单位文件替换')""")
    op.create_foreign_key(op.f('fk_published_report_known_at'), 'published_report', 'knowledge', ['known_at'], ['at'])
    op.create_foreign_key(op.f('fk_filing_known_at'), 'filing', 'knowledge', ['known_at'], ['at'])
    op.create_index(op.f('ix_published_report_known_at'), 'published_report', ['known_at'], unique=False)
    op.create_index(op.f('ix_filing_known_at'), 'filing', ['known_at'], unique=False)
    op.create_index('ix_flag_xid', 'flag', ['xid'], unique=False)
    op.create_index('ix_flag_line_xid', 'flag_line', ['xid'], unique=False)
    op.create_index('ix_flag_decision_xid', 'flag_decision', ['xid'], unique=False)
