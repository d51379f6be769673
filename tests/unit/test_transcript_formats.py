"""Transcripts are read whatever wrote them, and a wrong one is refused with its line."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing.transcript import GivenLine
from shared.dubbing.transcript_formats import MAX_BYTES, MAX_LINES, parse
from shared.errors import AppError

SRT = """1
00:00:01,000 --> 00:00:02,500
Good <i>morning</i> &amp; welcome.

2
00:00:03,000 --> 00:00:04,000
{\\an8}Two
lines.

3
00:00:05,000 --> 00:00:06,000

"""
VTT = """WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

NOTE 00:00 is not spoken
and neither is this

intro
00:01.000 --> 00:02.500 align:start
<v.loud Ann Lee>Good <c.yellow>morning</c></v>

01:00:03.000 --> 01:00:04.000
<v Bob>Hi <00:00:03.500>there &lt;3

NOTE over
"""


def refused(document: Any) -> str:
    with pytest.raises(AppError) as error:
        parse(document)
    assert (error.value.code, error.value.status) == ("invalid_transcript", 422)
    return error.value.message


@pytest.mark.parametrize("text", [SRT, "\ufeff" + SRT, SRT.replace("\n", "\r\n"), SRT.replace("\n", "\r"), SRT.strip()])
def test_srt(text: str) -> None:
    assert parse(text).lines == (
        GivenLine("Good morning & welcome.", 1.0, 2.5), GivenLine("Two lines.", 3.0, 4.0),
    )  # fmt: skip
    assert parse(text).timed


def test_vtt_with_speakers_and_without_its_notes() -> None:
    assert parse(VTT).lines == (
        GivenLine("Good morning", 1.0, 2.5, "Ann Lee"), GivenLine("Hi there <3", 3603.0, 3604.0, "Bob"),
    )  # fmt: skip


def test_json_as_text_and_as_a_document() -> None:
    document = {"segments": [
        {"start": 3, "end": 4.5, "text": "Second", "speaker": "B"}, {"start": 1.0, "end": 2, "text": "<b>First</b>"},
        {"start": 5, "end": 6, "text": "  "},
    ]}  # fmt: skip
    expected = (GivenLine("First", 1.0, 2.0), GivenLine("Second", 3.0, 4.5, "B"))
    assert parse(document).lines == parse(json.dumps(document)).lines == expected


def test_json_without_times_keeps_its_order() -> None:
    parsed = parse({"segments": [{"text": "b"}, {"text": "a", "speaker": "X", "start": None}]})
    assert parsed.lines == (GivenLine("b"), GivenLine("a", speaker="X"))
    assert not parsed.timed


def test_srt_without_numbers_or_blank_lines() -> None:
    text = "00:00:01,000 --> 00:00:02,000\nOne\n2\n00:00:03,000 --> 00:00:04,000\nTwo 2\n"
    assert [line.text for line in parse(text).lines] == ["One", "Two 2"]


@pytest.mark.parametrize(
    "text", ["", "   ", "just words", "{", "{}", '{"segments": 3}', '{"segments": []}', "[1]", "WEBVTT\n"]
)
def test_nothing_readable(text: str) -> None:
    assert refused(text)


@pytest.mark.parametrize(
    "row",
    ["-00:00:01,000 --> 00:00:02,000", "00:00:01,000 --> oops", "00:00:05,000 --> 00:00:04,000", "--> 00:00:01,000"],
)
def test_bad_times_name_their_line(row: str) -> None:
    assert "Line 6 " in refused(f"1\n00:00:00,000 --> 00:00:01,000\nHi\n\n2\n{row}\nHo\n")


@pytest.mark.parametrize(
    "segment",
    [
        {"text": "x", "start": -1, "end": 2}, {"text": "x", "start": 2, "end": 1}, {"text": "x", "start": 1},
        {"text": "x", "start": "1", "end": 2}, {"text": "x", "start": True, "end": 2}, {"start": 1, "end": 2}, "x",
        {"text": 3, "start": 1, "end": 2}, {"text": "x", "start": 1, "end": float("inf")},
        {"text": "x", "start": float("nan"), "end": 2}, {"text": "x", "speaker": 3, "start": 1, "end": 2},
    ],
)  # fmt: skip
def test_bad_segments_name_their_number(segment: Any) -> None:
    assert "Segment 2 " in refused({"segments": [{"text": "ok", "start": 0, "end": 1}, segment]})


def test_times_for_some_lines_only() -> None:
    assert "'b'" in refused({"segments": [{"text": "a", "start": 0, "end": 1}, {"text": "b"}]})


def test_too_much() -> None:
    assert "20,000" in refused({"segments": [{"text": "a"}] * (MAX_LINES + 1)})
    assert "5 MB" in refused("x" * (MAX_BYTES + 1))


@given(st.text(max_size=300) | st.text(alphabet='WEBVTNO\n 0123:,.->{}<v>a"[]', max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, "WEBVTT\n\n" + text, "00:00:00,000 --> 00:00:01,000\n" + text):
        with suppress(AppError):
            lines = parse(whole).lines
            assert lines
            assert all(line.text for line in lines)


CUE = "WEBVTT\n\n00:00.100 --> 00:02.000"


@pytest.mark.parametrize("settings", ["line:-1", "position:50%,line-left align:left", "line:-1 size:80%"])
def test_cue_settings_are_not_times(settings):
    assert parse(f"{CUE} {settings}\nHi.").lines[0].text == "Hi."


def test_each_voice_of_a_cue_has_its_own_line_and_share_of_the_time():
    first, second = parse(f"{CUE}\n<v Bob>Hi.</v>\n<v Ann>Hello.</v>").lines
    assert [(line.speaker, line.text) for line in (first, second)] == [("Bob", "Hi."), ("Ann", "Hello.")]
    assert (first.start, second.end) == (0.1, 2.0)
    assert first.end == second.start == pytest.approx(0.1 + 1.9 * 3 / 9)


@pytest.mark.parametrize("opening", ["<v ", "<v.a", "<a", "{\\", "<v" + " " * 50, "<1:"])
def test_tags_that_are_never_closed_cost_no_more_than_their_length(opening):
    """Quadratic patterns took a minute for these, and with it the whole process."""
    text = (opening * 5_000)[:4_990]
    assert len(parse({"segments": [{"text": f"a {text}"}] * 900}).lines) == 900


@pytest.mark.parametrize("body", [f"{CUE}\n{'word ' * 1001}", {"segments": [{"text": "a" * 5001}]}])
def test_a_line_that_nobody_could_say_is_refused(body):
    with pytest.raises(AppError, match="5,000 characters"):
        parse(body)
