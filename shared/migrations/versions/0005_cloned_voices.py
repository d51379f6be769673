"""Voices that were cloned at a provider for a job."""

from alembic import op
import sqlalchemy as sa

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('cloned_voices',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('provider', sa.String(), nullable=False),
    sa.Column('reference', sa.String(), nullable=False),
    sa.Column('voice_id', sa.String(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cloned_voices')),
    sa.UniqueConstraint('job_id', 'provider', 'reference', name=op.f('uq_cloned_voices_job_id_provider_reference'))
    )
    op.create_index('ix_cloned_voices_job_id', 'cloned_voices', ['job_id'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_cloned_voices_job_id', table_name='cloned_voices')
    op.drop_table('cloned_voices')
