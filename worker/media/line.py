"""One spoken line: the silence that synthesis leaves around it goes, and its ends are faded."""

import warnings

import numpy as np

from shared.errors import PermanentError
from worker.engines.protocols import Samples
from worker.media.audio import faded

with warnings.catch_warnings():  # it warns that it finds no ffmpeg; it is given plain PCM and needs none
    warnings.simplefilter("ignore")
    from pydub import AudioSegment
    from pydub.silence import detect_leading_silence

SILENCE_DBFS = -60.0
# Weak consonants at a word's edge are some 40 dB below its vowels. What a voice breathes before its first word is not
# heard and would make the line late (0.15 s by flite's awb); what dies away after the last one is left.
HEAD_RANGE_DB = 46.0
TAIL_RANGE_DB = 50.0
STEP_MS = 5
KEPT_MS = 15
FADE_MS = 10
_FULL_SCALE = 2.0**31 - 128  # the largest int32 that a float32 can hold


def trim_and_fade(samples: Samples, rate: int) -> Samples:
    """Mono speech at `rate` without its leading and trailing silence, faded in and out over 10 ms.

    15 ms of what surrounds the speech is kept, if there is that much. What goes over full scale is turned down whole:
    it is kept in 16 bits, and how loud it is to be is decided later. Raises PermanentError `empty_speech` when nothing
    in it is louder than −60 dBFS.
    """
    clean = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    clean = clean / max(1.0, float(np.max(np.abs(clean), initial=0.0)))
    segment = _segment(clean, rate)
    if not len(clean) or segment.max_dBFS < SILENCE_DBFS:
        raise PermanentError(
            "empty_speech", "The voice spoke this line as silence. Change the line's text or choose another voice."
        )
    head, tail = _silence(segment, rate, HEAD_RANGE_DB), _silence(segment.reverse(), rate, TAIL_RANGE_DB)
    kept = clean[head : len(clean) - tail]
    return faded(kept, rate, FADE_MS)  # not by pydub: it fades whole milliseconds, in another number of samples


def _silence(segment: AudioSegment, rate: int, speech_range_db: float) -> int:
    """Samples that may go from the segment's beginning. Counted in samples: a cut at milliseconds loses a remainder."""
    threshold = segment.max_dBFS - speech_range_db
    silent = detect_leading_silence(segment, silence_threshold=threshold, chunk_size=STEP_MS)
    return int(max(0, silent - KEPT_MS) * rate // 1000)


def _segment(samples: Samples, rate: int) -> AudioSegment:
    pcm = np.rint(samples.astype(np.float64) * _FULL_SCALE).astype("<i4")
    return AudioSegment(pcm.tobytes(), sample_width=4, frame_rate=rate, channels=1)
