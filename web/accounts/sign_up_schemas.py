"""What signing up and the links in mails take and give."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.accounts.passwords import LONGEST, SHORTEST

Email = Annotated[str, Field(min_length=3, max_length=320)]
Given = Annotated[str, Field(min_length=1, max_length=LONGEST)]
NewPassword = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST,
        description=f"At least {SHORTEST} characters; not your own address, and none of the commonest.",
    ),
]
# In any script, on one line, in the direction of its letters.
PLAIN = r"^[^\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]*$"
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=PLAIN)]
Locale = Literal["en", "ko"]
LinkToken = Annotated[str, Field(min_length=1, max_length=200, description="From the link in the mail.")]


class Body(BaseModel):
    """What a request brings, and nothing else."""

    model_config = ConfigDict(extra="forbid")


class NewAccount(Body):
    """Who wants an account; `locale` is the language of mails and pages."""

    email: Email
    password: NewPassword
    name: Name | None = None
    locale: Locale = "en"


class Address(Body):
    """An e-mail address."""

    email: Email


class Resend(Address):
    """An e-mail address, and which sign-up with it is yours."""

    attempt: UUID | None = Field(
        None, description="From the answer to your sign-up. Left out: the mail says how to sign up again."
    )


class Link(Body):
    """The token of a link."""

    token: LinkToken


class NewPasswordByLink(Link):
    """The token of a link, and the password to set."""

    password: NewPassword


class MailFollows(BaseModel):
    """What happens next is said in a mail to the address; the answer is the same whether it has an account or not."""

    status: Literal["accepted"] = "accepted"
    message: str


class SignUpAsked(MailFollows):
    """What happens next, and the name of this sign-up."""

    attempt: UUID = Field(description="Send it along to have the link once more.")


class Verified(BaseModel):
    """The account that there is now."""

    user_id: UUID
    email: str
