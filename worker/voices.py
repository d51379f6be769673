"""Casting: which voice speaks for which speaker. Pure."""

from collections.abc import Mapping, Sequence

import langcodes

from shared.errors import PermanentError
from worker.engines.protocols import Voice

DEFAULT = "default"


def cast(speakers: Sequence[str], language: str, voices: Sequence[Voice], wished: Mapping[str, str]) -> dict[str, str]:
    """A voice id for each speaker: the one wished for (by speaker, else `default`), else voices in turn.

    A wish for a voice that does not speak `language` does not count for this language. Speakers in turn get voices of
    different gender where there are any. Raises PermanentError `no_voice` when no voice speaks the language.
    """
    fitting = [voice for voice in voices if speaks(voice, language)]
    if not fitting:
        raise PermanentError("no_voice", f"No voice of this installation speaks {language}.")
    known = {voice.voice_id for voice in fitting}
    order = _alternating(fitting)
    chosen = {}
    for number, speaker in enumerate(speakers):
        wish = wished.get(speaker) or wished.get(DEFAULT)
        chosen[speaker] = wish if wish in known else order[number % len(order)].voice_id
    return chosen


def speaks(voice: Voice, language: str) -> bool:
    """Whether the voice speaks the language (a voice of `es` speaks `es-MX`, and the other way round)."""
    wanted = langcodes.get(language).language
    return any(tag == language or langcodes.get(tag).language == wanted for tag in voice.languages)


def _alternating(voices: Sequence[Voice]) -> list[Voice]:
    """The first voice first, then one of the other gender, and so on; those of no said gender last."""
    first = voices[0]
    same = [voice for voice in voices if voice.gender == first.gender]
    other = [voice for voice in voices if voice.gender not in {first.gender, None}]
    unsaid = [voice for voice in voices if voice not in same and voice not in other]
    paired = [voice for pair in zip(same, other, strict=False) for voice in pair]
    rest = [voice for voice in (*same, *other) if voice not in paired]
    return [*paired, *rest, *unsaid]
