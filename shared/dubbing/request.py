"""What a dubbing job asks for, in its normal form. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.dubbing import transcript_formats
from shared.dubbing.excerpt import Range
from shared.dubbing.transcript import GivenTranscript
from shared.errors import AppError
from shared.languages import normalise


@dataclass(frozen=True, slots=True)
class Request:
    """A request in its normal form: languages are BCP-47; `voices` maps a speaker, or "default", to a voice id
    or "auto" or "clone", the latter with `voice_consent`. `speakers` is how many speak, where that is known.

    `glossary` maps a term to its rendering, or to None to keep it; `registers` a speaker, or "default", to "formal" or
    "informal".

    `target_transcripts` has what is to be said, by target language. `range` or `preview`: not the whole video.
    """

    target_languages: tuple[str, ...]
    source_language: str | None = None
    source_transcript: GivenTranscript | None = None
    target_transcripts: dict[str, GivenTranscript] = field(default_factory=dict)
    voices: dict[str, str] = field(default_factory=dict)
    background: str = "duck"
    subtitles: str = "embedded"
    range: Range | None = None
    preview: bool = False
    speakers: int | None = None
    listen_back: bool | None = None
    voice_consent: bool = False
    glossary: dict[str, str | None] = field(default_factory=dict)
    registers: dict[str, str] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """The job's options as they are stored."""
        return {
            "voices": self.voices,
            "background": self.background,
            "subtitles": self.subtitles,
            "range": self.range.to_dict() if self.range else None,
            "preview": self.preview,
            "speakers": self.speakers,
            "listen_back": self.listen_back,
            "voice_consent": self.voice_consent,
            "glossary": self.glossary,
            "registers": self.registers,
        }


def normalised(
    *,
    target_languages: list[str],
    target_transcripts: Mapping[str, str | dict[str, Any]],
    voices: Mapping[str, str],
    source_language: str | None = None,
    source_transcript: str | dict[str, Any] | None = None,
    background: str = "duck",
    subtitles: str = "embedded",
    range: Mapping[str, float] | None = None,  # noqa: A002 - the field's name
    preview: bool = False,
    speakers: int | None = None,
    listen_back: bool | None = None,
    voice_consent: bool = False,
    glossary: Mapping[str, str | None] | None = None,
    registers: Mapping[str, str] | None = None,
) -> Request:
    """Read the parts. Raises AppError `invalid_language`, `duplicate_language`, `invalid_transcript` (422)."""
    targets = tuple(normalise(tag) for tag in target_languages)
    check_doubles(targets, targets)
    return Request(
        target_languages=targets,
        source_language=normalise(source_language) if source_language is not None else None,
        source_transcript=_parsed(source_transcript) if source_transcript is not None else None,
        target_transcripts=_by_language(target_transcripts),
        voices=dict(voices),
        background=background,
        subtitles=subtitles,
        range=Range(**range) if range else None,
        preview=preview,
        speakers=speakers,
        listen_back=listen_back,
        voice_consent=voice_consent,
        glossary=_terms(glossary or {}),
        registers=dict(registers or {}),
    )


def check_doubles(asked: tuple[str, ...], targets: tuple[str, ...]) -> None:
    """No language twice, as it is served. Raises AppError `duplicate_language` (422)."""
    if len(set(targets)) == len(targets):
        return
    changed = [
        f"“{tag}” is dubbed as “{target}” here" for tag, target in zip(asked, targets, strict=True) if tag != target
    ]
    reason = f": {', '.join(changed)}." if changed else "."
    raise AppError("duplicate_language", f"Each target language may be named once{reason}", 422)


def _by_language(texts: Mapping[str, str | dict[str, Any]]) -> dict[str, GivenTranscript]:
    tags = tuple(normalise(tag) for tag in texts)
    check_doubles(tags, tags)
    return {tag: _parsed(text) for tag, text in zip(tags, texts.values(), strict=True)}


def _terms(glossary: Mapping[str, str | None]) -> dict[str, str | None]:
    """Terms and renderings on one line each, without space around them; a term of nothing but space goes."""
    plain = {" ".join(term.split()): rendering and " ".join(rendering.split()) for term, rendering in glossary.items()}
    return {term: rendering or None for term, rendering in plain.items() if term}


def _parsed(document: str | dict[str, Any]) -> GivenTranscript:
    given = transcript_formats.parse(document)
    try:
        json.dumps(given.to_dict(), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise AppError("invalid_transcript", "The transcript has halves of characters in it.", 422) from None
    return given
