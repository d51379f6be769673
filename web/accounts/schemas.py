"""What signing in takes and gives."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel, model_validator

from shared.accounts.passwords import LONGEST

Where = Literal["token", "cookie"]


class Login(BaseModel):
    """Credentials, and where the session is to be kept."""

    model_config = ConfigDict(extra="forbid")

    email: str = Field(min_length=1, max_length=320)
    password: str = Field(min_length=1, max_length=LONGEST)
    session: Where = Field(
        "token",
        description="`token`: the answer has the tokens. `cookie`: they go into cookies that no script can read.",
    )


class RefreshTokenGiven(BaseModel):
    """The refresh token; leave it out where it is in a cookie."""

    model_config = ConfigDict(extra="forbid", openapi_extra={"required": False})  # type: ignore[typeddict-unknown-key]

    refresh_token: str | None = Field(None, min_length=1, max_length=200)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_empty(cls, value: Any) -> Any:
        return {} if value is None else value


class CookieSession(BaseModel):
    """The tokens are in cookies. They live so many seconds."""

    model_config = ConfigDict(extra="forbid")

    expires_in: int = Field(description="Seconds.")
    refresh_expires_in: int = Field(description="Seconds, from the last refresh.")


class Token(CookieSession):
    """An access token, to be sent as `Authorization: Bearer …`, and what the next one is had for, once."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the scheme's name
    refresh_token: str


class SignedIn(RootModel[Token | CookieSession]):
    """The tokens, or how long they live where they are in cookies."""
