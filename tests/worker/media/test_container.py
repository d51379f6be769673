"""What goes where: the rules of the output's container."""

from pathlib import Path

import pytest

from shared.errors import PermanentError, TransientError
from shared.videos.facts import MediaFacts, Stream
from worker.media import console
from worker.media.container import container_for, plan
from worker.media.tracks import SoundTrack, iso639_2

DUB = SoundTrack(Path("dub.m4a"), "es")


def media(*streams: Stream, form: str = "mov,mp4,m4a,3gp,3g2,mj2") -> MediaFacts:
    return MediaFacts(form, 10.0, streams)


def sound(index: int, codec: str = "aac", **known: object) -> Stream:
    return Stream(index, "audio", codec, sample_rate=48_000, channels=2, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("codec", "form"),
    [("h264", "mp4"), ("hevc", "mp4"), ("av1", "mp4"), ("vp8", "mkv"), ("prores", "mkv"), ("wmv3", "mkv")],
)
def test_container_follows_the_picture(codec: str, form: str) -> None:
    assert container_for(media(Stream(0, "video", codec), sound(1))) == form


def test_a_cover_is_no_picture() -> None:
    assert container_for(media(sound(0), Stream(1, "video", "mjpeg", attached_picture=True))) == "m4a"


@pytest.mark.parametrize(
    ("tag", "code"),
    [("es-MX", "spa"), ("de", "deu"), ("zh-Hans", "zho"), ("pt-BR", "por"), ("eng", "eng"), ("x-own", "und")],
)
def test_languages_get_three_letters(tag: str, code: str) -> None:
    assert iso639_2(tag) == code


def test_the_sound_that_was_dubbed_comes_before_the_others() -> None:
    facts = media(
        Stream(0, "video", "h264"),
        sound(1, language="deu"),
        sound(2, language="eng", default=True),
        Stream(3, "audio", "aac"),
    )
    layout = plan(facts, dubs=(DUB,), source_language="en", subtitles=(), data_tags={})
    assert [(track.source, track.language) for track in layout.tracks] == [
        (0, None),
        (DUB, "spa"),
        (2, "eng"),
        (1, "deu"),
    ]
    assert layout.warnings == ("Stream 3 (audio, aac) does not fit into mp4 and was left out.",)


def test_data_is_kept_rebuilt_or_named() -> None:
    data = [Stream(index, "data", "bin_data") for index in (2, 3, 4, 5)]
    facts = media(Stream(0, "video", "h264"), sound(1), *data)
    tags = {2: "gpmd", 3: "tmcd", 4: "text", 5: "mebx"}
    layout = plan(facts, dubs=(DUB,), source_language=None, subtitles=(), data_tags=tags)
    assert [track.source for track in layout.tracks] == [0, DUB, 1, 2]
    assert layout.warnings == ("Stream 5 (data, mebx) does not fit into mp4 and was left out.",)


def test_only_hevc_from_elsewhere_gets_a_new_tag() -> None:
    streams = (Stream(0, "video", "hevc"), sound(1))
    for form, tag in (("matroska,webm", "hvc1"), ("mov,mp4,m4a,3gp,3g2,mj2", None)):
        layout = plan(media(*streams, form=form), dubs=(DUB,), source_language=None, subtitles=(), data_tags={})
        assert layout.tracks[0].tag == tag


@pytest.mark.parametrize(
    ("code", "said", "kind", "name"),
    [
        (228, "av_interleaved_write_frame(): No space left on device", TransientError, "disk_full"),
        (-9, "", TransientError, "media_tool_killed"),
        (255, "Exiting normally, received signal 15.", TransientError, "media_tool_killed"),
        (183, "moov atom not found", PermanentError, "media_unreadable"),
    ],
)
def test_failures_are_told_apart(code: int, said: str, kind: type, name: str) -> None:
    error = console.failure(code, [said], ("media_unreadable", "The file could not be read."))
    assert type(error) is kind
    assert error.code == name
    assert said in error.__notes__[0]
    assert said not in error.message or not said
