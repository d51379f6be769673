"""A thin, typed face of SES (v2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError
from email_validator import EmailNotValidError, validate_email

from shared import aws
from shared.config import Settings
from shared.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

# SES refuses these for good: the address or the message is at fault, not the moment.
REFUSALS = frozenset({"MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"})
# How long one sending takes at most, connecting and waiting for the answer (seconds).
CONNECT_SECONDS, READ_SECONDS = 3, 10


@dataclass(frozen=True)
class Mail:
    """One message to one address, in text and HTML, and with further headers if need be."""

    to: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Mailer:
    """Sends mail from the configured address."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def _client(self) -> "SESV2Client":
        client: SESV2Client = aws.client(
            "sesv2",
            self._settings,
            self._settings.ses_endpoint_url,
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            # An answer that got lost may be of a mail that was sent: whoever calls decides whether to send it twice.
            retries={"mode": "standard", "total_max_attempts": 1},
        )
        return client

    def send(self, mail: Mail) -> str:
        """Send it; SES's message id. Raises PermanentError `mail_refused`, TransientError `mail_unavailable`."""
        raw = _written(mail, self._settings.mail_from)
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._settings.mail_from,
                Destination={"ToAddresses": [str(raw["To"])]},
                Content={"Raw": {"Data": raw.as_bytes()}},
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in REFUSALS:
                raise PermanentError("mail_refused", f"The mail was refused: {error}") from error
            raise TransientError(
                "mail_unavailable", f"The mail service did not answer as it should: {error}"
            ) from error
        except BotoCoreError as error:
            raise TransientError(
                "mail_unavailable", f"The mail service did not answer as it should: {error}"
            ) from error
        return answer["MessageId"]


def _written(mail: Mail, sender: str) -> EmailMessage:
    """The message as it goes out, all of it ASCII."""
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = sender
    message["To"] = _ascii(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = datetime.now(UTC)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no absence note comes back
    for name, value in mail.headers.items():
        message[name] = value
    message.set_content(mail.text, cte="base64")
    message.add_alternative(mail.html, subtype="html", cte="base64")
    return message


def _ascii(address: str) -> str:
    """The address as SES takes it: its domain in punycode. Raises PermanentError `mail_refused`."""
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True).ascii_email
    except EmailNotValidError as error:
        raise PermanentError("mail_refused", f"This is not an e-mail address: {error}") from None
    if found is None:
        raise PermanentError("mail_refused", "The address has letters before the @ that the mail service can't take.")
    return found
