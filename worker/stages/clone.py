"""Voices made from the speakers' own speech, where the request wants that: each when a line first needs it."""

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from shared.db import transaction
from shared.dubbing import clones
from shared.dubbing.transcript import Segment
from shared.errors import LeaseLostError, PermanentError, PipelineError
from shared.spoken import serves
from shared.voice import CLONE
from worker.artifacts import Artifact, Facts, Recipe
from worker.engines import chain
from worker.engines.chain import PatientCloner
from worker.engines.protocols import Samples, Sound
from worker.engines.voice_cloning import names
from worker.media.audio import mono, read_span
from worker.media.ffmpeg import RATE
from worker.reference_speech import Candidate, chosen, lines_alone, score
from worker.stages.extract import Extracted
from worker.stages.transcribe import Heard
from worker.voices import DEFAULT
from worker.work import Work

VERSION = 1
JUDGED = 200  # of a speaker's longest lines
GAP = 0.3  # seconds of silence between two lines of the reference
KEY = f"{CLONE}:"


@dataclass(frozen=True)
class Own:
    """By speaker the key of the voice that is their own; it names the speech that the voice is made of, not the voice.

    `too_little` speak too little for that, so they get another voice.
    """

    keys: Mapping[str, str]
    too_little: tuple[str, ...] = ()


class Clones:
    """One job's clones. For several threads."""

    def __init__(self, work: Work, sound: Extracted, heard: Heard) -> None:
        self._work = work
        self._sound = sound
        self._heard = heard
        self._lock = threading.Lock()
        self._references: dict[str, Artifact] = {}
        self._voices: dict[str, str] = {}
        self._failed: dict[str, PipelineError] = {}

    def own(self, language: str, speakers: Sequence[str]) -> Own:
        """Who of `speakers` is to speak `language` in their own voice.

        Raises PermanentError `voice_consent_required`, `cloning_not_offered`.
        """
        wished = self._work.request.wished_voices(language)
        asking = [speaker for speaker in speakers if (wished.get(speaker) or wished.get(DEFAULT)) == CLONE]
        if not asking or not serves(self._cloner().languages, language):
            return Own({})
        references = {speaker: self._reference(speaker) for speaker in asking}
        enough = {speaker: reference for speaker, reference in references.items() if reference.facts["seconds"]}
        keys = {speaker: KEY + reference.facts["hash"][:16] for speaker, reference in enough.items()}
        self._references |= {keys[speaker]: reference for speaker, reference in enough.items()}
        return Own(keys, tuple(speaker for speaker in asking if speaker not in keys))

    def engine_voice(self, voice_id: str) -> str:
        """`voice_id`, or for a clone's key something that names its engine as a voice's id does."""
        return f"{self._cloner().name}:" if voice_id.startswith(KEY) else voice_id

    def voice_id(self, voice_id: str) -> str:
        """`voice_id`, or for a clone's key the id of the voice, made now if this job has not got it yet.

        Raises LeaseLostError, and what the provider's failures are.
        """
        if not voice_id.startswith(KEY):
            return voice_id
        with self._lock:
            if voice_id in self._failed:
                raise self._failed[voice_id]  # the other lines that wait ask for nothing more
            if voice_id not in self._voices:
                try:
                    self._voices[voice_id] = self._made(self._references[voice_id])
                except PipelineError as error:
                    self._failed[voice_id] = error
                    raise
            return self._voices[voice_id]

    def _made(self, reference: Artifact) -> str:
        """The voice of the reference: noted first, so that whatever happens to us somebody deletes it."""
        cloner, settings = self._cloner(), self._work.settings
        with transaction(self._work.engine) as session:
            row = clones.note(session, self._work.held, cloner.name, reference.facts["hash"])
            clone_id, voice_id = row.id, row.voice_id
        if voice_id is not None:
            return voice_id
        samples, rate = soundfile.read(self._work.checkpoints.path(reference), dtype="float32")
        language = self._heard.transcript.language
        voice_id = cloner.clone(names.name(settings, clone_id), [Sound(samples, rate)], language)
        with transaction(self._work.engine) as session:
            wanted = clones.made(session, clone_id, voice_id)
        if not wanted:
            cloner.delete(voice_id)
            raise LeaseLostError("nobody wants the clone any more")
        return voice_id

    def _cloner(self) -> PatientCloner:
        if not self._work.request.voice_consent:
            message = "A voice may be cloned only if its owner agrees: confirm that with `voice_consent`."
            raise PermanentError("voice_consent_required", message)
        cloner = chain.voice_cloning(self._work.settings)
        if cloner is None:
            raise PermanentError("cloning_not_offered", "No engine clones voices here any more. Choose a voice.")
        return cloner

    def _reference(self, speaker: str) -> Artifact:
        """The speaker's cleanest speech as a FLAC; its facts: `seconds`, 0 where there is too little, and `hash`."""
        lines = lines_alone(self._heard.transcript.segments, speaker)
        longest = sorted(lines, key=lambda line: (line.start - line.end, line.start))[:JUDGED]
        options = {"lines": [[round(line.start, 3), round(line.end, 3)] for line in longest]}
        recipe = Recipe("clone.reference", VERSION, (self._sound.sound.fingerprint,), options, suffix=".flac")
        return self._work.checkpoints.make(recipe, lambda out: self._write(longest, out))

    def _write(self, lines: Sequence[Segment], out: Path) -> Facts:
        best = chosen(Candidate(line.start, line.end, score(self._read(line.start, line.end), RATE)) for line in lines)
        if not best:
            out.touch()
            return {"seconds": 0.0, "hash": ""}
        silence = np.zeros(round(GAP * RATE), np.float32)
        parts = [part for line in best for part in (self._read(line.start, line.end), silence)]
        samples = np.concatenate(parts[:-1])
        soundfile.write(out, samples, RATE, subtype="PCM_16", format="FLAC")
        pcm = soundfile.read(out, dtype="int16")[0].astype("<i2").tobytes()
        return {"seconds": len(samples) / RATE, "hash": hashlib.sha256(pcm).hexdigest()}

    def _read(self, start: float, end: float) -> Samples:
        """That stretch of the file, mono."""
        return mono(read_span(self._work.checkpoints.path(self._sound.sound), start, end))
