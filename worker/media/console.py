"""What ffmpeg's console output means. Pure: lines in, facts and failures out."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.errors import PermanentError, PipelineError, TransientError

DISK_FULL = ("disk_full", "There is no room left on the disk. The work will be tried again.")
KILLED = ("media_tool_killed", "The work on the file was stopped from outside. It will be tried again.")

_INPUT = re.compile(r"Input #0, (\S+), from ")
_STREAM = re.compile(r" +Stream #0:(\d+)\S*: (Video|Audio|Data|Subtitle): (.*)")
_PICTURE_SIZE = re.compile(r", \d{1,5}x\d{1,5}\b")
_NOTE = re.compile(r"      (\w[^:]*):")
# What a container may say about a picture, and a copy must not lose.
PICTURE_NOTES = frozenset(
    {
        "content light level metadata", "mastering display metadata", "ambient viewing environment",
        "dovi configuration record", "display matrix", "stereo 3d", "spherical mapping",
    }
)  # fmt: skip
_TAG = re.compile(r"\((\w{4}) / 0x[0-9A-F]{8}\)")
_TIME_BASE = re.compile(r"#tb 0: (\d+)/(\d+)")
_INTEGRATED = re.compile(r"\s+I:\s+(\S+) LUFS")
_TRUE_PEAK = re.compile(r"\s+Peak:\s+(\S+) dBFS")
# The absolute gate of BS.1770: what ffmpeg prints when no block was above it.
_NOTHING_LUFS = -70.0


@dataclass(frozen=True, slots=True)
class Loudness:
    """Gated loudness and true peak (ITU-R BS.1770); None: nothing to measure. Mono counts as played on two speakers."""

    integrated_lufs: float | None
    true_peak_dbtp: float | None


@dataclass(frozen=True, slots=True)
class Description:
    """A file in ffmpeg's words: its format's names, the streams that can carry its clock, the tags of data streams.

    `picture_notes` name what the container says about pictures beside their size: HDR, Dolby Vision, 360°, rotation.
    """

    formats: str
    clock: tuple[int, ...]
    data_tags: Mapping[int, str]
    picture_notes: frozenset[str] = frozenset()


def description(lines: Iterable[str]) -> Description | None:
    """Read the description of the first input; None where no input was opened."""
    formats, clock, tags, notes = None, [], {}, set()
    is_input = True
    for line in lines:
        is_input = is_input and not line.startswith("Output #")
        if not is_input:
            continue
        if formats is None and (opened := _INPUT.match(line)):
            formats = opened[1]
        elif note := _NOTE.match(line):
            notes.add(note[1].lower())
        elif stream := _STREAM.match(line):
            index, kind, rest = int(stream[1]), stream[2], stream[3]
            if _has_parameters(kind, rest):
                clock.append(index)
            elif kind == "Data" and (tag := _TAG.search(rest)):
                tags[index] = tag[1]
    if formats is None:
        return None
    return Description(formats, tuple(dict.fromkeys(clock)), tags, frozenset(notes & PICTURE_NOTES))


class Packet(NamedTuple):
    """When a packet is decoded and when it is shown (seconds)."""

    dts: float
    pts: float


def packets(lines: Iterable[str]) -> Iterator[Packet]:
    """What the framecrc muxer lists of one stream."""
    unit = 0.0
    for line in lines:
        if clock := _TIME_BASE.match(line):
            unit = int(clock[1]) / int(clock[2])
        elif not line.startswith("#") and len(fields := line.split(",")) > 2:
            yield Packet(int(fields[1]) * unit, int(fields[2]) * unit)


def seconds_done(line: str) -> float | None:
    """How much output (seconds) a line of ffmpeg's `-progress` says there is; None: it says something else."""
    name, _, value = line.strip().partition("=")
    return int(value) / 1e6 if name == "out_time_us" and value.lstrip("-").isdigit() else None


def loudness(lines: Sequence[str], *, peaks: bool = True) -> Loudness:
    """Read the summary of the ebur128 filter. Raises ValueError where there is none, or none of the `peaks`."""
    integrated = _last_number(_INTEGRATED, lines)
    peak = _last_number(_TRUE_PEAK, lines) if peaks else float("-inf")
    return Loudness(
        integrated if integrated > _NOTHING_LUFS else None,
        peak if peak > float("-inf") else None,
    )


def failure(code: int, lines: Sequence[str], otherwise: tuple[str, str]) -> PipelineError:
    """Why ffmpeg ended with `code` (negative: a signal): transient where trying again may help, else `otherwise`."""
    said = "\n".join(lines)
    error: PipelineError
    if "No space left on device" in said or "Disk quota exceeded" in said:
        error = TransientError(*DISK_FULL)
    elif code < 0 or "received signal" in said:
        error = TransientError(*KILLED)
    else:
        error = PermanentError(*otherwise)
    error.add_note(f"ffmpeg ended with {code}:\n{said}")
    return error


def _has_parameters(kind: str, rest: str) -> bool:
    """Whether ffmpeg knows enough of a stream to pass it on."""
    if kind == "Audio":
        return " Hz, " in rest and " 0 channels" not in rest
    return kind == "Video" and _PICTURE_SIZE.search(rest) is not None


def _last_number(pattern: re.Pattern[str], lines: Sequence[str]) -> float:
    found = [match[1] for line in lines if (match := pattern.match(line))]
    if not found:
        raise ValueError("the loudness meter printed no summary")
    return float(found[-1])
