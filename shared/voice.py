"""A voice, as engines offer it and users choose it. It imports nothing, for engines' processes are to stay small."""

from dataclasses import dataclass

AUTO = "auto"  # instead of a voice's id: one by the speaker's own pitch


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of an engine, which a user may ask for.

    `voice_id` is `<engine>:<id>`; `languages` are BCP-47; `gender` is female, male or None.
    """

    voice_id: str
    name: str
    languages: tuple[str, ...]
    gender: str | None = None
