"""Everything that ffmpeg does for us: the only package that composes its command lines and the only one that starts it.

Media is untrusted: demuxers are named one by one (a playlist could read other files), protocols are `file` and `pipe`,
CPU, memory and file size are limited, and user data never becomes part of a filter.
"""

from worker.media.console import Loudness
from worker.media.container import MuxReport, container_for
from worker.media.ffmpeg.chapters import moved_chapters
from worker.media.ffmpeg.cutting import cut
from worker.media.ffmpeg.decoding import RATE, Decoded, decode_sound, sound_blocks
from worker.media.ffmpeg.drawing import missing_letters
from worker.media.ffmpeg.encoding import AacWriter
from worker.media.ffmpeg.inputs import describe
from worker.media.ffmpeg.metering import file_loudness, loudness
from worker.media.ffmpeg.muxing import Joining, mux, tag_sound
from worker.media.ffmpeg.process import limits_for, run
from worker.media.tracks import Retiming, SoundTrack, SubtitleTrack

__all__ = [
    "RATE", "AacWriter", "Decoded", "Joining", "Loudness", "MuxReport", "Retiming", "SoundTrack", "SubtitleTrack",
    "container_for", "cut", "decode_sound", "describe", "file_loudness", "limits_for", "loudness", "missing_letters",
    "moved_chapters", "mux",     "run", "sound_blocks", "tag_sound",
]  # fmt: skip
