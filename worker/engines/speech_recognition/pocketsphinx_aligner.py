"""PocketSphinx told what is said: it only finds when. About 0.02 seconds a second of sound."""

from collections.abc import Sequence
from functools import cached_property

import langcodes
from pocketsphinx import Decoder

from shared.config import Settings
from shared.dubbing.transcript import Word
from shared.errors import PermanentError
from worker.engines.protocols import Sound
from worker.engines.speech_recognition.pocketsphinx_decoder import FRAMES_PER_SECOND, listen, spelling
from worker.engines.speech_recognition.pronunciation import sounded_out, tokens
from worker.engines.speech_recognition.timing import Times, between


class PocketSphinxAligner:
    """A ForcedAligner for English. Memory grows by 35 MB a hundred seconds of sound: minutes, not hours."""

    name = "pocketsphinx"
    model = "en-us-5.1"
    languages = frozenset({"en"})

    def __init__(self, settings: Settings) -> None:
        del settings

    @cached_property
    def _decoder(self) -> Decoder:
        return Decoder(loglevel="FATAL", lm=None)

    def align(self, sound: Sound, words: Sequence[str], language: str) -> list[Word]:
        """One Word for each of `words`; what cannot be spoken shares the time between its neighbours.

        Raises PermanentError `transcript_does_not_match`, `language_not_aligned`.
        """
        if langcodes.get(language).language != "en":
            raise PermanentError("language_not_aligned", f"PocketSphinx aligns English only, not {language}.")
        if not words:
            return []
        spoken = [tokens(word) for word in words]
        found = self._found(sound, [token for group in spoken for token in group])
        times = between([_span(found, group) for group in spoken], sound.seconds)
        return [Word(text, *time) for text, time in zip(words, times, strict=True)]

    def _found(self, sound: Sound, sequence: Sequence[str]) -> list[Times]:
        """The times of each token of `sequence`, the last one first, so that they can be popped."""
        if not sequence:
            raise _mismatch()
        for token in dict.fromkeys(sequence):
            if self._decoder.lookup_word(token) is None:
                self._decoder.add_word(token, sounded_out(token))
        self._decoder.set_align_text(" ".join(sequence))
        segments = list(self._decoder.seg()) if listen(self._decoder, sound) else []
        spoken = [segment for segment in segments if not segment.word.startswith(("<", "["))]
        if [spelling(segment.word) for segment in spoken] != list(sequence):
            raise _mismatch()
        times = [(item.start_frame / FRAMES_PER_SECOND, (item.end_frame + 1) / FRAMES_PER_SECOND) for item in spoken]
        return times[::-1]


def _span(found: list[Times], group: Sequence[str]) -> Times | None:
    own = [found.pop() for _ in group]
    return (own[0][0], own[-1][1]) if own else None


def _mismatch() -> PermanentError:
    return PermanentError(
        "transcript_does_not_match", "The transcript does not match what is said. Check it, or give it with times."
    )
