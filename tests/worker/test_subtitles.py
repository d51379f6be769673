"""Cues that can be read, files that no line can break."""

import html
import re
from itertools import pairwise

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.subtitles import (
    LONGEST_SECONDS,
    SHORTEST_SECONDS,
    ZERO_WIDTH_SPACE,
    Cue,
    SubtitleLine,
    bilingual,
    cues,
    to_ass,
    to_srt,
    to_vtt,
    too_fast,
)

WORDS = st.text("abcdefghijklmnop,.!<>&{}\\-/0123456789", min_size=1, max_size=60)
TEXTS = st.one_of(
    st.lists(WORDS, min_size=1, max_size=40).map(" ".join),
    st.text("日本語の字幕、です。ー「」", min_size=1, max_size=120),
    st.lists(st.text("한국어자막은짧게", min_size=1, max_size=6), min_size=1, max_size=30).map(" ".join),
    st.text(max_size=80),
)


@st.composite
def spoken_lines(draw: st.DrawFn) -> list[SubtitleLine]:
    lines, at = [], 0.0
    for text in draw(st.lists(TEXTS, max_size=12)):
        at = max(0.0, at + draw(st.floats(-2, 5)))
        length = draw(st.floats(0, 25))
        lines.append(SubtitleLine(at, at + length, text, "S1"))
        at += length
    return lines


def letters(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f]", "", text)


@given(spoken_lines())
def test_cues_keep_all_text_and_every_limit(lines: list[SubtitleLine]) -> None:
    made = cues(lines)
    for cue in made:
        rows = cue.text.split("\n")
        assert len(rows) <= 2
        assert all(0 < len(row) <= 42 for row in rows)
        assert SHORTEST_SECONDS - 0.0011 <= cue.end - cue.start <= LONGEST_SECONDS + 0.0011
    assert all(before.end <= after.start for before, after in pairwise(made))
    assert sorted(letters("".join(cue.text for cue in made))) == sorted(letters("".join(line.text for line in lines)))


@given(st.lists(TEXTS, max_size=8))
def test_text_stays_in_order(texts: list[str]) -> None:
    made = cues([SubtitleLine(10.0 * n, 10.0 * n + 4, text, "S1") for n, text in enumerate(texts)])
    assert letters("".join(cue.text for cue in made)) == letters("".join(texts))


@given(spoken_lines(), st.floats(0.5, 120))
def test_cues_end_with_the_file(lines: list[SubtitleLine], duration: float) -> None:
    made = cues(lines, duration)
    assert all(before.end <= after.start for before, after in pairwise(made))
    assert all(0 <= cue.start <= cue.end <= duration + 0.0006 for cue in made)
    if len(made) * SHORTEST_SECONDS <= duration:
        assert all(cue.end - cue.start >= SHORTEST_SECONDS - 0.0011 for cue in made)
    assert sorted(letters("".join(cue.text for cue in made))) == sorted(letters("".join(line.text for line in lines)))


@given(st.lists(TEXTS.filter(letters), max_size=8))
def test_files_read_back_as_they_were_written(texts: list[str]) -> None:
    made = cues([SubtitleLine(10.0 * n, 10.0 * n + 4, text, "S1") for n, text in enumerate(texts)])
    vtt = to_vtt(made)
    blocks = vtt.removesuffix("\n").split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert [html.unescape(block.split("\n", 1)[1]) for block in blocks[1:]] == [cue.text for cue in made]
    blocks = to_srt(made).removesuffix("\n").split("\n\n") if made else []
    read = [block.split("\n", 2) for block in blocks]
    assert [number for number, _, _ in read] == [str(n) for n in range(1, len(made) + 1)]
    assert [text.replace(ZERO_WIDTH_SPACE, "") for *_, text in read] == [
        cue.text.replace(ZERO_WIDTH_SPACE, "") for cue in made
    ]


NASTY = "a --> b\n\n<i>not italic</i>\n00:00:01,000 --> 00:00:02,000\r\n{\\an8}1 < 2 && 3 > 2"


@pytest.mark.parametrize(("write", "form"), [(to_srt, "srt"), (to_vtt, "vtt")])
def test_another_reader_sees_the_same_cues(write: object, form: str) -> None:
    made = [Cue(1.0, 2.5, NASTY), Cue(3661.001, 3662.0, "2024"), Cue(3663.0, 3664.0, "last")]
    text = write(made)  # type: ignore[operator]
    read = pysubs2.SSAFile.from_string(text, form)
    assert [(event.start, event.end) for event in read] == [(1000, 2500), (3661001, 3662000), (3663000, 3664000)]
    shown = html.unescape(read[0].text).replace(ZERO_WIDTH_SPACE, "").replace("\\N", "\n")
    assert shown.split("\n") == [row.strip() for row in NASTY.splitlines() if row.strip()]


