"""A chain is an engine: it keeps the Protocol's promises, tries again, hands over, and says who did what."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as trials
from hypothesis import strategies as st

from shared.config import Settings
from shared.errors import PermanentError, PipelineError, TransientError
from tests.contracts.conftest import kept_in
from tests.contracts.troubled import BUSY, Fails, always, named, quick
from tests.fakes import FakeAligner, FakeSeparator, FakeTranslator
from worker.engines import chain
from worker.engines.chain import ForcedAlignmentChain, SourceSeparationChain, TranslationChain
from worker.engines.errors import LeftAloneError, out_of_quota
from worker.engines.protocols import NO_TRANSLATION_CONTEXT, Sound, SourceLine, Translated, TranslationContext

LEFT_ALONE = LeftAloneError("provider_unavailable", "Left alone.", 1.0)
LINES = [SourceLine(number, f"line {number}", "S1", 2.0) for number in range(4)]


def translators(*before: Fails, **values: Any) -> TranslationChain:
    engines = [named(FakeTranslator(one), name) for one, name in zip(before, "abc", strict=False)]
    return TranslationChain(engines, quick(**values))


def test_a_chain_of_one_is_that_engine(engine_settings: Callable[..., Settings]) -> None:
    one = chain.translation(engine_settings(translation=("fake",)))
    assert (one.name, one.model, one.label) == ("fake", "fake-1", "fake/fake-1")
    assert one.translate(LINES, "en", "es").texts == FakeTranslator().translate(LINES, "en", "es").texts
    assert one.translate([], "en", "es").texts == ()


def test_trouble_is_tried_again_and_then_handed_over() -> None:
    passing, steady = Fails(BUSY, BUSY), Fails()
    assert set(translators(passing, steady).translate(LINES, "en", "es").engines) == {"a/fake-1"}
    assert (len(passing.calls), len(steady.calls)) == (3, 0)
    lasting = always(BUSY)
    assert set(translators(lasting, steady).translate(LINES, "en", "es").engines) == {"b/fake-1"}
    assert (len(lasting.calls), len(steady.calls)) == (3, 1)


@pytest.mark.parametrize("error", [out_of_quota("acme"), LEFT_ALONE, PermanentError("provider_refused_key", "No.")])
def test_what_no_waiting_mends_is_handed_over_at_once(error: PipelineError) -> None:
    away = always(error)
    assert set(translators(away, Fails()).translate(LINES, "en", "es").engines) == {"b/fake-1"}
    assert len(away.calls) == 1


def test_the_last_engine_is_waited_for_while_it_is_left_alone() -> None:
    back_soon = Fails(LeftAloneError("provider_unavailable", "Left alone.", 0.01))
    assert set(translators(always(out_of_quota("a")), back_soon).translate(LINES, "en", "es").engines) == {"b/fake-1"}


def test_when_all_give_up_the_first_that_may_pass_is_raised() -> None:
    with pytest.raises(TransientError, match=r"Busy\."):
        translators(always(PermanentError("provider_refused_key", "No.")), always(BUSY)).translate(LINES, "en", "es")
    with pytest.raises(PermanentError) as refused:
        translators(always(PermanentError("provider_refused", "No.")), Fails()).translate(LINES, "en", "es")
    assert refused.value.code == "provider_refused"


def test_only_engines_that_serve_the_pair_are_asked() -> None:
    other, serving = Fails(), Fails()
    engines = [FakeTranslator(other, frozenset({("es", "en")})), FakeTranslator(serving)]
    both = TranslationChain(engines, quick())
    assert both.pairs() == FakeTranslator().pairs()
    both.translate(LINES, "en", "es")
    assert (len(other.calls), len(serving.calls)) == (0, 1)
    with pytest.raises(PermanentError) as unserved:
        both.translate(LINES, "en", "tlh")
    assert unserved.value.code == "unsupported_language_pair"


class Prudish(FakeTranslator):
    """Refuses the lines of its list."""

    def __init__(self, refused: frozenset[int]) -> None:
        super().__init__()
        self._refused = refused

    def translate(
        self,
        lines: Sequence[SourceLine],
        source: str,
        target: str,
        context: TranslationContext = NO_TRANSLATION_CONTEXT,
    ) -> Translated:
        made = super().translate(lines, source, target, context)
        refused = frozenset(line.id for line in lines if line.id in self._refused)
        texts = tuple("" if line.id in refused else text for line, text in zip(lines, made.texts, strict=True))
        return Translated(texts, made.summary, refused)


IDS = st.frozensets(st.integers(0, 3))


@trials(max_examples=40, deadline=None)
@given(first=IDS, second=IDS)
def test_a_refused_line_goes_to_the_next_and_only_that(first: frozenset[int], second: frozenset[int]) -> None:
    engines = [named(Prudish(first), "a"), named(Prudish(second), "b")]
    both = TranslationChain(engines, quick())
    if first & second:
        with pytest.raises(PermanentError) as refused:
            both.translate(LINES, "en", "es")
        assert refused.value.code == "content_refused"
    else:
        made = both.translate(LINES, "en", "es")
        assert made.texts == FakeTranslator().translate(LINES, "en", "es").texts
        assert made.refused == first
        assert made.engines == tuple("b/fake-1" if line.id in first else "a/fake-1" for line in LINES)


def test_a_refusal_fails_where_it_is_to_fail() -> None:
    engines = [Prudish(frozenset({1})), FakeTranslator()]
    with pytest.raises(PermanentError, match="line 1") as refused:
        TranslationChain(engines, quick(content_refused="fail")).translate(LINES, "en", "es")
    assert refused.value.code == "content_refused"


def test_a_reply_of_the_wrong_length_is_not_guessed_at() -> None:
    class Short(FakeTranslator):
        def translate(self, *args: Any, **more: Any) -> Translated:
            return Translated(("one",))

    with pytest.raises(TransientError) as malformed:
        TranslationChain([Short()], quick()).translate(LINES, "en", "es")
    assert malformed.value.code == "provider_answer_malformed"


def test_shortening_is_for_engines_that_can() -> None:
    mute = FakeTranslator()
    mute.shortens = False
    assert TranslationChain([mute, FakeTranslator()], quick()).shorten(LINES[0], "one two", 4, "en", "es") == "one"
    with pytest.raises(PermanentError) as not_shorter:
        TranslationChain([mute], quick()).shorten(LINES[0], "one two", 4, "en", "es")
    assert not_shorter.value.code == "cannot_shorten"


def test_the_others_hand_over_too(tmp_path: Path) -> None:
    separators = [named(FakeSeparator(always(BUSY)), "a"), named(FakeSeparator(), "b")]
    assert (
        SourceSeparationChain(separators, quick()).separate(tmp_path / "x", tmp_path, kept_in(tmp_path)).engine
        == "b/fake-1"
    )
    aligners = [FakeAligner(always(BUSY)), FakeAligner()]
    sound = Sound(np.ones(200, np.float32), 100)
    assert ForcedAlignmentChain(aligners, quick()).align(sound, ["one"], "en") == FakeAligner().align(
        sound, ["one"], "en"
    )
