"""Words become segments: none is lost, order is kept, bounds hold."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.dubbing.transcript import Word
from worker.segmentation import LONG_PAUSE, LONGEST, are_events, segmented

TEXTS = st.sampled_from(("the", "dog", "i", "i'm", "Stop.", "well,", "¿Qué?", "東京", "end…", "a", "stop."))


@st.composite
def spoken(draw: st.DrawFn) -> list[Word]:
    time, words = 0.0, []
    for _ in range(draw(st.integers(0, 80))):
        time += draw(st.sampled_from((0.0, 0.05, 0.3, 0.6, 3.0)))
        length = draw(st.floats(0.01, 1.5))
        words.append(Word(draw(TEXTS), time, time + length, 0.9))
        time += length
    return words


def run(text: str, pause_before: dict[int, float] | None = None, length: float = 0.3) -> list[Word]:
    """Words of `text`, each `length` seconds, 0.1 s apart but for the pauses given."""
    time, words = 0.0, []
    for index, word in enumerate(text.split()):
        time += (pause_before or {}).get(index, 0.1)
        words.append(Word(word, round(time, 3), round(time + length, 3)))
        time += length
    return words


@given(spoken(), st.data())
def test_no_word_is_lost_and_bounds_hold(words: list[Word], data: st.DataObject) -> None:
    speakers = [data.draw(st.sampled_from("AB")) for _ in words]
    segments = segmented(words, "en", speakers)
    assert [word for segment in segments for word in segment.words] == words
    assert [segment.id for segment in segments] == list(range(len(segments)))
    named = iter(speakers)
    for segment in segments:
        assert segment.start == segment.words[0].start
        assert segment.end == segment.words[-1].end
        assert segment.end - segment.start <= LONGEST or len(segment.words) == 1
        assert {next(named) for _ in segment.words} == {segment.speaker}
        assert all(right.start - left.end < LONG_PAUSE for left, right in pairwise(segment.words))
        assert segment.text.strip()


def test_nothing_said_nothing_made() -> None:
    assert segmented([], "en") == ()


def test_bare_words_become_sentences() -> None:
    words = run("so i think i'm early but it is fine", {5: 0.8})
    assert [segment.text for segment in segmented(words, "en")] == ["So I think I'm early.", "But it is fine."]


def test_written_words_stay_as_they_are() -> None:
    words = run("This is the first one. And i said: the second one.")
    assert [segment.text for segment in segmented(words, "en")] == [
        "This is the first one.",
        "And i said: the second one.",
    ]


def test_a_short_answer_of_another_speaker_stands_alone() -> None:
    words = run("are you coming yes i am on my way")
    segments = segmented(words, "en", ["A"] * 3 + ["B"] * 6)
    assert [(segment.speaker, len(segment.words)) for segment in segments] == [("A", 3), ("B", 6)]


def test_a_long_breath_is_cut_at_its_longest_pause() -> None:
    words = run("word " * 40, {17: 0.4})
    assert [len(segment.words) for segment in segmented(words, "en")] == [17, 23]


def test_without_pauses_it_is_cut_at_a_comma() -> None:
    words = run("word " * 15 + "word, " + "word " * 24)
    assert [len(segment.words) for segment in segmented(words, "en")] == [16, 24]


def test_a_sentence_goes_on_over_a_breath_where_sentences_are_marked() -> None:
    words = run("We came here very early. But nobody was at home today.", {7: 0.8})
    assert [segment.text for segment in segmented(words, "en")] == [
        "We came here very early.",
        "But nobody was at home today.",
    ]


def test_a_long_pause_ends_even_an_unfinished_sentence() -> None:
    words = run("We came here very early and then nobody was there.", {5: 1.2})
    assert [len(segment.words) for segment in segmented(words, "en")] == [5, 5]


def test_events_are_told_from_speech() -> None:
    said = ["[Music]", "hello", "there", "(audience", "laughs)", "my", "♪", "la", "♪", "friend", "*sighs*", "<noise>"]
    kept = [word for word, event in zip(said, are_events(said), strict=True) if not event]
    assert kept == ["hello", "there", "my", "friend"]


def test_a_bracket_that_nobody_closes_hides_nothing() -> None:
    said = ["so", "(he", "said", "and", "went", "home"]
    assert not any(are_events(said))


@given(st.lists(st.sampled_from(("a", "[b", "c]", "(", ")", "♪", "*x*", "d.")), max_size=30))
def test_every_word_is_judged(texts: list[str]) -> None:
    events = are_events(texts)
    assert len(events) == len(texts)
    assert not any(event for text, event in zip(texts, events, strict=True) if set(texts) <= {"a", "d."})


def test_languages_without_spaces_are_written_without() -> None:
    words = run("今日 は Hello World と 言い ます。")
    assert [segment.text for segment in segmented(words, "ja")] == ["今日はHello Worldと言います。"]
    assert segmented(run("오늘은 날씨가 좋다."), "ko")[0].text == "오늘은 날씨가 좋다."
