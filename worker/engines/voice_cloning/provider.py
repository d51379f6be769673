"""What all cloners behind a provider's door do alike."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ClassVar, TypeVar

from shared.config import Settings
from worker.engines.door import door

Result = TypeVar("Result")


class ProviderCloner(ABC):
    """Most of a VoiceCloner. `name` is the provider's too, `model` what its kind of clone is called in the costs."""

    name: ClassVar[str]
    model: ClassVar[str]

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._door = door(self.name, settings)

    def delete(self, voice_id: str) -> None:
        """Delete the clone; nothing happens where it is gone already."""
        self._request(lambda: self._deleted(voice_id.removeprefix(f"{self.name}:")))

    def owned(self, prefix: str) -> list[str]:
        """The ids of the clones whose name begins with `prefix`."""
        return self._request(lambda: [f"{self.name}:{own_id}" for own_id in self._named(prefix)])

    def _request(self, request: Callable[[], Result]) -> Result:
        """What the request gives; nobody is paid for it. Raises what the provider's failures are."""

        def asked() -> Result:
            with self._told():
                return request()

        return self._door.call(asked, slot="voice_cloning", model=self.model, usage=lambda _: ())

    @abstractmethod
    def _told(self) -> AbstractContextManager[None]:
        """What the SDK raises within, in our words."""

    @abstractmethod
    def _deleted(self, own_id: str) -> None:
        """Delete the clone with the provider's own id, if it is there. Raises also what the SDK does."""

    @abstractmethod
    def _named(self, prefix: str) -> list[str]:
        """The provider's own ids of the clones whose name begins so. Raises also what the SDK does."""
