"""Signatures of the Standard Webhooks specification (standardwebhooks.com), version v1."""

import base64
import hashlib
import hmac
from uuid import UUID

from shared.webhooks.endpoints import PREFIX


def headers(secret: str, message_id: UUID, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that sign `body`: HMAC-SHA256 over `id.timestamp.body`. `timestamp` is in seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": str(message_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
