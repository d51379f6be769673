"""The picture holds every line of the report, is well-formed whatever was said, and stays of bearable size."""

from typing import Any
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from worker.picture import columns_of, picture

SVG = "{http://www.w3.org/2000/svg}"
SPREAD = {"median": 0.0, "p95": 0.2, "max": 0.5}


def line(number: int, start: float, **more: Any) -> dict[str, Any]:
    return {
        "id": number, "speaker": f"S{1 + number % 2}", "source_start": start, "source_end": start + 2.0,
        "start": start + 0.1 * (number % 6), "end": start + 2.3, "speed": 1.0 + 0.07 * (number % 6),
        "needs_review": False, "reasons": [], "text": "Buenos días.", "source_text": "Good morning.", "voice": "e:es",
    } | more  # fmt: skip


def report(lines: list[dict[str, Any]], duration: float) -> dict[str, Any]:
    mix = {"dub_dialogue_lufs": -17.5, "target_lufs": -17.0, "true_peak_dbtp": -1.4}
    return {
        "source": {"language": "en", "duration": duration}, "target_language": "es", "lines": lines,
        "engines": {"translation": "apertium/3"}, "warnings": [{"code": "c", "message": "Look out."}],
        "measures": {
            "lines": len(lines), "onset_drift": SPREAD, "speed": SPREAD, "speech_lost": 0.0,
            "overlap_within_speaker": 0.0, "mix": mix,
        },
    }  # fmt: skip


def drawn(lines: list[dict[str, Any]], duration: float) -> ElementTree.Element:
    columns, _ = columns_of(duration)
    return ElementTree.fromstring(picture(report(lines, duration), [0.5] * columns, [0.2] * columns))


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_every_line_is_drawn_and_what_is_to_review_is_said():
    lines = [line(n, 3.0 * n) for n in range(30)]
    lines[4] |= {"needs_review": True, "reasons": ["late_onset"]}
    lines[7] |= {"start": None, "end": None, "speed": None, "needs_review": True, "reasons": ["empty_speech"]}
    root = drawn(lines, 95.0)
    told = "\n".join(element.text or "" for element in root.iter(f"{SVG}title"))
    assert all(f"#{one['id']} {one['speaker']}" in told for one in lines)
    assert {"late onset", "empty speech", "▲ Look out.", "To review: 2 of 30 lines"} <= set(texts(root))
    assert sum(rect.get("class") == "review" for rect in root.iter(f"{SVG}rect")) == 2
    assert "+500 ms" in texts(root)
    assert "1.35×" in texts(root)


def test_a_warning_is_said_to_its_end():
    told = report([line(0, 1.0)], 4.0)
    told["warnings"] = [{"code": "c", "message": " ".join(f"word{n}" for n in range(40))}]
    columns, _ = columns_of(4.0)
    shown = texts(ElementTree.fromstring(picture(told, [0.5] * columns, [0.2] * columns)))
    rows = [row for row in shown if "word" in row]
    assert len(rows) > 1
    assert " ".join(rows) == f"▲ {told['warnings'][0]['message']}"


def test_nothing_said_is_drawn_too():
    assert "No line needs a second look." in texts(drawn([], 4.0))


words = st.text(max_size=60)


@settings(max_examples=60, deadline=None)
@given(words, words, st.floats(0.2, 40_000))
def test_it_is_well_formed_whatever_is_said(said, speaker, duration):
    root = drawn(
        [line(0, 0.0, text=said, source_text=said, speaker=speaker, needs_review=True, reasons=[said])], duration
    )
    assert not [element for element in root.iter() if element.tag not in {
        SVG + tag for tag in ("svg", "title", "style", "text", "rect", "line", "path", "g")
    }]  # fmt: skip


def test_markup_in_a_line_is_text():
    root = drawn([line(0, 0.0, text="<script>alert(1)</script>", needs_review=True, reasons=["x"])], 10.0)
    assert "<script>alert(1)</script>" in texts(root)


def test_three_hours_are_a_few_strips():
    columns, seconds = columns_of(3 * 3600)
    assert seconds >= 3 * 3600
    assert (
        len(picture(report([line(n, 4.0 * n) for n in range(2_700)], 3 * 3600), [0.1] * columns, [0.1] * columns)) < 4e6
    )


def test_levels_are_read_block_by_block(tmp_path):
    import numpy as np
    import soundfile

    from worker.media.peaks import peaks

    sound = np.zeros((48_000 * 3, 2), np.float32)
    sound[48_000:96_000, 1] = 0.5
    soundfile.write(tmp_path / "sound.flac", sound, 48_000)
    assert peaks(tmp_path / "sound.flac", 8, 4.0) == [0, 0, 0.5, 0.5, 0, 0, 0, 0]
