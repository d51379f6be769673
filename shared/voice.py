"""A voice, as engines offer it and users choose it. It imports nothing, for engines' processes are to stay small."""

from dataclasses import dataclass

AUTO = "auto"  # instead of a voice's id: one by the speaker's own pitch
CLONE = "clone"  # instead of a voice's id: one made from the speaker's own speech


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine, which a user may ask for.

    `voice_id` is `<engine>:<id>`; `languages` are BCP-47; `gender` is female, male or None. `preview_url` is where to
    hear it, where the provider says so; `pitch` the median of its fundamental frequency in Hz, where it was measured.
    """

    voice_id: str
    name: str
    languages: tuple[str, ...]
    gender: str | None = None
    preview_url: str | None = None
    pitch: float | None = None

    @property
    def engine(self) -> str:
        """The engine that speaks with it."""
        return engine_of(self.voice_id)


def engine_of(voice_id: str) -> str:
    """The engine that a voice id names: `openai:alloy` → `openai`."""
    return voice_id.partition(":")[0]
