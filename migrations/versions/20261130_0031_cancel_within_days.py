"""a paid order may be cancelled by its buyer within a dated number of days"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0031'
down_revision = '20261130_0030'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('cancel_rule',
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('days', sa.Integer(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.CheckConstraint('days BETWEEN 0 AND 366', name=op.f('ck_cancel_rule_at_most_a_year')),
    sa.PrimaryKeyConstraint('valid_from', name=op.f('pk_cancel_rule'))
    )
    op.execute("""INSERT INTO cancel_rule (valid_from, days, source)
VALUES ('2020-01-01', 3, '平台初始设置：付款后三天内可自行取消')""")
