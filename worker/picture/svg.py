"""SVG elements as text. What goes in is escaped, whoever wrote it."""

import re
from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, *inside: str, **attributes: str | float) -> str:
    """`<tag …>inside</tag>`; `inside` is SVG already; `fill_opacity` is `fill-opacity`, `class_` is `class`."""
    named = "".join(f" {name.rstrip('_').replace('_', '-')}={quoteattr(shown(v))}" for name, v in attributes.items())
    return f"<{tag}{named}>{''.join(inside)}</{tag}>" if inside else f"<{tag}{named}/>"


def text(content: str, x: float, y: float, class_: str = "", **attributes: str | float) -> str:
    """One line of text from (x, y) on."""
    classes = {"class_": class_} if class_ else {}
    return element("text", plain(content), x=x, y=y, **classes, **attributes)


def plain(content: str) -> str:
    """`content` as character data."""
    return escape(_NOT_XML.sub("", content))


def shown(value: str | float) -> str:
    """A number in hundredths at most; text without what XML can't hold."""
    return _NOT_XML.sub("", value) if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def envelope(levels: Iterable[float], x: float, middle: float, step: float, height: float, class_: str) -> str:
    """A waveform: its levels (0 to 1), `step` apart, mirrored about `middle`, `height` high at full level."""
    points = [(x + (number + 0.5) * step, max(0.4, level * height / 2)) for number, level in enumerate(levels)]
    upper = [f"{shown(at)} {shown(middle - half)}" for at, half in points]
    lower = [f"{shown(at)} {shown(middle + half)}" for at, half in reversed(points)]
    return element("path", d=f"M{'L'.join(upper + lower)}Z", class_=class_) if points else ""
