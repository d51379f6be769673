"""first tables"""

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('engine_capabilities',
    sa.Column('slot', sa.String(), nullable=False),
    sa.Column('capabilities', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('published_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('slot', name=op.f('pk_engine_capabilities'))
    )
    op.create_table('maintenance_runs',
    sa.Column('task', sa.String(), nullable=False),
    sa.Column('period', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('task', 'period', name=op.f('pk_maintenance_runs'))
    )
    op.create_table('users',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('email', sa.String(), nullable=False),
    sa.Column('password_hash', sa.String(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('disabled_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users'))
    )
    op.create_index('uq_users_email_lower', 'users', [sa.literal_column('lower(email)')], unique=True)
    op.create_table('videos',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('filename', sa.String(), nullable=False),
    sa.Column('content_type', sa.String(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('etag', sa.String(), nullable=True),
    sa.Column('rejection_code', sa.String(), nullable=True),
    sa.Column('rejection_message', sa.String(), nullable=True),
    sa.Column('duration_seconds', sa.Double(), nullable=True),
    sa.Column('has_video', sa.Boolean(), nullable=True),
    sa.Column('width', sa.Integer(), nullable=True),
    sa.Column('height', sa.Integer(), nullable=True),
    sa.Column('fps', sa.Double(), nullable=True),
    sa.Column('has_thumbnail', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('uploaded_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_videos_user_id_users')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_videos'))
    )
    op.create_index('ix_videos_user_id_id', 'videos', ['user_id', 'id'], unique=False)
    op.create_table('artifacts',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('video_id', sa.Uuid(), nullable=False),
    sa.Column('fingerprint', sa.String(), nullable=False),
    sa.Column('stage', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('facts', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('engine', sa.String(), nullable=True),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('lease_token', sa.Uuid(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['video_id'], ['videos.id'], name=op.f('fk_artifacts_video_id_videos'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_artifacts')),
    sa.UniqueConstraint('video_id', 'fingerprint', name=op.f('uq_artifacts_video_id_fingerprint'))
    )
    op.create_table('jobs',
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('user_id', sa.Uuid(), nullable=False),
    sa.Column('video_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('stage', sa.String(), nullable=True),
    sa.Column('progress', sa.Double(), nullable=False),
    sa.Column('source_language', sa.String(), nullable=True),
    sa.Column('source_transcript', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('options', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False),
    sa.Column('original_s3_path', sa.String(), nullable=False),
    sa.Column('result_s3_path', sa.String(), nullable=True),
    sa.Column('error_code', sa.String(), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('cancel_requested_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('lease_token', sa.Uuid(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('not_before', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('wake_sent_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('wakes', sa.Integer(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('crashes', sa.Integer(), nullable=False),
    sa.Column('transient_failures', sa.Integer(), nullable=False),
    sa.Column('first_transient_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status <> 'PROCESSING' or lease_token is not null", name=op.f('ck_jobs_lease')),
    sa.CheckConstraint("status in ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELED')", name=op.f('ck_jobs_status')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_jobs_user_id_users')),
    sa.ForeignKeyConstraint(['video_id'], ['videos.id'], name=op.f('fk_jobs_video_id_videos')),
    sa.PrimaryKeyConstraint('job_id', name=op.f('pk_jobs'))
    )
    op.create_index('ix_jobs_live', 'jobs', ['status', 'not_before'], unique=False, postgresql_where=sa.text("status in ('PENDING', 'PROCESSING')"))
    op.create_index('ix_jobs_live_user_id', 'jobs', ['user_id'], unique=False, postgresql_where=sa.text("status in ('PENDING', 'PROCESSING')"))
    op.create_index('ix_jobs_user_id_job_id', 'jobs', ['user_id', 'job_id'], unique=False)
    op.create_index('ix_jobs_video_id', 'jobs', ['video_id'], unique=False)
    op.create_table('dubs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('language', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('stage', sa.String(), nullable=True),
    sa.Column('progress', sa.Double(), nullable=False),
    sa.Column('error_code', sa.String(), nullable=True),
    sa.Column('error_message', sa.String(), nullable=True),
    sa.Column('result_s3_path', sa.String(), nullable=True),
    sa.Column('completed_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("status in ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELED')", name=op.f('ck_dubs_status')),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.job_id'], name=op.f('fk_dubs_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dubs')),
    sa.UniqueConstraint('job_id', 'language', name=op.f('uq_dubs_job_id_language'))
    )
    op.create_table('results',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('job_id', sa.Uuid(), nullable=False),
    sa.Column('language', sa.String(), nullable=True),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('filename', sa.String(), nullable=False),
    sa.Column('content_type', sa.String(), nullable=False),
    sa.Column('size_bytes', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.job_id'], name=op.f('fk_results_job_id_jobs'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_results')),
    sa.UniqueConstraint('job_id', 'language', 'kind', 'filename', name=op.f('uq_results_job_id_language_kind_filename'), postgresql_nulls_not_distinct=True)
    )


def downgrade() -> None:
    op.drop_table('results')
    op.drop_table('dubs')
    op.drop_index('ix_jobs_video_id', table_name='jobs')
    op.drop_index('ix_jobs_user_id_job_id', table_name='jobs')
    op.drop_index('ix_jobs_live_user_id', table_name='jobs', postgresql_where=sa.text("status in ('PENDING', 'PROCESSING')"))
    op.drop_index('ix_jobs_live', table_name='jobs', postgresql_where=sa.text("status in ('PENDING', 'PROCESSING')"))
    op.drop_table('jobs')
    op.drop_table('artifacts')
    op.drop_index('ix_videos_user_id_id', table_name='videos')
    op.drop_table('videos')
    op.drop_index('uq_users_email_lower', table_name='users')
    op.drop_table('users')
    op.drop_table('maintenance_runs')
    op.drop_table('engine_capabilities')
