"""What every ForcedAligner promises."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from shared.config import Settings
from shared.errors import PermanentError
from tests.contracts.conftest import ENGLISH, music, spoken
from worker.engines import registry
from worker.engines.protocols import ForcedAligner, Sound
from worker.engines.speech_recognition.pronunciation import cardinal, tokens


@pytest.fixture(params=["fake", "pocketsphinx"])
def aligner(request: pytest.FixtureRequest, engine_settings: Callable[..., Settings]) -> ForcedAligner:
    return registry.build("forced_alignment", engine_settings(forced_alignment=(request.param,)))


@pytest.fixture
def pocketsphinx(engine_settings: Callable[..., Settings]) -> ForcedAligner:
    return registry.build("forced_alignment", engine_settings(forced_alignment=("pocketsphinx",)))


def test_one_ordered_word_within_the_sound_for_each_given(aligner: ForcedAligner, english: Sound) -> None:
    given = ENGLISH.split()
    words = aligner.align(english, given, "en")
    assert [word.text for word in words] == given
    assert all(0 <= word.start <= word.end <= english.seconds for word in words)
    assert all(left.start <= right.start for left, right in pairwise(words))
    assert aligner.align(english, given, "en") == words
    assert aligner.align(english, [], "en") == []


def test_words_that_are_not_there_do_not_match(aligner: ForcedAligner) -> None:
    silence = Sound(np.zeros(48_000, np.float32), 16_000)
    with pytest.raises(PermanentError) as refused:
        aligner.align(silence, ENGLISH.split(), "en")
    assert refused.value.code == "transcript_does_not_match"


def test_pocketsphinx_finds_a_word_where_it_is(pocketsphinx: ForcedAligner) -> None:
    quiet = np.zeros(16_000, np.float32)
    sound = Sound(np.concatenate((quiet, spoken("Yesterday"), quiet, spoken("evening"), quiet)), 16_000)
    first, second = pocketsphinx.align(sound, ["Yesterday,", "evening."], "en")
    assert 0.9 < first.start < 1.4
    assert 2.5 < second.start < sound.seconds - 1.0
    assert first.end < second.start - 0.8


@pytest.mark.parametrize("odd", ["—", "日本", "Xyzzyphus", "42", "co-operate", "don’t", "😀", "AT&T"])
def test_pocketsphinx_places_any_word(pocketsphinx: ForcedAligner, odd: str) -> None:
    sound = Sound(spoken(f"the children {odd} were playing"), 16_000)
    words = pocketsphinx.align(sound, ["The", "children", odd, "were", "playing."], "en")
    assert [word.text for word in words][2] == odd
    assert words[1].end <= words[2].start <= words[2].end <= words[3].start + 0.01


def test_pocketsphinx_tells_another_text(pocketsphinx: ForcedAligner, english: Sound) -> None:
    for text in ("Nobody was waiting on the platform except a small dog and a policeman who laughed " * 2, "— …"):
        with pytest.raises(PermanentError) as refused:
            pocketsphinx.align(english, text.split(), "en")
        assert refused.value.code == "transcript_does_not_match"
    with pytest.raises(PermanentError):
        pocketsphinx.align(Sound(music(4.0), 16_000), ENGLISH.split(), "en")


def test_pocketsphinx_refuses_another_language(pocketsphinx: ForcedAligner, english: Sound) -> None:
    with pytest.raises(PermanentError) as refused:
        pocketsphinx.align(english, ["hola"], "es")
    assert refused.value.code == "language_not_aligned"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1,234", "one thousand two hundred thirty four"), ("1999", "nineteen ninety nine"), ("2000", "two thousand"),
        ("Café’s", "cafe's"), ("50%", "fifty percent"), ("—", ""), ("'tis", "tis"), ("007", "seven"),
        ("12345678901", "one two three four five six seven eight nine zero one"),
    ],
)  # fmt: skip
def test_written_words_as_said(written: str, said: str) -> None:
    assert tokens(written) == said.split()


def test_cardinals() -> None:
    assert [cardinal(n) for n in (0, 13, 20, 99, 100, 1_000_001)] == [
        "zero", "thirteen", "twenty", "ninety nine", "one hundred", "one million one",
    ]  # fmt: skip
