"""The dubbed file: the picture untouched, the dub in time with it, the original sound second, all losses named."""

import re
import subprocess
from pathlib import Path

import av
import numpy as np
import pysubs2
import pytest
import soundfile

from shared.errors import PermanentError
from shared.videos.facts import MediaFacts
from tests.worker.media.conftest import PICTURE, TIMES
from tests.worker.media.sources import (
    FFMPEG,
    click_times,
    common_share,
    decoded,
    facts,
    ffmpeg,
    flash_times,
    frames,
    packet_hashes,
)
from worker.media.audio import blocks
from worker.media.ffmpeg import (
    AacWriter,
    Joining,
    MuxReport,
    Retiming,
    SoundTrack,
    SubtitleTrack,
    container_for,
    decode_sound,
    moved_chapters,
    mux,
)
from worker.subtitles import Cue, to_ass, to_srt
from worker.timeline import Slow, Warp


def dub_of(path: Path, media: MediaFacts, folder: Path) -> Path:
    """The way through the pipeline: decode, encode as the dub."""
    assert media.audio is not None
    decode_sound(path, folder / "o.flac", stream_index=media.audio.index, duration_seconds=media.duration_seconds)
    with AacWriter(folder / "dub.m4a") as writer:
        for block in blocks(folder / "o.flac"):
            writer.write(block if block.shape[1] == 2 else block.repeat(2, axis=1))
    return folder / "dub.m4a"


def dubbed(path: Path, folder: Path, subtitles: tuple[SubtitleTrack, ...] = ()) -> tuple[Path, MuxReport]:
    media = facts(path)
    out = folder / f"out.{container_for(media)}"
    joining = Joining((SoundTrack(dub_of(path, media, folder), "es-MX"),), "en", subtitles)
    report = mux(path, media, joining, out)
    return out, report


