"""Whether a request can be done: the rules between it, its video and what the engines can do. Pure."""

import re
from dataclasses import replace
from typing import Protocol

from shared.config import Settings
from shared.dubbing import excerpt, transcript_fit
from shared.dubbing.excerpt import Range
from shared.dubbing.request import Request, check_doubles
from shared.dubbing.transcript import GivenTranscript
from shared.errors import AppError
from shared.languages import Capabilities
from shared.models import VideoStatus
from shared.spoken import serves, speaks
from shared.voice import AUTO, CLONE


class Dubbable(Protocol):
    """What has to be known of a video."""

    @property
    def status(self) -> str:
        """A VideoStatus."""

    @property
    def duration_seconds(self) -> float | None:
        """None where nobody has measured it."""

    @property
    def has_video(self) -> bool | None:
        """Whether it has a picture; None where nobody has looked."""


# The names that those get whom a transcript does not name: they are told apart by voice.
TOLD_APART = re.compile(r"S([1-9]|1\d|20)")


def check(request: Request, video: Dubbable, served: Capabilities, settings: Settings) -> Request:
    """The request in the tags that are served, which is what to store.

    Raises AppError for the first thing that can't be done: 409 `video_not_ready`, else 422 with its own code.
    """
    _check_video(video, settings)
    _check_count(request, settings)
    request = _in_served_tags(request, served)
    _check_pairs(request, served)
    _check_source(request, served)
    _check_transcripts(request, video)
    _check_voices(request, served)
    _check_cloning(request, served)
    _check_outputs(request, video)
    return replace(request, range=_checked_range(request, video))


def _check_outputs(request: Request, video: Dubbable) -> None:
    """What is to come out goes together, and there is a picture where one is needed."""
    if request.fit == "video" and "multi_audio_video" in request.outputs:
        raise AppError(
            "outputs_conflict",
            "With “fit”: “video” each language has a pace of its own, so they can't share one file. "
            "Leave out “multi_audio_video”, or fit the audio.",
            422,
        )
    if request.subtitles == "burned_in" and "video_per_language" not in request.outputs:
        raise AppError(
            "outputs_conflict",
            "Subtitles are drawn into the picture of “video_per_language”, which is not among the outputs. Add it, or "
            "have the subtitles as tracks or files.",
            422,
        )
    if request.bilingual and request.subtitles == "none":
        raise AppError(
            "outputs_conflict", "With “subtitles”: “none” there are none in two languages either. Leave one out.", 422
        )
    if video.has_video is False and (request.fit == "video" or request.subtitles == "burned_in"):
        raise AppError("no_picture", "The file has no picture: there is nothing to slow or to draw on.", 422)


def _checked_range(request: Request, video: Dubbable) -> Range | None:
    if request.range is None and not request.preview:
        return None
    if request.range is not None and request.preview:
        raise AppError("invalid_range", "Ask for a range or for a preview, not for both.", 422)
    if not all(_is_placeable(text, request.source_transcript) for text in _given(request)):
        raise AppError(
            "excerpt_needs_times",
            "To dub a part of the video, give transcripts with times (SRT or VTT): without them nobody knows which "
            "lines belong to the part.",
            422,
        )
    return excerpt.check(request.range, video.duration_seconds) if request.range else None


def _check_pairing(request: Request) -> None:
    """A text without times speaks line for line what the source's says; without a given source, time will tell."""
    source = request.source_transcript
    for language, text in request.target_transcripts.items():
        if source is not None and not text.timed and len(text.lines) != len(source.lines):
            raise AppError(
                "target_transcript_mismatch",
                f"The transcript for “{language}” has no times and {len(text.lines)} lines, the source's has "
                f"{len(source.lines)}. Give it times, or a line for each of the source's.",
                422,
                details={"language": language},
            )


def _is_placeable(text: GivenTranscript, source: GivenTranscript | None) -> bool:
    """Its lines have times, or those of the source's lines, one for one."""
    return text.timed or (source is not None and source.timed and len(source.lines) == len(text.lines))


def _given(request: Request) -> list[GivenTranscript]:
    texts = [request.source_transcript, *request.target_transcripts.values()]
    return [text for text in texts if text is not None]


def _check_transcripts(request: Request, video: Dubbable) -> None:
    _check_pairing(request)
    all_given = request.source_transcript is not None or set(request.target_transcripts) == set(
        request.target_languages
    )
    named = all(text.names_speakers for text in _given(request))
    asked_for = {**request.voices, **request.registers}
    judged = [speaker for speaker in asked_for if named or not TOLD_APART.fullmatch(speaker)]
    transcript_fit.check(_given(request), judged if all_given else (), video.duration_seconds)


def _in_served_tags(request: Request, served: Capabilities) -> Request:
    """Each tag, or where it is not served the longest part of it that is: `es-MX` → `es` (RFC 4647, 3.4)."""
    source = _served(request.source_language, served.sources()) if request.source_language else None
    reachable = _reachable(source, served)
    served_as = {
        tag: _served(tag, served.spoken if tag in request.target_transcripts else reachable)
        for tag in request.target_languages
    }
    targets = tuple(served_as.values())
    check_doubles(request.target_languages, targets)
    texts = {served_as.get(tag, tag): text for tag, text in request.target_transcripts.items()}
    stray = next((tag for tag in texts if tag not in targets), None)
    if stray is not None:
        raise AppError(
            "unknown_target_transcript",
            f"There is a transcript for “{stray}”, but “{stray}” is not among the target languages.",
            422,
            details={"language": stray},
        )
    return replace(request, source_language=source, target_languages=targets, target_transcripts=texts)


def _served(tag: str, served: frozenset[str]) -> str:
    parts = tag.split("-")
    shortened = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((candidate for candidate in shortened if candidate in served), tag)


def _check_video(video: Dubbable, settings: Settings) -> None:
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
            "The video is not ready: let its upload or import come to an end first.",
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
    missing = [
        language
        for language in request.target_languages
        if language == request.source_language
        or not (served.is_spoken(language) if language in request.target_transcripts else language in reachable)
    ]
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
    asked = {speaker: voice_id for speaker, voice_id in request.voices.items() if voice_id not in {AUTO, CLONE}}
    for speaker, voice_id in asked.items():
        voice = offered.get(voice_id)
        if voice is None:
            raise AppError(
                "unknown_voice",
                f"There is no voice “{voice_id}”. GET /voices lists those there are.",
                422,
                details={"speaker": speaker, "voice_id": voice_id},
            )
        if not any(speaks(voice, language) for language in request.target_languages):
            raise AppError(
                "voice_language_mismatch",
                f"The voice “{voice_id}” speaks none of the languages asked for.",
                422,
                details={"speaker": speaker, "voice_id": voice_id, "speaks": list(voice.languages)},
            )


def _check_cloning(request: Request, served: Capabilities) -> None:
    """A voice is cloned only with its owner's consent, by an engine that can, into a language that the clone speaks."""
    if CLONE not in request.voices.values():
        return
    if not request.voice_consent:
        raise AppError(
            "voice_consent_required",
            "A voice may be cloned only if its owner agrees: confirm that with `voice_consent`, or choose a voice.",
            422,
        )
    if not any(serves(served.cloned, language) for language in request.target_languages):
        raise AppError(
            "cloning_not_offered",
            "Voices can't be cloned here for the languages asked for. Choose from GET /voices, or `auto`.",
            422,
            details={"supported": sorted(served.cloned)},
        )
