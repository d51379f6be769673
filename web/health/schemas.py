"""What the health routes give."""

from typing import Literal

from pydantic import BaseModel


class Alive(BaseModel):
    """The process is up."""

    status: Literal["ok"] = "ok"


class CheckBody(BaseModel):
    """A measured value, its limit, and what to think of it."""

    value: float | None
    limit: float
    state: Literal["ok", "high", "failed"]


class Readiness(BaseModel):
    """Whether this machine can work, and how its neighbours are."""

    ready: bool
    checks: dict[str, CheckBody]
