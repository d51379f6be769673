"""One strip of the picture: a stretch of time, the source's sound above the dub's, what joins them, and speeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.picture.svg import element, envelope, plain, text

LEFT, PLOT = 64.0, 1_112.0  # pixels before the sounds, and of them
WAVE = 46.0  # height of a sound
SOURCE, DUB = 18.0, 88.0  # where each begins, from the strip's top
SPEEDS = 138.0
SPEED_HEIGHT = 26.0
HEIGHT = 196.0
ON_TIME, LATE = 0.06, 0.35  # seconds
BRISK, FAST = 1.05, 1.25
SLOWEST, FASTEST = 0.8, 1.4  # the ends of the speed's scale
TICKS = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
MOST_TICKS = 16
NUMBER_WIDTH = 30.0  # pixels; a narrower box has no room for its line's number
# Told apart by people who see colours differently, too (Okabe and Ito).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5b5b5b", "#8c6bb1")


@dataclass(frozen=True, slots=True)
class Scale:
    """The stretch from `start` on, `seconds` long, of a file of `duration` seconds."""

    start: float
    seconds: float
    duration: float

    def x(self, time: float) -> float:
        """Where `time` lies, in pixels; within the sounds' own range."""
        return LEFT + PLOT * min(1.0, max(0.0, (time - self.start) / self.seconds))

    def holds(self, time: float) -> bool:
        """Whether `time` is on this strip."""
        return self.start <= time < self.start + self.seconds

    def shows(self, start: float, end: float) -> bool:
        """Whether any of that is on this strip."""
        return end > self.start and start < self.start + self.seconds


def drawn(
    lines: Sequence[Mapping[str, Any]],
    speakers: Mapping[str, int],
    scale: Scale,
    levels: tuple[Sequence[float], ...],
) -> Iterator[str]:
    """The strip's elements; `lines` are the report's, `levels` those of source and dub, 0 to 1."""
    yield from _axis(scale)
    shown = [line for line in lines if _visible(line, scale)]
    for line in shown:
        yield from _boxes(line, scale, colour(speakers[line["speaker"]]))
    for sound, top, class_ in zip(levels, (SOURCE, DUB), ("source", "dub"), strict=True):
        yield envelope(sound, LEFT, top + WAVE / 2, PLOT / max(1, len(sound)), WAVE, class_)
    for line in shown:
        if line["start"] is not None:
            yield from _number(line, scale)
            yield from _joint(line, scale)
            yield from _speed(line, scale)


def colour(number: int) -> str:
    """The colour of the speaker with that number."""
    return COLOURS[number % len(COLOURS)]


def clock(seconds: float, digits: int = 0) -> str:
    """`75.4` as `1:15`, with so many digits after the seconds."""
    whole = round(seconds, digits)
    width = 3 + digits if digits else 2
    return f"{int(whole // 60)}:{whole % 60:0{width}.{digits}f}"


def _visible(line: Mapping[str, Any], scale: Scale) -> bool:
    placed = line["start"] is not None and scale.shows(line["start"], line["end"])
    return placed or scale.shows(line["source_start"], line["source_end"])


def _axis(scale: Scale) -> Iterator[str]:
    step = next((tick for tick in TICKS if scale.seconds / tick <= MOST_TICKS), TICKS[-1])
    for number in range(int(-(-scale.start // step)), int((scale.start + scale.seconds) / step + 1e-6) + 1):
        x = scale.x(number * step)
        yield element("line", x1=x, x2=x, y1=14, y2=HEIGHT - 18, class_="grid")
        yield text(clock(number * step), x, 10, "soft small mid")
    for label, y in (("source", SOURCE + WAVE / 2), ("dub", DUB + WAVE / 2), ("speed", SPEEDS + SPEED_HEIGHT / 2)):
        yield text(label, LEFT - 8, y + 4, "soft end")
    end = scale.x(scale.duration)
    for y in (SOURCE + WAVE / 2, DUB + WAVE / 2, _height_of(1.0)):
        yield element("line", x1=LEFT, x2=end, y1=y, y2=y, class_="axis")


def _boxes(line: Mapping[str, Any], scale: Scale, fill: str) -> Iterator[str]:
    """Where the line lies in the source and in the dub."""
    told = element("title", plain(_told(line)))
    places = [(line["source_start"], line["source_end"], SOURCE, "box")]
    if line["start"] is not None:
        places.append((line["start"], line["end"], DUB, "box"))
    for start, end, top, class_ in places:
        if scale.shows(start, end):
            x, width = scale.x(start), max(1.5, scale.x(end) - scale.x(start))
            box = {"x": x, "y": top, "width": width, "height": WAVE, "rx": 3}
            yield element("rect", told, fill=fill, fill_opacity=0.16, stroke=fill, class_=class_, **box)
            if line["needs_review"] and top == (DUB if line["start"] is not None else SOURCE):
                yield element("rect", class_="review", **box)


def _number(line: Mapping[str, Any], scale: Scale) -> Iterator[str]:
    x = scale.x(line["start"])
    if scale.shows(line["start"], line["end"]) and scale.x(line["end"]) - x > NUMBER_WIDTH:
        yield text(f"#{line['id']}", x + 4, DUB + WAVE - 4, "small number")


def _joint(line: Mapping[str, Any], scale: Scale) -> Iterator[str]:
    """From the source's onset to the dub's, and the drift where it is more than nobody hears."""
    if not scale.holds(min(line["start"], line["source_start"])):
        return
    drift = line["start"] - line["source_start"]
    class_ = "on" if abs(drift) <= ON_TIME else "late" if abs(drift) <= LATE else "far"
    yield element(
        "line", x1=scale.x(line["source_start"]), y1=SOURCE + WAVE, x2=scale.x(line["start"]), y2=DUB, class_=class_
    )
    if class_ != "on":
        x = max(scale.x(line["start"]), scale.x(line["source_start"]))
        yield text(f"{1000 * drift:+.0f} ms", x + 4, DUB - 8, "small bad" if class_ == "far" else "small warn")


def _speed(line: Mapping[str, Any], scale: Scale) -> Iterator[str]:
    if not scale.shows(line["start"], line["end"]):
        return
    speed, x = line["speed"], scale.x(line["start"])
    width, one, own = max(1.5, scale.x(line["end"]) - x - 1), _height_of(1.0), _height_of(speed)
    class_ = "slow" if speed <= BRISK else "brisk" if speed <= FAST else "fast"
    bar = {"x": x, "y": min(one, own), "width": width, "height": max(1.5, abs(one - own))}
    yield element("rect", element("title", plain(_told(line))), class_=class_, **bar)
    if width > 30:
        yield text(f"{speed:.2f}×", x + width / 2, SPEEDS + SPEED_HEIGHT + 12, "small mid soft")


def _height_of(speed: float) -> float:
    share = (min(FASTEST, max(SLOWEST, speed)) - SLOWEST) / (FASTEST - SLOWEST)
    return SPEEDS + SPEED_HEIGHT * (1 - share)


def _told(line: Mapping[str, Any]) -> str:
    """What a pointer on the line is told."""
    placed = ""
    if line["start"] is not None:
        drift = 1000 * (line["start"] - line["source_start"])
        placed = f"\n{line['speed']:.2f}×, {drift:+.0f} ms, {line.get('voice') or ''}"
    reasons = f"\nto review: {', '.join(line['reasons'])}" if line["reasons"] else ""
    words = f"{line.get('source_text') or ''}\n{line.get('text') or ''}"
    return f"#{line['id']} {line['speaker']} at {clock(line['source_start'], 2)}\n{words}{placed}{reasons}"
