"""What every SpeechRecogniser promises."""

import os
from collections.abc import Callable, Iterator

import jiwer
import numpy as np
import psutil
import pytest

from shared.config import Settings
from shared.errors import PermanentError
from tests.contracts.conftest import ALSO_ENGLISH, ENGLISH, live, music, settings_for, spoken
from tests.standins import hearing
from tests.standins.server import Server, serving
from worker.engines import registry
from worker.engines.protocols import Piece, Recognised, Sound, SpeechRecogniser

ENGINES = ("fake", "pocketsphinx", "openai", "elevenlabs", *live("openai", "elevenlabs"))


@pytest.fixture(scope="module")
def providers() -> Iterator[Server]:
    with serving("openai_hearing", "elevenlabs_hearing") as server:
        yield server


@pytest.fixture(params=ENGINES)
def recogniser(
    request: pytest.FixtureRequest, engine_settings: Callable[..., Settings], providers: Server, known: None
) -> SpeechRecogniser:
    settings = settings_for(request.param, "speech_recognition", engine_settings, providers)
    return registry.build("speech_recognition", settings)


@pytest.fixture(scope="module")
def known(some_pieces: list[Piece]) -> Iterator[None]:
    """The stand-ins know what is said in the pieces."""
    for piece, text in zip(some_pieces, (ENGLISH, ALSO_ENGLISH), strict=False):
        hearing.KNOWN.append(hearing.Recording(piece.sound.samples, hearing.even(text, piece.sound.seconds)))
    yield
    hearing.KNOWN.clear()


@pytest.fixture
def pocketsphinx(engine_settings: Callable[..., Settings]) -> SpeechRecogniser:
    return registry.build("speech_recognition", engine_settings(speech_recognition=("pocketsphinx",)))


@pytest.fixture(scope="module")
def some_pieces(english: Sound) -> list[Piece]:
    """Speech, other speech, silence, nothing at all, and a click."""
    sounds = [
        english.samples, spoken(ALSO_ENGLISH, "rms"), np.zeros(16_000, np.float32), np.zeros(0, np.float32),
        np.full(40, 0.5, np.float32),
    ]  # fmt: skip
    return [Piece(index, 10.0 + 20 * index, Sound(samples, 16_000)) for index, samples in enumerate(sounds)]


def by_index(recognised: Iterator[Recognised]) -> list[Recognised]:
    return sorted(recognised, key=lambda one: one.index)


def test_every_piece_is_answered_once_with_ordered_words_within_it(
    recogniser: SpeechRecogniser, some_pieces: list[Piece]
) -> None:
    heard = by_index(recogniser.recognise(iter(some_pieces), "en"))
    assert [one.index for one in heard] == [piece.index for piece in some_pieces]
    for one, piece in zip(heard, some_pieces, strict=True):
        times = [time for word in one.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert all(piece.start <= time <= piece.start + piece.sound.seconds + 1e-6 for time in times)
        assert all(0 <= word.confidence <= 1 and word.text.strip() for word in one.words)
    assert heard[0].words
    assert not heard[3].words


def test_the_same_sound_gives_the_same_words_whatever_came_before(
    recogniser: SpeechRecogniser, some_pieces: list[Piece]
) -> None:
    first = by_index(recogniser.recognise(some_pieces[:2], "en"))
    again = by_index(recogniser.recognise(some_pieces[1::-1], "en"))
    assert [(one.words, one.language) for one in again] == [(one.words, one.language) for one in first]


def test_speakers_are_told_for_each_word_or_not_at_all(recogniser: SpeechRecogniser, some_pieces: list[Piece]) -> None:
    for one in recogniser.recognise(some_pieces[:2], "en"):
        assert (one.speakers is not None) == recogniser.diarises
        assert one.speakers is None or len(one.speakers) == len(one.words)


def test_the_language_is_told_where_it_was_not_given(recogniser: SpeechRecogniser, some_pieces: list[Piece]) -> None:
    if recogniser.detects_language:
        assert [one.language for one in recogniser.recognise(some_pieces[:1], None)] == ["en"]


def test_no_pieces_no_words(recogniser: SpeechRecogniser) -> None:
    assert list(recogniser.recognise(iter(()), "en")) == []


def test_it_says_what_it_is(recogniser: SpeechRecogniser) -> None:
    assert recogniser.name
    assert recogniser.model
    assert "en" in recogniser.languages


def test_pocketsphinx_understands_clear_english(pocketsphinx: SpeechRecogniser, some_pieces: list[Piece]) -> None:
    words = [word for one in by_index(pocketsphinx.recognise(some_pieces[:2], "en")) for word in one.words]
    reference = f"{ENGLISH} {ALSO_ENGLISH}".lower().replace(".", "")
    assert jiwer.wer(reference, " ".join(word.text for word in words)) <= 0.2
    assert not any(set("<>[]()") & set(word.text) for word in words)


def test_pocketsphinx_is_sure_of_english_and_doubts_the_rest(
    pocketsphinx: SpeechRecogniser, english: Sound, engine_settings: Callable[..., Settings]
) -> None:
    espeak = registry.build("speech_synthesis", engine_settings(speech_synthesis=("espeak",)))
    text = "Tenemos que hablar del presupuesto. Nadie esperaba en el andén. Va a pescar todos los fines de semana."
    spanish = espeak.synthesise(text, "espeak:es", "es")
    heard = by_index(pocketsphinx.recognise([Piece(0, 0.0, english), Piece(1, 9.0, spanish)], None))
    sure, unsure = (np.mean([word.confidence for word in one.words]) for one in heard)
    assert pocketsphinx.doubtful_below is not None
    assert unsure < pocketsphinx.doubtful_below < sure


def test_pocketsphinx_refuses_another_language(pocketsphinx: SpeechRecogniser, some_pieces: list[Piece]) -> None:
    with pytest.raises(PermanentError) as refused:
        list(pocketsphinx.recognise(some_pieces, "fr"))
    assert refused.value.code == "language_not_recognised"


def test_pocketsphinx_takes_pieces_only_as_it_can_work_on_them(pocketsphinx: SpeechRecogniser) -> None:
    taken = []

    def endless() -> Iterator[Piece]:
        index = 0
        while True:
            taken.append(index)
            yield Piece(index, float(index), Sound(music(0.5), 16_000))
            index += 1

    answers = pocketsphinx.recognise(endless(), "en")
    next(answers)
    assert len(taken) <= len(os.sched_getaffinity(0)) + 1
    answers.close()  # type: ignore[attr-defined]
    ours = psutil.Process().children(recursive=True)
    assert not [child for child in ours if "spawn_main" in " ".join(child.cmdline())]
