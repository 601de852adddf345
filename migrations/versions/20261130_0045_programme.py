"""which shop this is, and its keys that stay"""

import sqlalchemy as sa
from alembic import op

revision = '20261130_0045'
down_revision = '20261130_0044'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('programme',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('began_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('pseudonym_key', sa.LargeBinary(), nullable=False),
    sa.Column('account_key', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_programme'))
    )
    op.create_index('uq_programme_only_one', 'programme', [sa.literal_column('(true)')], unique=True)


def downgrade() -> None:
    op.drop_table('programme')
