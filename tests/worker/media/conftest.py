"""Sources that the tests share, made once: a picture that flashes and a sound that clicks at the same moments."""

from pathlib import Path

import pytest

from tests.worker.media.sources import ffmpeg, write_clicks

SECONDS = 6
TIMES = (1.0, 2.52, 5.0)
FLASHES = "+".join(f"between(t,{time - 0.01},{time + 0.17})" for time in TIMES)
PICTURE = ("-f", "lavfi", "-i", f"color=black:s=96x64:r=25:d={SECONDS},drawbox=c=white:t=fill:enable='{FLASHES}'")
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-bf", 2, "-b_strategy", 0, "-g", 25, "-pix_fmt", "yuv420p")


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    wav = write_clicks(folder / "clicks.wav", SECONDS, TIMES)
    mp4 = folder / "plain.mp4"
    ffmpeg(*PICTURE, "-i", wav, *H264, "-c:a", "aac", "-metadata:s:a", "language=fra", mp4)
    ffmpeg("-i", mp4, "-itsoffset", 1.5, "-i", mp4, "-map", "0:v", "-map", "1:a", "-c", "copy", folder / "late.mp4")
    ffmpeg("-ss", 0.7, "-i", mp4, "-c", "copy", folder / "edited.mp4")
    ffmpeg("-i", mp4, "-c", "copy", folder / "plain.ts")
    late_ts = ("-i", mp4, "-itsoffset", 0.8, "-i", mp4, "-map", "0:v", "-map", "1:a", "-c", "copy")
    ffmpeg(*late_ts, folder / "late.ts")
    ffmpeg("-itsoffset", 0.8, *late_ts[:2], "-i", mp4, *late_ts[6:], folder / "early.ts")
    vp9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", 8)
    ffmpeg(*PICTURE, "-i", wav, *vp9, "-c:a", "libopus", folder / "vp9.mkv")
    ffmpeg(*PICTURE, "-i", wav, "-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libvorbis", folder / "vp8.webm")
    ffmpeg(*PICTURE, "-i", wav, "-c:v", "mpeg4", "-bf", 2, "-c:a", "libmp3lame", folder / "packed.avi")
    red = ("-f", "lavfi", "-i", "color=red:s=32x32:d=0.04:r=25")
    cover = ("-map", 0, "-map", 1, "-c:v", "mjpeg", "-disposition:v", "attached_pic")
    ffmpeg("-i", wav, *red, *cover, "-c:a", "libmp3lame", "-metadata", "title=Song", folder / "cover.mp3")
    ffmpeg("-i", wav, "-ac", 1, "-ar", 8000, folder / "mono8k.wav")
    silent_but_centre = "pan=5.1|FC=c0|FL=0*c0|FR=0*c0|LFE=0*c0|BL=0*c0|BR=0*c0"
    ffmpeg("-i", wav, "-af", silent_but_centre, "-c:a", "ac3", folder / "surround.mka")
    ffmpeg("-i", mp4, "-map", "0:v", "-c", "copy", folder / "silent.mp4")
    ffmpeg("-i", mp4, "-c", "copy", "-bsf:a", "noise=drop=1", folder / "empty.mkv")
    return folder
