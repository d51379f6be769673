"""Sound into AAC, block by block."""

from pathlib import Path
from types import TracebackType
from typing import Self

from worker.media.audio import Samples
from worker.media.ffmpeg.decoding import RATE
from worker.media.ffmpeg.inputs import as_url, pcm
from worker.media.ffmpeg.process import LONGEST_SECONDS, OVERHEAD_BYTES, Process, limits_for

BITRATES = {1: 128_000, 2: 192_000, 6: 448_000}

FAILED = ("encoding_failed", "The dubbed sound could not be encoded.")


class AacWriter:
    """Encodes blocks of float32 (n, channels) into an .m4a, its priming in the edit list: sample 0 plays at 0 s.

    Six channels are 5.1: left, right, centre, bass, back left, back right.
    """

    def __init__(self, path: Path, *, rate: int = RATE, channels: int = 2) -> None:
        self._path = path
        bitrate = BITRATES[channels]
        self._channels = channels
        # Intensity stereo, which this rate has no need of, would fold what is wide above 8 kHz into the middle.
        graph = pcm(rate, channels).output(
            as_url(path), f="ipod", acodec="aac", audio_bitrate=bitrate, aac_coder="fast", aac_is=0, map_metadata=-1
        )
        file_bytes = OVERHEAD_BYTES + round(LONGEST_SECONDS * bitrate / 8 * 1.5)
        limits = limits_for(LONGEST_SECONDS, file_bytes)
        self._process = Process(graph, limits, failure=FAILED, feed=True)

    def __enter__(self) -> Self:
        return self

    def write(self, block: Samples) -> None:
        """Encode a block (n, channels). Raises PermanentError `encoding_failed`; TransientError."""
        if block.ndim != 2 or block.shape[1] != self._channels:
            raise ValueError(f"a block of shape (n, {self._channels}) was expected, not {block.shape}")
        self._process.write(block)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        finished = False
        try:
            with self._process:
                if kind is None:
                    self._process.finish()
                    finished = True
        finally:
            if not finished:
                self._path.unlink(missing_ok=True)
