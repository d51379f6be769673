"""A thin, typed face of SES (v2)."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from shared import aws
from shared.config import Settings
from shared.errors import PermanentError, TransientError

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

# SES refuses these for good: the address or the message is at fault, not the moment.
REFUSALS = frozenset({"MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException"})


@dataclass(frozen=True)
class Mail:
    """One message to one address, in text and HTML."""

    to: str
    subject: str
    text: str
    html: str


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
            connect_timeout=3,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 2},
        )
        return client

    def send(self, mail: Mail) -> str:
        """Send it; SES's message id. Raises PermanentError `mail_refused`, TransientError `mail_unavailable`."""
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._settings.mail_from,
                Destination={"ToAddresses": [mail.to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": mail.text, "Charset": "UTF-8"},
                            "Html": {"Data": mail.html, "Charset": "UTF-8"},
                        },
                    }
                },
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
