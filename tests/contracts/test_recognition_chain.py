"""Recognisers as one: every piece is heard once, by the first that can."""

from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from shared.errors import PermanentError, PipelineError, TransientError
from tests.contracts.troubled import BUSY, named, quick
from tests.fakes import FakeRecogniser
from worker.engines.chain import SpeechRecognitionChain
from worker.engines.errors import out_of_quota
from worker.engines.protocols import Piece, Recognised, Sound


def piece(index: int, seconds: float = 2.0) -> Piece:
    return Piece(index, index * 10.0, Sound(np.ones(int(seconds * 100), np.float32), 100))


class Deaf(FakeRecogniser):
    """Meets trouble with some pieces, some times each; notes each piece it was given."""

    def __init__(self, troubles: dict[int, int], error: PipelineError = BUSY) -> None:
        super().__init__()
        self.given: list[int] = []
        self._troubles, self._error = dict(troubles), error

    def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
        met = None
        for one in pieces:
            self.given.append(one.index)
            if self._troubles.get(one.index):
                self._troubles[one.index] -= 1
                met = self._error
            else:
                yield from super().recognise([one], language)
        if met:
            raise met


def recognisers(*engines: FakeRecogniser) -> SpeechRecognitionChain:
    return SpeechRecognitionChain([named(one, name) for one, name in zip(engines, "abc", strict=False)], quick())


@trials(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 5), st.integers(0, 4)), st.integers(0, 6))
def test_every_piece_is_heard_once_and_none_that_was_heard_is_given_again(troubles: dict[int, int], count: int) -> None:
    first, second = Deaf(troubles), Deaf({})
    heard = list(recognisers(first, second).recognise(map(piece, range(count)), "en"))
    assert sorted(one.index for one in heard) == list(range(count))
    for one in heard:
        lost = troubles.get(one.index, 0)
        assert one.engine == ("b/fake-1" if lost >= 3 else "a/fake-1")
        assert first.given.count(one.index) == min(lost + 1, 3)
        assert second.given.count(one.index) == (1 if lost >= 3 else 0)


def test_pieces_are_taken_as_they_are_worked_on_and_trouble_holds_them_back() -> None:
    taken: list[int] = []

    def long_pieces() -> Iterator[Piece]:
        for index in range(40):
            taken.append(index)
            yield piece(index, seconds=100.0)

    answers = recognisers(Deaf({})).recognise(long_pieces(), "en")
    next(answers)
    assert len(taken) <= 3
    with pytest.raises(TransientError):
        list(recognisers(Deaf(dict.fromkeys(range(40), 99))).recognise(long_pieces(), "en"))
    assert max(taken) <= 25


def test_an_engine_out_of_quota_hands_its_pieces_over() -> None:
    first, second = Deaf(dict.fromkeys(range(3), 99), out_of_quota("a")), Deaf({})
    heard = list(recognisers(first, second).recognise(map(piece, range(3)), "en"))
    assert [one.engine for one in heard] == ["b/fake-1"] * 3
    assert first.given == second.given == [0, 1, 2]


def test_an_engine_that_leaves_a_piece_out_is_asked_again_and_then_it_is_trouble() -> None:
    class Forgetful(FakeRecogniser):
        def recognise(self, pieces: Iterable[Piece], language: str | None) -> Iterator[Recognised]:
            yield from super().recognise((one for one in pieces if one.index != 1), language)

    with pytest.raises(TransientError) as trouble:
        list(recognisers(Forgetful()).recognise(map(piece, range(3)), "en"))
    assert trouble.value.code == "provider_answer_malformed"


def test_only_engines_that_know_the_language_listen() -> None:
    english, both = Deaf({}), Deaf({})
    english.languages, english.detects_language = frozenset({"en"}), False
    known = recognisers(english, both)
    assert known.languages == {"en", "es"}
    assert {one.engine for one in known.recognise([piece(0)], "es")} == {"b/fake-1"}
    assert {one.engine for one in known.recognise([piece(0)], None)} == {"b/fake-1"}
    assert {one.engine for one in known.recognise([piece(0)], "en-GB")} == {"a/fake-1"}
    with pytest.raises(PermanentError) as unknown:
        list(known.recognise([piece(0)], "ko"))
    assert unknown.value.code == "language_not_recognised"


def test_doubt_is_by_each_engines_own_measure() -> None:
    sure, unsure = FakeRecogniser(confidence=0.9), FakeRecogniser(confidence=0.4)
    assert not recognisers(sure).doubts(recognisers(sure).recognise([piece(0)], "en"))
    assert recognisers(unsure).doubts(recognisers(unsure).recognise([piece(0)], "en"))
    unsure.doubtful_below = None
    assert not recognisers(unsure, sure).doubts(recognisers(unsure, sure).recognise([piece(0)], "en"))
