"""What is kept of a batch holds for the same lines wherever they stand."""

from types import SimpleNamespace
from typing import Any

from shared.config import Settings
from tests.contracts.conftest import settings_in
from tests.fakes import FakeTranslator
from worker.artifacts import Document, Recipe
from worker.engines.chain import TranslationChain
from worker.engines.protocols import SourceLine, Translated, TranslationContext
from worker.stages import translate


class Kept:
    """Checkpoints in memory."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}

    def make_document(self, recipe: Recipe, build: Any) -> Document:
        made = recipe.fingerprint not in self.documents
        if made:
            self.documents[recipe.fingerprint] = build()
        return Document(self.documents[recipe.fingerprint], made)


class Prudish(FakeTranslator):
    """Refuses what is rude."""

    def translate(self, lines: Any, *args: Any, **more: Any) -> Translated:
        refused = frozenset(line.id for line in lines if line.text == "rude")
        return Translated(tuple("" if line.id in refused else line.text for line in lines), "", refused)


def test_refused_lines_are_known_by_their_place_in_the_batch(tmp_path: Any) -> None:
    settings: Settings = settings_in(tmp_path)
    work, chain = SimpleNamespace(checkpoints=Kept()), TranslationChain([Prudish(), FakeTranslator()], settings)

    def refused(first_id: int) -> tuple[list[int], bool]:
        lines = tuple(
            SourceLine(first_id + number, text, "S1", 1.0) for number, text in enumerate(("a", "rude", "b", "rude"))
        )
        batch = translate._Batch(lines, (), ())
        document = translate._batch(work, chain, batch, ("en", "es"), TranslationContext())  # type: ignore[arg-type]
        return document.content["refused"], document.made

    assert refused(40) == ([1, 3], True)
    assert refused(0) == ([1, 3], False)
