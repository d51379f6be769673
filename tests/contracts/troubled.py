"""What meets trouble by a script, and a chain's settings that lose no time over it."""

from pathlib import Path
from typing import Any

from shared.config import Settings
from shared.errors import PipelineError, TransientError
from tests.contracts.conftest import settings_in

QUICK: dict[str, Any] = {"engine_attempts": 3, "engine_first_wait_seconds": 0.001}
BUSY = TransientError("provider_busy", "Busy.")


class Fails:
    """Raises the errors of its script in turn, the last for ever where it is to last; counts its calls."""

    def __init__(self, *errors: PipelineError | None, for_ever: bool = False) -> None:
        self.calls: list[str] = []
        self._errors, self._for_ever = list(errors), for_ever

    def __call__(self, work: str) -> None:
        self.calls.append(work)
        error = self._errors[0] if self._errors else None
        if len(self._errors) > 1 or not self._for_ever:
            self._errors = self._errors[1:]
        if error is not None:
            raise error


def always(error: PipelineError) -> Fails:
    return Fails(error, for_ever=True)


def named(engine: Any, name: str) -> Any:
    engine.name = name
    return engine


def quick(**values: Any) -> Settings:
    return settings_in(Path("unused"), **{**QUICK, **values})
