"""A typed client of OneVoice's HTTP API: upload, dub, follow, download. `tests/local/test_client.py` holds it against
the service's own OpenAPI document."""

from local.client.bodies import Delivery, Dub, Failure, Job, Language, Range, ResultFile, Video, Voice, Webhook
from local.client.client import Client
from local.client.errors import ClientError
from local.client.uploads import Progress, media_type

__all__ = [
    "Client",
    "ClientError",
    "Delivery",
    "Dub",
    "Failure",
    "Job",
    "Language",
    "Progress",
    "Range",
    "ResultFile",
    "Video",
    "Voice",
    "Webhook",
    "media_type",
]
