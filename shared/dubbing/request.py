"""What a dubbing job may ask for: the rules between a request, a video and what the engines can do. Pure."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from shared.config import Settings
from shared.dubbing import transcript_fit, transcript_formats
from shared.dubbing.transcript import GivenTranscript
from shared.errors import AppError
from shared.languages import Capabilities, normalise
from shared.models import Video, VideoStatus

BACKGROUNDS = ("keep", "duck", "drop")


@dataclass(frozen=True, slots=True)
class Request:
    """A request in its normal form: languages are BCP-47; `voices` maps a speaker, or "default", to a voice id."""

    target_languages: tuple[str, ...]
    source_language: str | None = None
    source_transcript: GivenTranscript | None = None
    voices: dict[str, str] = field(default_factory=dict)
    background: str = "duck"

    @property
    def options(self) -> dict[str, Any]:
        """The job's options as they are stored."""
        return {"voices": self.voices, "background": self.background}


def normalised(
    *,
    target_languages: list[str],
    source_language: str | None,
    source_transcript: str | dict[str, Any] | None,
    voices: dict[str, str],
    background: str,
) -> Request:
    """Read the parts. Raises AppError `invalid_language`, `duplicate_language`, `invalid_transcript` (422)."""
    targets = tuple(normalise(tag) for tag in target_languages)
    _check_doubles(targets, targets)
    return Request(
        target_languages=targets,
        source_language=normalise(source_language) if source_language is not None else None,
        source_transcript=_parsed(source_transcript) if source_transcript is not None else None,
        voices=dict(voices),
        background=background,
    )


def _parsed(document: str | dict[str, Any]) -> GivenTranscript:
    given = transcript_formats.parse(document)
    try:
        json.dumps(given.to_dict(), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise AppError("invalid_transcript", "The transcript has halves of characters in it.", 422) from None
    return given


def check(request: Request, video: Video, served: Capabilities, settings: Settings) -> Request:
    """The request in the tags that are served, which is what to store.

    Raises AppError for the first thing that can't be done: 409 `video_not_ready`, else 422 with its own code.
    """
    _check_video(video, settings)
    _check_count(request, settings)
    request = _in_served_tags(request, served)
    _check_pairs(request, served)
    _check_source(request, served)
    if request.source_transcript is not None:
        transcript_fit.check(request.source_transcript, request.voices, video.duration_seconds)
    _check_voices(request, served)
    return request


def _in_served_tags(request: Request, served: Capabilities) -> Request:
    """Each tag, or where it is not served the longest part of it that is: `es-MX` → `es` (RFC 4647, 3.4)."""
    source = _served(request.source_language, served.sources()) if request.source_language else None
    reachable = _reachable(source, served)
    targets = tuple(_served(tag, reachable) for tag in request.target_languages)
    _check_doubles(request.target_languages, targets)
    return replace(request, source_language=source, target_languages=targets)


def _served(tag: str, served: frozenset[str]) -> str:
    parts = tag.split("-")
    shortened = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((candidate for candidate in shortened if candidate in served), tag)


def _check_doubles(asked: tuple[str, ...], targets: tuple[str, ...]) -> None:
    if len(set(targets)) == len(targets):
        return
    changed = [
        f"“{tag}” is dubbed as “{target}” here" for tag, target in zip(asked, targets, strict=True) if tag != target
    ]
    reason = f": {', '.join(changed)}." if changed else "."
    raise AppError("duplicate_language", f"Each target language may be named once{reason}", 422)


def _check_video(video: Video, settings: Settings) -> None:
    if video.status == VideoStatus.REJECTED:
        raise AppError(
            "video_not_ready",
            "The video was rejected and can't be dubbed. Announce a file that can be as a new video.",
            409,
            details={"video_status": video.status},
        )
    if video.status != VideoStatus.READY:
        raise AppError(
            "video_not_ready",
            "The video is not ready: upload it and report it as uploaded first.",
            409,
            details={"video_status": video.status},
        )
    if (video.duration_seconds or 0.0) > settings.max_duration_seconds:
        hours = settings.max_duration_seconds / 3600
        raise AppError("too_long", f"The video may last {hours:g} hours at most.", 422)


def _check_count(request: Request, settings: Settings) -> None:
    if len(request.target_languages) > settings.max_languages:
        raise AppError("too_many_languages", f"One job may have {settings.max_languages} languages at most.", 422)


def _check_source(request: Request, served: Capabilities) -> None:
    """The language is named or can be heard; its speech can be recognised, or its words are given and can be placed."""
    given, source = request.source_transcript, request.source_language
    if source is None:
        # With a transcript nobody listens for the language, so it has to be named.
        if given is not None or not served.detects_language:
            raise AppError("source_language_required", "Name the language that is spoken in the video.", 422)
        return
    if given is None and source not in served.recognised:
        raise AppError(
            "unsupported_source_language",
            f"Speech in “{source}” can't be recognised here. Give a transcript, or use a language that is.",
            422,
            details={"supported": sorted(served.recognised)},
        )
    if given is not None and not given.timed and source not in served.aligned:
        raise AppError(
            "transcript_times_required",
            f"A transcript without times can't be placed in “{source}” here. Give one with times (SRT or VTT).",
            422,
            details={"supported": sorted(served.aligned)},
        )


def _reachable(source: str | None, served: Capabilities) -> frozenset[str]:
    """Into which languages there is a dub from `source`, or from any when it is yet to be heard."""
    sources = served.sources() if source is None else {source}
    return frozenset(target for origin in sources for target in served.targets(origin))


def _check_pairs(request: Request, served: Capabilities) -> None:
    reachable = _reachable(request.source_language, served)
    missing = [language for language in request.target_languages if language not in reachable]
    if missing:
        named = f"from “{request.source_language}” " if request.source_language else ""
        raise AppError(
            "unsupported_language_pair",
            f"There is no dubbing {named}into {', '.join(missing)} here.",
            422,
            details={
                "unsupported": missing,
                "supported": [
                    {"source": source, "targets": sorted(served.targets(source))} for source in sorted(served.sources())
                ],
            },
        )


def _check_voices(request: Request, served: Capabilities) -> None:
    offered = {voice.voice_id: voice for voice in served.voices}
    for speaker, voice_id in request.voices.items():
        voice = offered.get(voice_id)
        if voice is None:
            raise AppError(
                "unknown_voice",
                f"There is no voice “{voice_id}”. GET /voices lists those there are.",
                422,
                details={"speaker": speaker, "voice_id": voice_id},
            )
        if not set(voice.languages) & set(request.target_languages):
            raise AppError(
                "voice_language_mismatch",
                f"The voice “{voice_id}” speaks none of the languages asked for.",
                422,
                details={"speaker": speaker, "voice_id": voice_id, "speaks": list(voice.languages)},
            )
