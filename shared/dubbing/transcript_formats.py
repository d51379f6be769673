"""Transcripts that come with a job: SRT, WebVTT, or JSON `{segments: [{start?, end?, speaker?, text}]}`."""

import html
import json
import re
from typing import Any

import pysubs2
from pysubs2.formats.subrip import SubripFormat
from pysubs2.formats.webvtt import WebVTTFormat

from shared.dubbing.transcript import GivenLine, GivenTranscript
from shared.errors import AppError

MAX_BYTES = 5 * 1000 * 1000
MAX_LINES = 20_000
LATEST_SECONDS = 1e6  # no file is that long
MAX_SPEAKER = 100  # characters
MAX_LINE = 5_000  # characters; nobody says more in one breath
MAX_ROW = 500  # characters of a row of times with its settings

_ARROW = "-->"
# No class below reaches over the beginning of another tag: each text is read once, however many tags stay open.
_VOICE_TAG = re.compile(r"<v(?:\.[^\s<>]*)?\s+([^\s<>][^<>]*)>", re.IGNORECASE)
_TAGS = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")  # HTML, WebVTT time stamps, SubStation overrides
_NEGATIVE_TIME = re.compile(r"\s*-\s*\d|.*-->\s*-")
_COMMENT = re.compile(r"(NOTE|STYLE|REGION)\b")


def parse(document: str | dict[str, Any]) -> GivenTranscript:
    """Read a transcript, its kind told by its content; timed lines come in order of start, empty ones are left out.

    Raises AppError `invalid_transcript` (422) with a sentence that names the line.
    """
    if isinstance(document, str):
        if len(document.encode("utf-8", "replace")) > MAX_BYTES:
            raise _invalid("The transcript is larger than 5 MB.")
        document = document.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    lines = _from_text(document) if isinstance(document, str) else _from_document(document)
    return _agreeing([line for line in lines if line.text])


def _from_text(text: str) -> list[GivenLine]:
    if text.lstrip().startswith("{"):
        return _from_document(_json(text))
    if _ARROW not in text:
        raise _invalid("The transcript is not SRT, WebVTT or JSON with segments.")
    return _from_subtitles(text, WebVTTFormat if text.lstrip().startswith("WEBVTT") else SubripFormat)


def _from_subtitles(text: str, kind: type[SubripFormat]) -> list[GivenLine]:
    rows = text.split("\n")
    stamped = [number for number, row in enumerate(rows, 1) if _ARROW in row]
    for number in stamped:
        row = rows[number - 1]
        if len(row) > MAX_ROW or len(kind.TIMESTAMP.findall(row)) != 2 or _NEGATIVE_TIME.match(row):
            raise _invalid(f"Line {number} of the transcript has no two times that can be read: {row[:60]!r}.")
    spoken = "\n".join(_without_comments(rows))
    events = pysubs2.SSAFile.from_string(spoken, "vtt" if kind is WebVTTFormat else "srt", keep_html_tags=True)
    return [
        line
        for number, event in zip(stamped, events, strict=True)
        for line in _timed(
            event.start / 1000, event.end / 1000, event.text.replace("\\N", "\n"), None, f"Line {number}"
        )
    ]


def _without_comments(rows: list[str]) -> list[str]:
    """The rows without WebVTT's notes and styles and without the cues' names, which are not spoken."""
    kept: list[str] = []
    skipping = False
    for index, row in enumerate(rows):
        begins = index == 0 or not rows[index - 1].strip()
        if begins:
            skipping = bool(_COMMENT.match(row)) and _ARROW not in row
        names_cue = begins and _ARROW not in row and index + 1 < len(rows) and _ARROW in rows[index + 1]
        if not skipping and not names_cue:
            kept.append(row)
    return kept


def _json(text: str) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise _invalid(f"The transcript is not valid JSON{where}.") from error
    return document


def _from_document(document: dict[str, Any]) -> list[GivenLine]:
    segments = document.get("segments")
    if not isinstance(segments, list):
        raise _invalid("The transcript has no list of segments.")
    return [line for number, item in enumerate(segments, 1) for line in _from_segment(item, f"Segment {number}")]


def _from_segment(item: Any, where: str) -> list[GivenLine]:
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise _invalid(f"{where} of the transcript has no text.")
    speaker = item.get("speaker")
    if speaker is not None and not isinstance(speaker, str):
        raise _invalid(f"{where} of the transcript has a speaker that is not a text.")
    start, end = item.get("start"), item.get("end")
    if start is None and end is None:
        return [GivenLine(_spoken(item["text"], where), speaker=_speaker(speaker))]
    return _timed(_seconds(start, where), _seconds(end, where), item["text"], speaker, where)


def _seconds(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= abs(value) < LATEST_SECONDS:
        raise _invalid(f"{where} of the transcript needs both a start and an end in seconds.")
    return float(value)


def _timed(start: float, end: float, text: str, speaker: str | None, where: str) -> list[GivenLine]:
    """The line; one for each voice where WebVTT names several, which share the time by the length of their texts."""
    if start < 0 or end <= start:
        raise _invalid(f"{where} of the transcript must end after it starts, and not start before zero.")
    said = [(name, words) for name, part in _voices(text, where) if (words := _spoken(part, where))]
    letters = sum(len(words) for _, words in said)
    lines, spoken, begin = [], 0, start
    for name, words in said:
        spoken += len(words)
        until = end if spoken == letters else start + (end - start) * spoken / letters
        lines.append(GivenLine(words, begin, until, _speaker(speaker if speaker is not None else name)))
        begin = until
    return lines


def _voices(text: str, where: str) -> list[tuple[str | None, str]]:
    """The parts of a line by the voice tags before them."""
    _check_length(text, where)
    before, *parts = _VOICE_TAG.split(text)
    named = [(html.unescape(name), part) for name, part in zip(parts[::2], parts[1::2], strict=True)]
    return [(None, before), *named]


def _check_length(text: str, where: str) -> None:
    if len(text) > MAX_LINE:
        raise _invalid(f"{where} of the transcript has more than {MAX_LINE:,} characters.")


def _spoken(text: str, where: str) -> str:
    _check_length(text, where)
    return " ".join(html.unescape(_TAGS.sub("", text)).replace("\x00", " ").split())


def _speaker(name: str | None) -> str | None:
    return " ".join((name or "").replace("\x00", " ").split())[:MAX_SPEAKER] or None


def _agreeing(lines: list[GivenLine]) -> GivenTranscript:
    if not lines:
        raise _invalid("The transcript has no line with words.")
    if len(lines) > MAX_LINES or sum(len(line.text) for line in lines) > MAX_BYTES:
        raise _invalid(f"The transcript has more than {MAX_LINES:,} lines or 5 MB.")
    untimed = [line for line in lines if line.start is None]
    if untimed and len(untimed) < len(lines):
        raise _invalid(f"Some lines of the transcript have times and some have none, such as {untimed[0].text[:60]!r}.")
    return GivenTranscript(tuple(sorted(lines, key=lambda line: line.start or 0.0)))


def _invalid(message: str) -> AppError:
    return AppError("invalid_transcript", message, 422)
