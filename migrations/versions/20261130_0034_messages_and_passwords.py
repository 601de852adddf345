"""the shop writes: an outbox; e-mail is a name once it is verified, passwords are changed and reset"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '20261130_0034'
down_revision = '20261130_0033'
branch_labels = None
depends_on = None

KINDS = (
    "'counting_rule.add', 'counting_rule.end', 'spending_rule.add', 'spending_rule.end', 'flag_threshold.set', "
    "'retention_rule.add', 'audit_mandate.grant', 'role.grant', 'role.end', 'password.reset'"
)


def upgrade() -> None:
    op.create_table('message',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('template', sa.String(), nullable=False),
    sa.Column('lang', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=True),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('message_id', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('attempts', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('next_attempt_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('first_attempt_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_error', sa.String(), nullable=True),
    sa.Column('erased_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("channel IN ('mail', 'sms')", name=op.f('ck_message_channel_known')),
    sa.CheckConstraint("lang IN ('zh', 'en')", name=op.f('ck_message_lang_known')),
    sa.CheckConstraint("state IN ('waiting', 'sent', 'given_up')", name=op.f('ck_message_state_known')),
    sa.CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name=op.f('ck_message_ended_when_done')),
    sa.CheckConstraint('(erased_at IS NULL) = (address IS NOT NULL AND facts IS NOT NULL)', name=op.f('ck_message_erased_whole')),
    sa.CheckConstraint("erased_at IS NULL OR state <> 'waiting'", name=op.f('ck_message_erased_when_done')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_message')),
    sa.UniqueConstraint('message_id', name=op.f('uq_message_message_id'))
    )
    op.create_index('ix_message_due', 'message', ['next_attempt_at'], unique=False, postgresql_where=sa.text("state = 'waiting'"))
    op.create_index('ix_message_given_up', 'message', ['ended_at'], unique=False, postgresql_where=sa.text("state = 'given_up'"))
    op.create_index('ix_message_kept', 'message', ['ended_at'], unique=False, postgresql_where=sa.text('erased_at IS NULL AND ended_at IS NOT NULL'))
    op.create_table('sandbox_message',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('channel', sa.String(), nullable=False),
    sa.Column('message_id', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('body', sa.String(), nullable=False),
    sa.Column('sent_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sandbox_message'))
    )
    op.create_index('ix_sandbox_message_sent_at', 'sandbox_message', ['sent_at'], unique=False)
    op.create_table('account_link',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('purpose', sa.String(), nullable=False),
    sa.Column('email', sa.String(), nullable=True),
    sa.Column('code_sha256', sa.LargeBinary(), nullable=True),
    sa.Column('password_version', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("purpose IN ('verify_email', 'reset_password')", name=op.f('ck_account_link_purpose_known')),
    sa.CheckConstraint("purpose <> 'verify_email' OR email IS NOT NULL", name=op.f('ck_account_link_verifies_something')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_account_link_user_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account_link')),
    sa.UniqueConstraint('code_sha256', name=op.f('uq_account_link_code_sha256'))
    )
    op.create_index('ix_account_link_user_id', 'account_link', ['user_id'], unique=False)
    op.create_index('ix_account_link_expires_at', 'account_link', ['expires_at'], unique=False)
    op.create_table('reset_request',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('lang', sa.String(), nullable=False),
    sa.Column('asked_at', sa.DateTime(timezone=True), nullable=False),
    sa.CheckConstraint("lang IN ('zh', 'en')", name=op.f('ck_reset_request_lang_known')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_reset_request'))
    )
    # Whoever has signed in with an address until now goes on: it was their operator's, or their own, choice. So does who
    # comes by the release before this one while it still serves: of what it writes the default speaks, until the next
    # release takes it away. It rewrites nothing: the rows that are there get it as they are read.
    op.add_column('user_account', sa.Column('email_verified_at', sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=True))
    op.add_column('user_account', sa.Column('password_version', sa.Integer(), server_default='1', nullable=False))
    op.execute('-- squawk-ignore ban-drop-not-null\nALTER TABLE user_account ALTER COLUMN password_hash DROP NOT NULL')
    op.execute('-- squawk-ignore require-concurrent-index-deletion\nDROP INDEX uq_user_account_email')
    op.create_index('uq_user_account_email', 'user_account', [sa.literal_column('lower(email)')], unique=True, postgresql_where=sa.text('email_verified_at IS NOT NULL'))
    op.execute(f"""-- squawk-ignore ban-drop-constraint
ALTER TABLE change_request DROP CONSTRAINT ck_change_request_kind_known,
    ADD CONSTRAINT ck_change_request_kind_known CHECK (kind IN ({KINDS}))""")
    op.execute('-- squawk-ignore ban-drop-not-null\nALTER TABLE retention_rule ALTER COLUMN years DROP NOT NULL')
    op.add_column('retention_rule', sa.Column('days', sa.Integer(), nullable=True))
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE retention_rule DROP CONSTRAINT ck_retention_rule_kind_known,
    ADD CONSTRAINT ck_retention_rule_kind_known
        CHECK (kind IN ('delivery', 'bulk_recipient', 'bulk_member', 'bulk_site', 'roll_row', 'message')),
    ADD CONSTRAINT ck_retention_rule_some_days CHECK (days BETWEEN 1 AND 366),
    ADD CONSTRAINT ck_retention_rule_years_or_days CHECK ((years IS NULL) <> (days IS NULL))""")
    op.execute("""
INSERT INTO retention_rule (id, kind, days, source, valid_from, added_at)
VALUES (gen_random_uuid(), 'message', 30, '《个人信息保护法》第十九条：保存期限应当为实现处理目的所必要的最短时间；发出三十天后不再需要核对', '2021-01-01', now())
""")
