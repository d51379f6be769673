"""Engines of the `gpu` extra: whether it is installed, where its models run, and what their failures mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from shared.config import GIB, PREFIX, Settings, SettingsError
from shared.errors import PermanentError, TransientError

# What each of them stands on.
PACKAGES = {"whisperx": "whisperx", "demucs": "demucs"}
# Bytes of address space: the libraries of torch's CUDA builds take 6 GiB before a model of any size is there.
ROOM = 12 * GIB


def demand(engine: str, settings: Settings) -> None:
    """Raises SettingsError where what `engine` stands on is not installed, or has no room. Imports nothing."""
    package = PACKAGES.get(engine)
    if package is None:
        return
    if find_spec(package) is None:
        raise SettingsError(
            f"The engine {engine!r} needs the package {package!r}. Install requirements-gpu.txt (see docs/engines.md)."
        )
    if settings.job_memory_bytes < ROOM:
        raise SettingsError(
            f"The engine {engine!r} maps more memory than {PREFIX}JOB_MEMORY_BYTES lets a job have. "
            f"Set it to {ROOM} or more (see docs/engines.md)."
        )


def device(wished: str) -> str:
    """`cpu` or `cuda`; for `auto` the graphics processor where there is one."""
    if wished != "auto":
        return wished
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def loading(engine: str, model: str) -> Iterator[None]:
    """A model that can't be had: not there, not fetched, not a model. Raises PermanentError `model_unavailable`."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, LookupError) as error:
        said = " ".join(str(error).split())[:200]
        raise PermanentError("model_unavailable", f"{engine} can't load the model {model!r}: {said}.") from error


@contextmanager
def running(engine: str) -> Iterator[None]:
    """A model at work. Raises TransientError `engine_crashed` where the device fails or its memory is used up."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise TransientError("engine_crashed", f"{engine} stopped in its work: {said}.") from error
