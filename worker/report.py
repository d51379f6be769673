"""The report of one dub: the measures, per line and overall, who did what, and what a person should look at."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from shared.dubbing.excerpt import Range
from worker.artifacts import Facts
from worker.measures import DIGITS, MixFacts, measure
from worker.stages.align import Placed, timeline_lines
from worker.stages.captions import Captions, source_text
from worker.stages.extract import Extracted
from worker.stages.listen import Listened
from worker.stages.mix import Mixed, over_peak
from worker.stages.mux import Muxed
from worker.stages.scene import Scene
from worker.stages.synthesize import Spoken
from worker.stages.transcribe import Heard
from worker.subtitles import too_fast

SENTENCES = {
    "no_speech_found": "No speech was found: the file keeps its original sound.",
    "speakers_uncertain": "The voices could not be told apart beyond doubt. Say how many speak, or who says what.",
    "clone_too_little_speech": "A speaker says too little to be cloned (10 seconds are needed) and got another voice.",
    "recognition_doubtful": "The recogniser was unsure of what it heard. Check the transcript, or send your own.",
    "background_ducked": (
        "No engine separates speech and background here: the original is turned down under each line and comes up "
        "again after it. In pauses of less than a second all but steady noise stays down."
    ),
    "not_listened_to": "Nobody listened to the dub: the recogniser does not read its language.",
    "listening_failed": "Nobody listened to the dub: the recogniser failed. The dub itself is complete.",
    "font_missing": "No font here has all letters of these subtitles: they are a track of the file, not drawn into it.",
    "peaks_over": "The encoded sound peaks above −1 dBTP.",
}


@dataclass(frozen=True)
class Dubbed:
    """All that one language's stages made; `heard` is on the source's own clock."""

    language: str
    scene: Scene
    heard: Heard
    spoken: Spoken
    placed: Placed
    mixed: Mixed
    captions: Captions
    muxed: Muxed
    listened: Listened


def report(dubbed: Dubbed) -> dict[str, Any]:
    """The report as JSON: `{source, target_language, engines, warnings, fit, subtitles, measures: {…, mix}, listening,
    lines}`.

    Times count from the start of the dubbed file; `source.excerpt` says which part of the original that is, `fit`
    where it was slowed (in the source's seconds).
    """
    measures = measure(
        timeline_lines(dubbed.scene.translation, dubbed.spoken),
        dubbed.placed.plan,
        mix=_mix_facts(dubbed.scene.sound, dubbed.mixed.levels),
        source_spans=dubbed.scene.heard.speech,
        reasons=_reasons(dubbed),
    ).to_dict()
    rows = measures.pop("rows")
    return {
        "source": _source(dubbed),
        "target_language": dubbed.language,
        "engines": _engines(dubbed),
        "warnings": _warnings(dubbed),
        "fit": _fit(dubbed.scene),
        "subtitles": _subtitles(dubbed),
        "measures": measures,
        "listening": _listening(dubbed.listened),
        "lines": [_line(dubbed, row) for row in rows],
    }


def _reasons(dubbed: Dubbed) -> dict[int, tuple[str, ...]]:
    """By line, what its translation, its speech and whoever listened say of it."""
    translated = dubbed.scene.translation.reasons
    told = (
        (line.id, (*translated.get(line.id, ()), *line.reasons, *dubbed.listened.reasons(line.id)))
        for line in dubbed.spoken.lines
    )
    return {line_id: tuple(dict.fromkeys(reasons)) for line_id, reasons in told if reasons}


def _listening(listened: Listened) -> dict[str, Any] | None:
    """Word error rates of the dub as a recogniser heard it, overall and by voice; None where nobody listened."""
    found = listened.listening
    if found is None:
        return None
    return {
        "engine": found.engine,
        "wer": _rate(found.wer),
        "voices": {voice: _rate(rate) for voice, rate in found.voices.items()},
    }


def _rate(rate: float | None) -> float | None:
    return None if rate is None else round(rate, DIGITS)


def _source(dubbed: Dubbed) -> dict[str, Any]:
    transcript = dubbed.heard.transcript
    return {
        "language": transcript.language,
        "duration": round(dubbed.scene.sound.seconds, 4),
        "speakers": list(transcript.speakers),
        "segments": len(transcript.segments),
        "excerpt": _excerpt(dubbed.scene.sound.source.excerpt),
    }


def _excerpt(stretch: Range | None) -> dict[str, float] | None:
    """Which part of the original was dubbed, in its seconds; None: all of it."""
    return {"start": round(stretch.start, 4), "end": round(stretch.end, 4)} if stretch else None


def _engines(dubbed: Dubbed) -> dict[str, str]:
    return {
        "speech_recognition": dubbed.heard.engine,
        "translation": dubbed.scene.translation.engine,
        "speech_synthesis": dubbed.spoken.engine,
        "source_separation": dubbed.scene.bed.engine,
        **({"diarisation": dubbed.heard.diarisation} if dubbed.heard.diarisation else {}),
    }


def _warnings(dubbed: Dubbed) -> list[dict[str, str]]:
    """What a user should know: `{code, message}`, the stage's own sentence for a stream that was not kept as it was."""
    heard_back = [dubbed.listened.warning] if dubbed.listened.warning else []
    codes = [*dubbed.heard.warnings, *dubbed.spoken.warnings, *heard_back]
    if dubbed.scene.bed.ducked and dubbed.mixed.levels["background"] == "duck":
        codes.append("background_ducked")
    if over_peak(dubbed.mixed.levels["true_peak_dbtp"]):
        codes.append("peaks_over")
    if dubbed.muxed.missing_letters:
        codes.append("font_missing")
    return [*({"code": code, "message": SENTENCES[code]} for code in codes), *stream_warnings(dubbed.muxed.warnings)]


def stream_warnings(sentences: Iterable[str]) -> list[dict[str, str]]:
    """What a file's report says of streams that could not be kept as they were."""
    return [{"code": "stream_changed", "message": sentence} for sentence in sentences]


def _fit(scene: Scene) -> dict[str, Any]:
    """What gave way: how much longer the file became, and where each second lasts how long."""
    warp = scene.warp
    slows = [{name: round(value, 4) for name, value in asdict(slow).items()} for slow in warp.slows]
    added = warp.duration - warp.seconds
    return {"mode": "audio" if warp.is_identity else "video", "added_seconds": round(added, 4), "slowed": slows}


def _subtitles(dubbed: Dubbed) -> dict[str, int]:
    """The dub's cues, and those of them that go by faster than people read."""
    return {"cues": len(dubbed.captions.dub), "too_fast": too_fast(dubbed.captions.dub)}


def _mix_facts(sound: Extracted, levels: Facts) -> MixFacts:
    return MixFacts(
        background=levels["background"],
        duration=sound.seconds,
        source_duration=sound.media.duration_seconds,
        source_dialogue_lufs=levels["source_dialogue_lufs"],
        target_lufs=levels["target_lufs"],
        dub_dialogue_lufs=levels["dub_dialogue_lufs"],
        true_peak_dbtp=levels["true_peak_dbtp"],
        voice_gain_db=levels["voice_gain_db"],
        ducking_db=levels["ducking_db"],
    )


def _line(dubbed: Dubbed, row: dict[str, Any]) -> dict[str, Any]:
    """The measured line with what was said and in which voice, and what was heard of it if somebody listened."""
    spoken, translation = dubbed.spoken.lines[row["id"]], dubbed.scene.translation
    source = source_text(dubbed.scene.heard, translation.lines[row["id"]])
    said = {"source_text": source, "text": spoken.text, "voice": spoken.voice_id}
    translator = translation.engines[row["id"]] if translation.engines else translation.engine
    heard = dubbed.listened.lines.get(row["id"])
    understood = {"heard": heard.heard, "wer": _rate(heard.wer)} if heard else {}
    return {**row, **said, "engine": spoken.engine or None, "translator": translator, **understood}
