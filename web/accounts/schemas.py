"""What the account routes take and give."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.accounts.passwords import LONGEST


class Login(BaseModel):
    """Credentials."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(min_length=1, max_length=320)
    password: str = Field(min_length=1, max_length=LONGEST)


class Token(BaseModel):
    """An access token, to be sent as `Authorization: Bearer …`."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name
    expires_in: int = Field(description="Seconds.")
