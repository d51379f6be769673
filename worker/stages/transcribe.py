"""transcribe: who says what, when. A transcript that came with the job is timed; else the voiced spans are recognised."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from statistics import fmean

from shared.dubbing.transcript import GivenTranscript, Transcript, Word
from shared.errors import PermanentError
from worker.artifacts import Recipe
from worker.engines import registry
from worker.engines.protocols import ForcedAligner, Piece, Recognised, Sound, SpeechRecogniser
from worker.given_transcript import timed
from worker.media.audio import read_span, resampled_mono
from worker.media.voice_activity import voiced_spans
from worker.segmentation import segments
from worker.spans import Span
from worker.stages.extract import Extracted
from worker.work import Work
