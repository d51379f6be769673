"""Translation by a language model, at OpenAI or at any server that speaks its language.

The model answers in a fixed form; what it says about a line counts only where it is proven to be that line's
(see openai_reply). What is lacking is asked for again; a batch that is refused is split until the line stands alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations

from shared.config import Settings
from shared.errors import PermanentError, TransientError
from worker.engines import errors
from worker.engines.door import door
from worker.engines.protocols import NO_TRANSLATION_CONTEXT, SourceLine, Translated, TranslationContext
from worker.engines.sdk import openai as sdk
from worker.engines.sdk.openai_languages import SPOKEN
from worker.engines.translation import openai_prompt as prompt
from worker.engines.translation.openai_model import Model, TruncatedError
from worker.engines.translation.openai_reply import Reply, Shortened, proven

ASKED = 3  # times that a line is asked for, until the answer counts as unusable


class OpenAITranslator:
    """A Translator."""

    name = "openai"
    batch_lines = 20
    shortens = True

    def __init__(self, settings: Settings) -> None:
        self._model = Model(settings, door(sdk.PROVIDER, settings))
        self._reviews = settings.openai_translation_review
        self._begun: dict[tuple[tuple[SourceLine, ...], str, str], _Done] = {}
        self.model = settings.openai_translation_model + ("+review" if self._reviews else "")

    def pairs(self) -> frozenset[tuple[str, str]]:
        """Each language into each other."""
        return frozenset(permutations(SPOKEN, 2))

    def translate(
        self,
        lines: Sequence[SourceLine],
        source: str,
        target: str,
        context: TranslationContext = NO_TRANSLATION_CONTEXT,
    ) -> Translated:
        """One text for each line, in order. Raises PermanentError `unsupported_language_pair`, and what may pass as
        TransientError."""
        self._demand(source, target)
        spoken = [line for line in lines if any(map(str.isalnum, line.text))]
        key = (tuple(lines), source, target)
        # What an attempt was given before it met trouble is not asked, and paid, for again.
        done = self._begun.pop(key, None) or _Done(context.summary)
        try:
            self._made(spoken, (source, target), context, done)
        except TransientError:
            self._begun[key] = done
            raise
        # A line without words is said as it is.
        texts = tuple(done.texts.get(line.id, "" if line in spoken else line.text.strip()) for line in lines)
        return Translated(texts, done.summary[: prompt.LONGEST_SUMMARY], frozenset(done.refused))

    def _made(
        self, spoken: Sequence[SourceLine], pair: tuple[str, str], context: TranslationContext, done: "_Done"
    ) -> None:
        missing = [line for line in spoken if line.id not in done.texts and line.id not in done.refused]
        if missing:
            self._translate(missing, pair, context, done)
        if self._reviews and done.texts:
            self._review([line for line in spoken if line.id in done.texts], pair, context, done)

    def shorten(self, line: SourceLine, text: str, budget: int, source: str, target: str) -> str:
        """A shorter rendering. Raises PermanentError `cannot_shorten`, and what may pass as TransientError."""
        try:
            answer = self._model.ask(
                prompt.shortening(source, target), prompt.shortening_document(line, text, budget), Shortened
            )
        except (PermanentError, TruncatedError) as error:
            if isinstance(error, PermanentError) and not sdk.is_refusal(error):
                raise
            raise PermanentError("cannot_shorten", "The line could not be said in fewer words.") from error
        shorter = " ".join(answer.text.split())
        if not any(map(str.isalnum, shorter)) or len(shorter) >= len(text):
            raise PermanentError("cannot_shorten", "The line could not be said in fewer words.")
        return shorter

    def _translate(
        self, lines: Sequence[SourceLine], pair: tuple[str, str], context: TranslationContext, done: "_Done"
    ) -> None:
        """Ask for the lines until each is done. What is refused or too long for an answer is asked for by halves."""
        missing = tuple(lines)
        for _ in range(ASKED):
            try:
                missing = self._ask(missing, pair, context, done)
            except (PermanentError, TruncatedError) as error:
                self._halve(missing, pair, context, done, error)
                return
            if not missing:
                return
        raise errors.malformed(self.name, f"it lacks lines, or has others ({len(missing)} of {len(lines)})")

    def _ask(
        self, lines: tuple[SourceLine, ...], pair: tuple[str, str], context: TranslationContext, done: "_Done"
    ) -> tuple[SourceLine, ...]:
        """Ask once; the lines that the answer lacks."""
        document = prompt.document(lines, replace(context, summary=done.summary))
        reply = self._model.ask(prompt.instructions(*pair), document, Reply)
        found = proven(lines, reply.lines)
        done.texts.update(found.texts)
        done.summary = reply.summary or done.summary
        return found.missing

    def _halve(
        self,
        lines: tuple[SourceLine, ...],
        pair: tuple[str, str],
        context: TranslationContext,
        done: "_Done",
        error: PermanentError | TruncatedError,
    ) -> None:
        refused = isinstance(error, PermanentError) and sdk.is_refusal(error)
        if isinstance(error, PermanentError) and not refused:
            raise error
        if len(lines) == 1 and not refused:
            raise errors.malformed(self.name, "it is cut off") from error
        if len(lines) == 1:
            done.refused.add(lines[0].id)
            return
        # Without neighbours: what is refused may stand among them.
        alone = replace(context, before=(), after=())
        middle = len(lines) // 2
        for part in (lines[:middle], lines[middle:]):
            self._translate(part, pair, alone, done)

    def _review(
        self, lines: Sequence[SourceLine], pair: tuple[str, str], context: TranslationContext, done: "_Done"
    ) -> None:
        """Have the drafts improved, once; a draft stays where no better text is proven to be its line's."""
        document = prompt.document(lines, context, done.texts)
        try:
            reply = self._model.ask(prompt.instructions(*pair, review=True), document, Reply)
        except (PermanentError, TruncatedError) as error:
            if isinstance(error, PermanentError) and not sdk.is_refusal(error):
                raise
            return
        done.texts.update(proven(lines, reply.lines).texts)

    def _demand(self, source: str, target: str) -> None:
        if source == target or source not in SPOKEN or target not in SPOKEN:
            raise PermanentError("unsupported_language_pair", f"OpenAI is not offered from {source} to {target} here.")


@dataclass
class _Done:
    """What the answers gave so far."""

    summary: str
    texts: dict[int, str] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)