def banner(path: Path) -> str:
    return subprocess.run([FFMPEG, "-hide_banner", "-i", path], capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize(
    ("name", "form"),
    [("plain.mp4", "mp4"), ("late.mp4", "mp4"), ("edited.mp4", "mp4"), ("vp9.mkv", "mp4"), ("vp8.webm", "mkv")],
)
def test_picture_is_untouched_and_sound_in_time(media: Path, tmp_path: Path, name: str, form: str) -> None:
    source = media / name
    out, report = dubbed(source, tmp_path)
    assert out.suffix == f".{form}"
    assert report.warnings == ()
    assert packet_hashes(out) == packet_hashes(source)
    assert flash_times(out) == pytest.approx(flash_times(source), abs=0.001)
    for stream in ("a:0", "a:1"):
        assert click_times(decoded(out, stream)) == pytest.approx(click_times(decoded(source)), abs=0.001)
    assert facts(out).duration_seconds == pytest.approx(facts(source).duration_seconds, abs=0.04)


@pytest.mark.parametrize("name", ["plain.ts", "late.ts", "early.ts"])
def test_a_transport_stream_keeps_its_pictures_and_their_distance_to_the_sound(
    media: Path, tmp_path: Path, name: str
) -> None:
    source = media / name
    out, _ = dubbed(source, tmp_path)
    before, after = frames(source), frames(out)
    assert [light for _, light in after] == [light for _, light in before]
    moved = [was - now for (was, _), (now, _) in zip(before, after, strict=True)]
    assert max(moved) - min(moved) < 0.001
    begins = av.open(str(source)).start_time / 1e6
    assert moved[0] == pytest.approx(begins, abs=0.001)
    with av.open(str(source)) as file:
        stream = file.streams.audio[0]
        late = float(stream.start_time * stream.time_base) - begins
    heard = [time + late for time in click_times(decoded(source))]
    for sound in ("a:0", "a:1"):
        assert click_times(decoded(out, sound)) == pytest.approx(heard, abs=0.001)
    assert facts(out).duration_seconds == pytest.approx(facts(source).duration_seconds, abs=0.04)


def test_avi_without_presentation_times(media: Path, tmp_path: Path) -> None:
    out, _ = dubbed(media / "packed.avi", tmp_path)
    assert flash_times(out) == pytest.approx(flash_times(media / "packed.avi"), abs=0.001)
    assert click_times(decoded(out)) == pytest.approx(click_times(decoded(media / "packed.avi")), abs=0.001)


def titles(path: Path) -> list[str]:
    """What players call the tracks that have a title, in order."""
    return re.findall(r"^ {6}(?:title|name) +: (.*)", banner(path), re.MULTILINE)


def test_tracks_are_in_order_tagged_and_titled(media: Path, tmp_path: Path) -> None:
    (tmp_path / "es.srt").write_text(to_srt([Cue(1, 2, "¿Qué <b>tal</b>?"), Cue(5.5, 6, "Adiós\na todos")]))
    (tmp_path / "en.srt").write_text(to_srt([Cue(1, 2, "How are you?")]))
    subtitles = (SubtitleTrack(tmp_path / "es.srt", "es-MX"), SubtitleTrack(tmp_path / "en.srt", "en", "Original"))
    out, report = dubbed(media / "plain.mp4", tmp_path, subtitles)
    found = facts(out)
    assert report.warnings == ()
    assert [(s.kind, s.codec, s.language) for s in found.streams] == [
        ("video", "h264", "und"),
        ("audio", "aac", "spa"),
        ("audio", "aac", "eng"),
        ("subtitle", "mov_text", "spa"),
        ("subtitle", "mov_text", "eng"),
    ]
    assert [s.default for s in found.streams if s.kind == "audio"] == [True, False]
    assert titles(out) == ["español (México)", "Original"] * 2
    shown = ffmpeg("-i", out, "-map", "0:s:0", "-f", "srt", "-").decode().replace("\u200b", "")
    assert "¿Qué <b>tal</b>?" in shown
    assert "Adiós\na todos" in shown
    assert found.duration_seconds == pytest.approx(6.0, abs=0.04)
    top = out.read_bytes()
    assert top.index(b"moov") < top.index(b"mdat")


def test_rotation_chapters_and_time_code_are_kept(media: Path, tmp_path: Path) -> None:
    chapters = "".join(f"[CHAPTER]\nTIMEBASE=1/1\nSTART={n}\nEND={n + 3}\ntitle=part{n}\n" for n in (0, 3))
    (tmp_path / "meta.txt").write_text(f";FFMETADATA1\ntitle=My film\n{chapters}")
    source = tmp_path / "rotated.mp4"
    first = ("-display_rotation", 90, "-i", media / "plain.mp4", "-i", tmp_path / "meta.txt")
    ffmpeg(*first, "-map", 0, "-map_metadata", 1, "-c", "copy", "-timecode", "01:00:00:00", source)
    out, report = dubbed(source, tmp_path)
    said = banner(out)
    assert report.warnings == ()
    assert packet_hashes(out) == packet_hashes(source)
    for kept in ("My film", "part0", "part3", "rotation of 90.00", "01:00:00:00"):
        assert kept in said


def test_hdr_descriptions_are_kept(tmp_path: Path) -> None:
    bitstream, source = tmp_path / "bitstream.mkv", tmp_path / "hdr.mkv"
    master = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    hdr = f"log-level=none:master-display={master}:max-cll=1000,400:colorprim=bt2020:transfer=smpte2084:hdr10=1"
    x265 = ("-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p10le", "-x265-params")
    ffmpeg(*PICTURE, "-f", "lavfi", "-i", "sine=d=2", *x265, hdr, "-t", 2, bitstream)
    # Encoded again, what the first encoder wrote into the pictures is described by the container too.
    ffmpeg("-i", bitstream, *x265, "log-level=none", source)
    out, report = dubbed(source, tmp_path)
    assert packet_hashes(out) == packet_hashes(source)
    assert not any("picture" in warning for warning in report.warnings)
    assert "hvc1" in banner(out)
    for kept in ("Mastering display metadata", "Content light level metadata", "smpte2084"):
        assert kept in banner(source)
        assert kept in banner(out)
    (tmp_path / "drawn.ass").write_text(to_ass([Cue(0, 1, "Hello.")], 96, 64))
    joining = Joining((SoundTrack(tmp_path / "dub.m4a", "es"),), "en", drawn=tmp_path / "drawn.ass")
    lossy = mux(source, facts(source), joining, tmp_path / "drawn.mp4")
    notes, left = ("mastering display", "content light level"), banner(tmp_path / "drawn.mp4").lower()
    assert [note in left for note in notes] == [note not in str(lossy.warnings) for note in notes]


def test_sound_alone_stays_sound_alone_with_its_cover(media: Path, tmp_path: Path) -> None:
    out, report = dubbed(media / "cover.mp3", tmp_path)
    found = facts(out)
    assert out.suffix == ".m4a"
    assert report.warnings == ()
    assert found.video is None
    assert [(s.codec, s.attached_picture) for s in found.streams] == [("aac", False), ("mp3", False), ("mjpeg", True)]
    assert click_times(decoded(out)) == pytest.approx(TIMES, abs=0.001)
    assert found.duration_seconds == pytest.approx(6.0, abs=0.02)
    assert "Song" in banner(out)


def test_what_does_not_fit_is_converted_or_named(media: Path, tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"not really a font")
    (tmp_path / "old.srt").write_text(to_srt([Cue(1, 2, "old subtitles")]))
    source = tmp_path / "rich.mkv"
    sounds = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-map", "2:s", "-c:v", "copy", "-c:a:0", "libvorbis")
    inputs = ("-i", media / "plain.mp4", "-i", media / "clicks.wav", "-i", tmp_path / "old.srt")
    attached = ("-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=application/x-truetype-font")
    ffmpeg(*inputs, *sounds, "-c:a:1", "flac", "-c:s", "subrip", *attached, source)
    out, report = dubbed(source, tmp_path)
    assert [s.codec for s in facts(out).streams] == ["h264", "aac", "aac", "flac", "mov_text"]
    assert [re.sub(r" does not.*? and", "", warning) for warning in report.warnings] == [
        "Stream 1 (audio, vorbis) was converted to AAC.",
        "Stream 4 (attachment) was left out.",
    ]
    for stream in ("a:0", "a:1", "a:2"):
        assert click_times(decoded(out, stream)) == pytest.approx(TIMES, abs=0.001)


def test_a_wide_sound_that_is_converted_stays_wide(media: Path, tmp_path: Path) -> None:
    noise = (0.01 * np.random.default_rng(1).standard_normal((6 * 48_000, 2))).astype(np.float32)
    soundfile.write(tmp_path / "noise.wav", noise, 48_000)
    inputs = ("-i", media / "plain.mp4", "-i", tmp_path / "noise.wav", "-map", "0:v", "-map", "1:a")
    ffmpeg(*inputs, "-c", "copy", tmp_path / "wide.mkv")
    out, report = dubbed(tmp_path / "wide.mkv", tmp_path)
    assert "converted to AAC" in report.warnings[0]
    raw = ffmpeg("-i", out, "-map", "0:a:1", "-f", "f32le", "-")
    assert common_share(np.frombuffer(raw, "<f4").reshape(-1, 2)) < 0.1


def test_matroska_keeps_attachments(media: Path, tmp_path: Path) -> None:
    (tmp_path / "font.ttf").write_bytes(b"not really a font")
    (tmp_path / "es.srt").write_text(to_srt([Cue(1, 2, "hola")]))
    source = tmp_path / "vp8.mkv"
    attached = ("-attach", tmp_path / "font.ttf", "-metadata:s:t", "mimetype=application/x-truetype-font")
    ffmpeg("-i", media / "vp8.webm", "-c", "copy", *attached, source)
    out, report = dubbed(source, tmp_path, (SubtitleTrack(tmp_path / "es.srt", "es-MX"),))
    assert report.warnings == ()
    kinds = ["video", "audio", "audio", "subtitle", "attachment"]
    assert [s.kind for s in facts(out).streams] == kinds


def test_a_broken_original_fails_with_a_code(media: Path, tmp_path: Path) -> None:
    dub = dub_of(media / "plain.mp4", facts(media / "plain.mp4"), tmp_path)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"nothing" * 1000)
    with pytest.raises(PermanentError) as caught:
        mux(broken, facts(media / "plain.mp4"), Joining((SoundTrack(dub, "es"),), None), tmp_path / "o.mp4")
    assert caught.value.code == "media_unreadable"


