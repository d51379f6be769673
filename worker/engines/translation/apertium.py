"""Apertium: rule-based translation, offline. Pairs come as system packages (`apt-get install apertium-eng-spa`)."""

import re
import shutil
import textwrap
import threading
import unicodedata
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

import langcodes

from shared.config import Settings
from shared.errors import PermanentError
from worker import glossary
from worker.engines.protocols import NO_TRANSLATION_CONTEXT, SourceLine, Translated, TranslationContext
from worker.engines.translation.apertium_pipeline import Pipeline, stages

MODES = Path("/usr/share/apertium/modes")
LONGEST = 2000  # characters in one message: what is in flight stays below what the pipes between the stages hold
# What the pair's dictionaries have no word for can come back marked: `*unknown`, `@untranslated`, `#ungenerated`.
_MARK = re.compile(r"(?<!\S)([\"'“‘«¡¿(\[]*)[*@#]+(?=\w)")
# A pair's dictionaries take 120 MiB: however many threads translate, one pair is loaded at a time.
_turn = threading.Lock()
_all_pipelines: weakref.WeakSet[Pipeline] = weakref.WeakSet()
_MODE_NAME = re.compile(r"^([a-z]{2,3})(_[A-Z]{2})?-([a-z]{2,3})(_[A-Z]{2})?$")


class ApertiumTranslator:
    """A Translator for the pairs installed on this machine. For any thread; in one process they take turns."""

    name = "apertium"
    model = "3"
    batch_lines = 200
    shortens = False

    def __init__(self, settings: Settings, timeout: float = 30.0) -> None:
        del settings
        self._timeout = timeout
        self._pipelines: dict[tuple[str, str], Pipeline] = {}

    def pairs(self) -> frozenset[tuple[str, str]]:
        """The installed pairs: `eng-spa` is (en, es), `cat-por_BR` is (ca, pt-BR)."""
        return frozenset(installed())

    def translate(
        self,
        lines: Sequence[SourceLine],
        source: str,
        target: str,
        context: TranslationContext = NO_TRANSLATION_CONTEXT,
    ) -> Translated:
        """One text for each line, the glossary's renderings in it where they can be put; of the context no more is
        used. Raises PermanentError `unsupported_language_pair`, TransientError."""
        with _turn:
            pipeline = self._pipeline((source, target))
            for other in _all_pipelines - {pipeline}:
                other.stop()
            return Translated(tuple(self._with_terms(pipeline, line.text, context.glossary) for line in lines))

    def shorten(self, line: SourceLine, text: str, budget: int, source: str, target: str) -> str:
        """Raises PermanentError `cannot_shorten`: rules know one rendering only."""
        del line, text, budget, source, target
        raise PermanentError("cannot_shorten", "Apertium has no shorter rendering of a line.")

    def _pipeline(self, pair: tuple[str, str]) -> Pipeline:
        if pair not in self._pipelines:
            mode = installed().get(pair)
            if mode is None:
                raise PermanentError(
                    "unsupported_language_pair", f"Apertium has no pair from {pair[0]} to {pair[1]} here."
                )
            self._pipelines[pair] = Pipeline(mode)
            _all_pipelines.add(self._pipelines[pair])
        return self._pipelines[pair]

    def _with_terms(self, pipeline: Pipeline, text: str, terms: Mapping[str, str]) -> str:
        """The line; where its terms got lost on the way, translated without regard to them."""
        placed, renderings = glossary.protected(terms, text)
        translated = glossary.restored(self._line(pipeline, placed), renderings) if renderings else None
        return self._line(pipeline, text) if translated is None else translated

    def _line(self, pipeline: Pipeline, text: str) -> str:
        plain = _plain(text)
        parts = textwrap.wrap(plain, LONGEST, break_on_hyphens=False)
        translated = " ".join(pipeline.translate(part, self._timeout).strip() for part in parts)
        unmarked = translated if _MARK.search(plain) else _MARK.sub(r"\1", translated)
        return " ".join(unmarked.split()) or plain


def installed() -> dict[tuple[str, str], Path]:
    """The `.mode` file of each pair that can run here; none when Apertium is not installed."""
    found = {pair: mode for mode in sorted(MODES.glob("*.mode")) if (pair := _pair(mode.stem))}
    return {pair: mode for pair, mode in found.items() if _runs(mode)}


def _pair(name: str) -> tuple[str, str] | None:
    match = _MODE_NAME.match(name)
    if match is None:
        return None  # a spelling variant such as cat_valencia
    source, source_region, target, target_region = match.groups("")
    return _tag(source + source_region), _tag(target + target_region)


def _tag(name: str) -> str:
    return langcodes.standardize_tag(name.replace("_", "-"))


def _runs(mode: Path) -> bool:
    return all(shutil.which(program) for program, *_ in stages(mode.read_text("utf-8")))


def _plain(text: str) -> str:
    """`text` on one line, without control characters: a NUL would end the message."""
    visible = (" " if unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} else letter for letter in text)
    return " ".join("".join(visible).split())
