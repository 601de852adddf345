"""privacy: the notice that was seen, closed accounts, and how long every table keeps a person"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0042'
down_revision = '20261130_0041'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('notice_seen',
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('version', sa.String(), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_notice_seen_user_id_user_account')),
    sa.PrimaryKeyConstraint('user_id', 'version', name=op.f('pk_notice_seen'))
    )
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE user_account DROP CONSTRAINT ck_user_account_state_known,
    ADD CONSTRAINT ck_user_account_state_known CHECK (state IN ('active', 'suspended', 'closed')) NOT VALID""")
    op.execute("""-- squawk-ignore ban-drop-constraint
ALTER TABLE retention_rule DROP CONSTRAINT ck_retention_rule_kind_known,
    ADD CONSTRAINT ck_retention_rule_kind_known CHECK (kind IN ('delivery', 'bulk_recipient', 'bulk_member', 'bulk_site', 'roll_row', 'address', 'account', 'bank_transfer', 'payer_share', 'invoice', 'canteen_contact', 'driver', 'roster', 'sign_in', 'message'))""")
    op.execute("""
INSERT INTO retention_rule (id, kind, years, source, valid_from, added_at)
SELECT gen_random_uuid(), kind, years, source, '2026-12-01', now() FROM (VALUES
    ('address', 3, '《个人信息保护法》第十九条、第四十七条：保存期限为实现处理目的所必要的最短时间'),
    ('account', 3, '《电子商务法》第三十一条；《个人信息保护法》第四十七条'),
    ('bank_transfer', 10, '《会计档案管理办法》附表一：银行对账单保管十年'),
    ('payer_share', 30, '《会计档案管理办法》附表一：会计凭证保管三十年'),
    ('invoice', 30, '《会计档案管理办法》附表一：会计凭证保管三十年，发票是凭证附件'),
    ('canteen_contact', 3, '《电子商务法》第三十一条；《个人信息保护法》第四十七条'),
    ('driver', 3, '《电子商务法》第三十一条；《个人信息保护法》第四十七条'),
    ('roster', 3, '《个人信息保护法》第四十七条：处理目的已实现，应当删除'),
    ('sign_in', 1, '《网络安全法》第二十一条：网络日志留存不少于六个月')) AS r (kind, years, source)
""")