def test_chapters_move_whatever_their_titles_say(media: Path, tmp_path: Path) -> None:
    """A title is the uploader's: it may look like what stands around it."""
    odd = "[CHAPTER] two\\\n[CHAPTER]\\\nSTART\\=9\u2028end"
    titles = ("plain", odd)
    chapters = "".join(
        f"[CHAPTER]\nTIMEBASE=1/1\nSTART={n}\nEND={n + 3}\ntitle={title}\n"
        for n, title in zip((0, 3), titles, strict=True)
    )
    (tmp_path / "meta.txt").write_text(f";FFMETADATA1\n{chapters}", encoding="utf-8")
    rich = tmp_path / "rich.mkv"
    ffmpeg("-i", media / "plain.mp4", "-i", tmp_path / "meta.txt", "-map_metadata", "1", "-c", "copy", rich)
    moved = moved_chapters(rich, lambda times: [2 * time for time in times], tmp_path / "moved.txt")
    ffmpeg("-i", media / "plain.mp4", "-i", moved, "-map_chapters", "1", "-c", "copy", tmp_path / "again.mkv")
    with av.open(str(tmp_path / "again.mkv")) as file:
        found = [(float(c["start"] * c["time_base"]), c["metadata"]["title"]) for c in file.chapters()]
    assert found == [(0.0, "plain"), (6.0, "[CHAPTER] two\n[CHAPTER]\nSTART=9\u2028end")]


