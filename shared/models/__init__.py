"""The tables, one file a family."""

from shared.models.activity import Activity, Attempts
from shared.models.base import Base, new_id
from shared.models.clones import ClonedVoice
from shared.models.costs import ProviderCall
from shared.models.credentials import ApiKey, OneTimeToken, RefreshToken, UserSession
from shared.models.idempotency import IdempotencyKey
from shared.models.jobs import Artifact, Dub, Job, Result
from shared.models.mails import OutgoingMail
from shared.models.operations import EngineCapabilities, MaintenanceRun, StageSpeed, VoicePace
from shared.models.users import NotificationPreferences, PendingUser, Role, User
from shared.models.videos import Import, Video, VideoStatus
from shared.models.webhooks import WebhookDelivery, WebhookEndpoint

__all__ = [
    "Activity",
    "ApiKey",
    "Artifact",
    "Attempts",
    "Base",
    "ClonedVoice",
    "Dub",
    "EngineCapabilities",
    "IdempotencyKey",
    "Import",
    "Job",
    "MaintenanceRun",
    "NotificationPreferences",
    "OneTimeToken",
    "OutgoingMail",
    "PendingUser",
    "ProviderCall",
    "RefreshToken",
    "Result",
    "Role",
    "StageSpeed",
    "User",
    "UserSession",
    "Video",
    "VideoStatus",
    "VoicePace",
    "WebhookDelivery",
    "WebhookEndpoint",
    "new_id",
]
