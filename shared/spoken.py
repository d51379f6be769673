"""Which languages serve for which: a region is a preference, never a condition (`es` serves for `es-MX`, and the other
way round). Both tiers judge by this. Pure."""

from collections.abc import Iterable
from functools import lru_cache

import langcodes

from shared.voice import Voice


@lru_cache(maxsize=1000)
def language_of(tag: str) -> str:
    """The language of a BCP-47 tag, without region and script: `es-MX` → `es`."""
    return langcodes.get(tag).language or tag


def serves(tags: Iterable[str], tag: str) -> bool:
    """Whether one of `tags` is of the same language as `tag`."""
    return language_of(tag) in map(language_of, tags)


def speaks(voice: Voice, tag: str) -> bool:
    """Whether the voice speaks the language."""
    return serves(voice.languages, tag)


def speaking(voices: Iterable[Voice], tag: str) -> list[Voice]:
    """The voices that speak the language, those of its very region first, else in their order."""
    return sorted((voice for voice in voices if speaks(voice, tag)), key=lambda voice: tag not in voice.languages)
