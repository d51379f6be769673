"""Costs: what was asked of providers."""

from alembic import op
import sqlalchemy as sa

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('provider_calls',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('call_id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=True),
    sa.Column('language', sa.String(), nullable=True),
    sa.Column('slot', sa.String(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('model', sa.String(), nullable=False),
    sa.Column('unit', sa.String(), nullable=True),
    sa.Column('amount', sa.Float(), nullable=False),
    sa.Column('price', sa.Numeric(precision=18, scale=9), nullable=True),
    sa.Column('outcome', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.job_id'], name=op.f('fk_provider_calls_job_id_jobs'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_provider_calls'))
    )
    op.create_index('ix_provider_calls_at', 'provider_calls', ['at'], unique=False)
    op.create_index('ix_provider_calls_job_id', 'provider_calls', ['job_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_provider_calls_job_id', table_name='provider_calls')
    op.drop_index('ix_provider_calls_at', table_name='provider_calls')
    op.drop_table('provider_calls')
