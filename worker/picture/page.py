"""The whole page: what it is about, one strip below the other, and the lines that a person should look at."""

from collections.abc import Mapping, Sequence
from math import ceil
from textwrap import wrap
from typing import Any

from worker.picture import strip
from worker.picture.strip import LEFT, PLOT, Scale
from worker.picture.svg import element, plain, text

WIDTH = LEFT + PLOT + 24
LEAST, SHORT = 10.0, 30.0  # seconds of a strip, where there are one or two
STRIP_SECONDS = (20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
MOST_STRIPS = 24
COLUMN = 2.0  # pixels of a waveform that are one level
LISTED = 40  # lines for review that are spelled out
LINE, HEAD = 19, 28
LONGEST_TEXT, LONGEST_WARNING = 90, 150  # characters of a row
STYLE = """
svg{background:#fff}text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;fill:#24303c}
.h1{font-size:19px;font-weight:600}.h2{font-size:13px;font-weight:600}.soft{fill:#66717d}.small{font-size:10px}
.number{paint-order:stroke;stroke:#fff;stroke-width:3px}.end{text-anchor:end}.mid{text-anchor:middle}.bad{fill:#b3261e}.warn{fill:#8a5300}
.source{fill:#8d99a6}.dub{fill:#22384f}.axis{stroke:#dfe4e9}.grid{stroke:#eef1f4}.box{stroke-width:1}
.on{stroke:#9aa5b1}.late{stroke:#d98200}.far{stroke:#c62828}.review{fill:none;stroke:#c62828;stroke-width:1.6}
.slow{fill:#b7c3cf}.brisk{fill:#f0a531}.fast{fill:#d64541}
"""


def columns_of(seconds: float) -> tuple[int, float]:
    """How many levels of a sound `picture` wants, and which stretch in seconds they are of."""
    strips, length = _strips(seconds)
    return round(strips * PLOT / COLUMN), strips * length


def picture(report: Mapping[str, Any], source: Sequence[float], dub: Sequence[float]) -> str:
    """An SVG document of `report` (worker/report.py); `source` and `dub` are levels as `columns_of` says."""
    seconds = report["source"]["duration"]
    strips, length = _strips(seconds)
    speakers = {name: number for number, name in enumerate(dict.fromkeys(line["speaker"] for line in report["lines"]))}
    loudest = max(*source, 0.05), max(*dub, 0.05)
    parts, y = _head(report, speakers)
    for number in range(strips):
        scale = Scale(number * length, length, seconds)
        first, last = (round(place * PLOT / COLUMN) for place in (number, number + 1))
        levels = tuple(
            [level / top for level in sound[first:last]] for sound, top in zip((source, dub), loudest, strict=True)
        )
        parts.append(
            element("g", *strip.drawn(report["lines"], speakers, scale, levels), transform=f"translate(0 {y})")
        )
        y += strip.HEIGHT
    foot, y = _review(report["lines"], y + 12)
    title = f"{report['source']['language']} → {report['target_language']}"
    return element(
        "svg", element("title", plain(f"Dub {title}")), element("style", STYLE), *parts, *foot,
        xmlns="http://www.w3.org/2000/svg", width=WIDTH, height=y + 8, viewBox=f"0 0 {WIDTH} {y + 8}",
    )  # fmt: skip


def _strips(seconds: float) -> tuple[int, float]:
    """How many strips, and how many seconds each is."""
    if seconds <= 2 * SHORT:
        count = max(1, ceil(seconds / SHORT))
        return count, max(LEAST, seconds / count)
    length = next((one for one in STRIP_SECONDS if seconds <= one * MOST_STRIPS), STRIP_SECONDS[-1])
    return ceil(seconds / length), length


def _head(report: Mapping[str, Any], speakers: Mapping[str, int]) -> tuple[list[str], float]:
    source, measures = report["source"], report["measures"]
    title = f"{source['language']} → {report['target_language']}, {strip.clock(source['duration'])}"
    title = f"{title}, {measures['lines']} lines"
    parts = [text(title, 16, HEAD, "h1")]
    y: float = HEAD + 24
    for label, value, good in _facts(measures):
        parts += [text(label, 16, y, "soft"), text(value, 190, y, "" if good else "bad")]
        y += LINE
    side: float = HEAD + 24
    for slot, engine in report["engines"].items():
        parts += [text(slot.replace("_", " "), 560, side, "soft"), text(engine, 720, side)]
        side += LINE
    y = max(y, side)
    for warning in report["warnings"]:
        for number, row in enumerate(wrap(warning["message"], LONGEST_WARNING)):
            parts.append(text(f"▲ {row}" if number == 0 else row, 16 if number == 0 else 30, y, "warn"))
            y += LINE
    return [*parts, *_legend(speakers, y)], y + LINE + 8


def _legend(speakers: Mapping[str, int], y: float) -> list[str]:
    parts, x = [], 16.0
    for name, number in list(speakers.items())[:12]:
        parts.append(element("rect", x=x, y=y - 10, width=12, height=12, rx=2, fill=strip.colour(number)))
        parts.append(text(_cut(name, 16), x + 17, y))
        x += 34 + 7 * min(len(name), 16)
    note = "above: source, below: dub; the lines between join their onsets; bars: speed; red: to review"
    return [*parts, text(note, WIDTH - 24, y, "soft small end")]


def _facts(measures: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Label, value, and whether it is as promised."""
    drift, speed, mix = measures["onset_drift"], measures["speed"], measures["mix"] or {}
    facts = []
    if drift and speed:
        shown = " / ".join(f"{1000 * drift[name]:.0f}" for name in ("median", "p95", "max"))
        facts.append(("onset drift, ms", f"{shown} (median / p95 / max)", drift["p95"] <= 0.35))
        shown = " / ".join(f"{speed[name]:.2f}" for name in ("median", "p95", "max"))
        facts.append(("speed", f"{shown} (median / p95 / max)", speed["max"] <= 1.4))
    lost = measures["speech_lost"]
    facts.append(("speech lost", f"{100 * lost:.1f} %", not lost))
    within = measures["overlap_within_speaker"]
    facts.append(("overlap within a speaker", f"{within:.2f} s", within <= 0.001))
    if mix.get("dub_dialogue_lufs") is not None:
        shown = f"{mix['dub_dialogue_lufs']:.1f} LUFS, wanted {mix['target_lufs']:.1f}"
        facts.append(("dialogue", shown, abs(mix["dub_dialogue_lufs"] - mix["target_lufs"]) <= 1))
    if mix.get("true_peak_dbtp") is not None:
        facts.append(("true peak", f"{mix['true_peak_dbtp']:.1f} dBTP", mix["true_peak_dbtp"] <= -1))
    return [(label, value.replace("-", "−"), good) for label, value, good in facts]


def _review(lines: Sequence[Mapping[str, Any]], y: float) -> tuple[list[str], float]:
    wanted = [line for line in lines if line["needs_review"]]
    if not wanted:
        return [text("No line needs a second look.", 16, y + LINE, "soft")], y + LINE
    parts = [text(f"To review: {len(wanted)} of {len(lines)} lines", 16, y + LINE, "h2")]
    y += LINE
    for line in wanted[:LISTED]:
        y += LINE
        reasons = ", ".join(reason.replace("_", " ") for reason in line["reasons"])
        parts += [
            text(f"#{line['id']}", 16, y, "bad"), text(strip.clock(line["source_start"], 1), 60, y),
            text(_cut(line["text"], LONGEST_TEXT), 120, y), text(reasons, WIDTH - 24, y, "bad end"),
        ]  # fmt: skip
    if len(wanted) > LISTED:
        y += LINE
        parts.append(text(f"and {len(wanted) - LISTED} more, which report.json lists", 16, y, "soft"))
    return parts, y


def _cut(content: str, longest: int) -> str:
    return content if len(content) <= longest else f"{content[: longest - 1]}…"
