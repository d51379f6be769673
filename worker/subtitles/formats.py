"""Cues as SRT, WebVTT and ASS texts that no line can break."""

import html
import re
from collections.abc import Sequence

from worker.subtitles.cues import CONTROL, Cue

# SubRip has no escapes. A character that is not seen keeps apart what a player would take for markup or a time line.
ZERO_WIDTH_SPACE = "\u200b"
_SRT_MARKUP = re.compile(r"--(?=>)|<(?=[A-Za-z/!])|\{(?=\\)|\d:(?=\d\d:\d\d[.,]\d)")
# In ASS a backslash begins an escape, and braces hold overrides unless they are escaped.
_ASS_MARKUP = re.compile(r"[\\{}]")
_ASS_ESCAPED = {"\\": "\\\u2060", "{": r"\{", "}": r"\}"}  # a word joiner is not seen
# Letters and their distance from the edge, as shares of the picture's lower dimension.
LETTER_SHARE, MARGIN_SHARE = 0.055, 0.05


def to_srt(cues: Sequence[Cue]) -> str:
    """The cues as SubRip."""
    blocks = (
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{_srt_text(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def to_vtt(cues: Sequence[Cue]) -> str:
    """The cues as WebVTT (W3C), with `&`, `<` and `>` as character references."""
    blocks = (
        f"\n{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{html.escape(_rows_of(cue.text), quote=False)}\n"
        for cue in cues
    )
    return "WEBVTT\n" + "".join(blocks)


def to_ass(cues: Sequence[Cue], width: int, height: int) -> str:
    """The cues as Advanced SubStation Alpha for a picture of `width` × `height`, white on a dark outline."""
    size, margin = round(LETTER_SHARE * min(width, height)), round(MARGIN_SHARE * min(width, height))
    outline = max(1.0, size / 16)
    style = f"Default,sans-serif,{size},&H00FFFFFF,&H00000000,&H80000000,1,{outline:.1f},0,2,{margin},{margin},{margin}"
    head = (
        f"[Script Info]\nScriptType: v4.00+\nPlayResX: {width}\nPlayResY: {height}\nWrapStyle: 0\n"
        "ScaledBorderAndShadow: yes\n\n[V4+ Styles]\nFormat: Name, Fontname, Fontsize, PrimaryColour, OutlineColour, "
        f"BackColour, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV\nStyle: {style}\n\n"
        "[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n"
    )
    lines = (
        f"Dialogue: 0,{_hundredths(cue.start)},{_hundredths(cue.end)},Default,,0,0,0,,{_ass_text(cue.text)}\n"
        for cue in cues
    )
    return head + "".join(lines)


def _time(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{milliseconds:03}"


def _hundredths(seconds: float) -> str:
    whole, hundredths = divmod(round(seconds * 100), 100)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}.{hundredths:02}"


def _rows_of(text: str) -> str:
    """The text without blank rows, which would end a cue, and without control characters."""
    rows = (row.strip() for row in CONTROL.sub("", text).splitlines())
    return "\n".join(row for row in rows if row)


def _srt_text(text: str) -> str:
    return _SRT_MARKUP.sub(lambda found: found[0] + ZERO_WIDTH_SPACE, _rows_of(text))


def _ass_text(text: str) -> str:
    return _ASS_MARKUP.sub(lambda found: _ASS_ESCAPED[found[0]], _rows_of(text)).replace("\n", "\\N")