def test_rows_are_even_and_break_at_words() -> None:
    (cue,) = cues([SubtitleLine(0, 4, "One of the things that everybody should know about", "S1")])
    assert cue.text == "One of the things that\neverybody should know about"


def test_japanese_rows_have_sixteen_characters_and_do_not_begin_with_a_full_stop() -> None:
    made = cues([SubtitleLine(0, 6, "これはとても長い日本語の文章です。句読点で始まる行はありません。", "S1")])
    rows = [row for cue in made for row in cue.text.split("\n")]
    assert all(len(row) <= 16 and row[0] not in "。、" for row in rows)


def test_a_long_slow_line_is_shown_in_turns() -> None:
    made = cues([SubtitleLine(0, 20, "slow words that take their time", "S1")])
    assert len(made) == 3
    assert made[-1].end == 20.0


def test_a_second_speaker_is_shown_when_he_begins() -> None:
    made = cues([SubtitleLine(0, 6, "I am talking all the time.", "S1"), SubtitleLine(2, 3, "Stop!", "S2")])
    assert [(cue.start, cue.end) for cue in made] == [(0.0, 2.0), (2.0, 3.0)]


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
def test_bilingual_cues_have_a_row_of_each_text_and_lose_none(pairs: list[tuple[str, str]]) -> None:
    lines = [(SubtitleLine(20.0 * n, 20.0 * n + 6, text, "S1"), beneath) for n, (text, beneath) in enumerate(pairs)]
    made = bilingual(lines)
    for cue in made:
        rows = cue.text.split("\n")
        assert len(rows) <= 2
        assert all(0 < len(row) <= 42 for row in rows)
        assert cue.end - cue.start <= LONGEST_SECONDS + 0.0011
    assert all(before.end <= after.start for before, after in pairwise(made))
    assert sorted(letters("".join(cue.text for cue in made))) == sorted(letters("".join(a + b for a, b in pairs)))


def test_sentence_stands_beneath_sentence_where_both_texts_have_as_many() -> None:
    said = "Buenos días. Mi nombre es Anna y vivo en la ciudad."
    source = "Good morning. My name is Anna and I live here now."
    line = SubtitleLine(1, 5, said, "S1")
    assert [cue.text for cue in bilingual([(line, source)])] == [
        "Buenos días.\nGood morning.", "Mi nombre es Anna y vivo en la ciudad.\nMy name is Anna and I live here now.",
    ]  # fmt: skip
    hurried = SubtitleLine(1, 3, said, "S1")
    assert bilingual([(hurried, source)])[0].text.startswith("Buenos días. Mi nombre"), "too short alone"
    together = bilingual([(SubtitleLine(1, 5, "Hola. ¿Qué tal?", "S1"), "Hello. How are you?")])
    assert [cue.text for cue in together] == ["Hola. ¿Qué tal?\nHello. How are you?"]


def test_a_long_line_is_cut_behind_a_sentence_rather_than_in_the_middle_of_one() -> None:
    text = "He had been there before. Nobody knew why he had come back to the old house by the river."
    first, second = cues([SubtitleLine(0, 8, text, "S1")])
    assert first.text == "He had been there before."
    assert second.start == pytest.approx(8 * len(first.text) / (len(text) - 1), abs=0.01)
    clauses = "When the door had opened for the second time that night, they all looked up from what they were reading."
    assert cues([SubtitleLine(0, 8, clauses, "S1")])[0].text.endswith("night,")


def test_a_cue_stays_into_the_pause_until_it_can_be_read() -> None:
    said = "A sentence of fifty-one characters that was hurried"
    cue, after = cues([SubtitleLine(0, 1, said, "S1"), SubtitleLine(9, 10, "Later.", "S1")])
    assert cue.end == pytest.approx((len(said) - 1) / 17, abs=0.001), "the row break is not read"
    assert too_fast([cue, after]) == 0


def test_what_goes_by_too_fast_is_counted_in_either_script() -> None:
    hurried = [SubtitleLine(n, n + 1, "Too many characters for a second", "S1") for n in range(3)]
    assert too_fast(cues(hurried, 3.0)) == 3
    korean = "한국어 자막은 일 초에 열두 글자까지"
    fast, slow = ([SubtitleLine(0, end, korean, "S1")] for end in (1.0, 3.0))
    assert too_fast(cues(fast, 1.0)) >= 1
    assert too_fast(cues(slow, 3.0)) == 0


def test_ass_says_what_was_said_whatever_is_in_it() -> None:
    made = [Cue(1.0, 2.5, r"C:\new {\an8}up"), Cue(36_001.0, 36_002.5, "two\nrows")]
    read = pysubs2.SSAFile.from_string(to_ass(made, 1280, 720), "ass")
    assert [(event.start, event.end) for event in read] == [(1000, 2500), (36_001_000, 36_002_500)]
    assert read[1].plaintext == "two\nrows"
    assert r"\{" in read[0].text
    assert "\\n" not in read[0].text
