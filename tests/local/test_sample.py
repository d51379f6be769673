import json
from pathlib import Path

import av
import numpy as np
import pysubs2
import pytest

from local import sample
from local.demo import word_error_rate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> sample.Sample:
    return sample.make(tmp_path_factory.mktemp("sample"))


def test_picture_and_sound(made: sample.Sample) -> None:
    with av.open(str(made.video)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.width, video.height, video.average_rate) == ("h264", 640, 360, 25)
        assert (audio.codec_context.name, audio.rate, audio.channels) == ("aac", 48_000, 2)
        assert container.duration is not None
        assert 25 <= container.duration / av.time_base <= 32


def test_the_transcript_is_what_is_said_and_when(made: sample.Sample) -> None:
    events = pysubs2.load(str(made.subtitles)).events
    assert [event.plaintext for event in events] == [line.text for line in made.lines]
    assert [event.start for event in events] == [round(line.start * 1000) for line in made.lines]
    document = json.loads(made.transcript.read_text())
    assert [item["speaker"] for item in document["segments"]] == [speaker for speaker, _ in sample.DIALOGUE]
    sound = _sound(made.video)
    speech = np.concatenate([sound[:, round(line.start * 48_000) : round(line.end * 48_000)] for line in made.lines], 1)
    gaps = [
        sound[:, round((before.end + 0.1) * 48_000) : round((after.start - 0.1) * 48_000)]
        for before, after in zip(made.lines, made.lines[1:], strict=False)
    ]
    assert _db(speech) - max(map(_db, gaps)) > 10


def test_the_music_is_there_and_stereo(made: sample.Sample) -> None:
    tail = _sound(made.video)[:, -48_000:-12_000]
    assert -50 < _db(tail) < -25
    assert np.corrcoef(tail)[0, 1] < 0.9


def test_word_error_rate_counts_words_only() -> None:
    assert word_error_rate("Good morning. It costs ten euros.", "good morning it costs ten euros") == 0
    assert word_error_rate("one two three four", "one too three") == 0.5


def _sound(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1)


def _db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples)) + 1e-12))
