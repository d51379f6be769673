"""The tables, one file a family."""

from shared.models.base import Base, new_id
from shared.models.idempotency import IdempotencyKey
from shared.models.jobs import Artifact, Dub, Job, Result
from shared.models.operations import EngineCapabilities, MaintenanceRun, StageSpeed
from shared.models.users import User
from shared.models.videos import Import, Video, VideoStatus
from shared.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Artifact",
    "Base",
    "Dub",
    "EngineCapabilities",
    "IdempotencyKey",
    "Import",
    "Job",
    "MaintenanceRun",
    "Result",
    "StageSpeed",
    "User",
    "Video",
    "VideoStatus",
    "WebhookDelivery",
    "WebhookEndpoint",
    "new_id",
]
