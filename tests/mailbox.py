"""The mails that SES's stand-in took, as their readers see them."""

from collections.abc import Callable

import boto3

from local.mailbox import Letter, read
from local.objects import sent_mails
from shared.config import Settings
from tests.processes import until


def can_send(settings: Settings) -> Settings:
    """Let the stand-in take mails from the settings' sender; the same settings."""
    sender = settings.mail_from.partition("<")[2].rstrip(">") or settings.mail_from
    ses = boto3.client("sesv2", endpoint_url=settings.ses_endpoint_url, region_name="us-east-1")
    ses.create_email_identity(EmailIdentity=sender)
    return settings


def letters(to: str) -> list[Letter]:
    """All mails to the address, oldest first."""
    return [letter for letter in map(read, sent_mails()) if letter.to == to]


def letter(to: str, suits: Callable[[Letter], bool] = lambda _: True, seconds: float = 10.0) -> Letter:
    """The newest mail to the address that suits, once there is one."""
    found: Letter = until(lambda: next(filter(suits, reversed(letters(to))), None), seconds, f"a mail to {to}")
    return found