def test_pictures_and_subtitles_follow_a_clock_of_thousands_of_pieces(media: Path, tmp_path: Path) -> None:
    source = tmp_path / "old.mp4"
    (tmp_path / "old.srt").write_text(to_srt([Cue(2, 4, "old")]))
    ffmpeg("-i", media / "plain.mp4", "-i", tmp_path / "old.srt", "-c", "copy", "-c:s", "mov_text", source)
    clock = Warp(6.0, tuple(Slow(n * 0.0014, n * 0.0014 + 0.001, 1.2) for n in range(4000)))
    retiming = Retiming(tuple((slow.start, slow.end - slow.start, slow.ratio - 1) for slow in clock.slows))
    known = facts(source)
    dub = SoundTrack(dub_of(source, known, tmp_path), "es")
    assert known.audio
    joining = Joining((dub,), "en", remade={known.audio.index: dub}, retiming=retiming, seconds=clock.duration)
    mux(source, known, joining, tmp_path / "out.mp4")
    assert packet_hashes(tmp_path / "out.mp4") == packet_hashes(source)
    moved = clock.at(time for time, _ in frames(source))
    assert [time for time, _ in frames(tmp_path / "out.mp4")] == pytest.approx(moved, abs=0.0002)
    start, end = clock.at([2.0, 4.0])
    shown = pysubs2.SSAFile.from_string(ffmpeg("-i", tmp_path / "out.mp4", "-map", "0:s", "-f", "srt", "-").decode())
    assert (shown[0].start / 1000, shown[0].end / 1000) == pytest.approx((start, end), abs=0.002)
