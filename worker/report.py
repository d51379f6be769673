"""The report of one dub: the measures, per line and overall, who did what, and what a person should look at."""

from dataclasses import dataclass
from typing import Any

from shared.dubbing.excerpt import Range
from worker.artifacts import Facts
from worker.measures import DIGITS, MixFacts, measure
from worker.stages.align import Placed, timeline_lines
from worker.stages.extract import Extracted
from worker.stages.listen import Listened
from worker.stages.mix import HIGHEST_TRUE_PEAK_DBTP, Mixed
from worker.stages.mux import Muxed
from worker.stages.separate import Bed
from worker.stages.synthesize import Spoken
from worker.stages.transcribe import Heard
from worker.stages.translate import Translation

SENTENCES = {
    "no_speech_found": "No speech was found: the file keeps its original sound.",
    "speakers_uncertain": "The voices could not be told apart beyond doubt. Say how many speak, or who says what.",
    "clone_too_little_speech": "A speaker says too little to be cloned (10 seconds are needed) and got another voice.",
    "recognition_doubtful": "The recogniser was unsure of what it heard. Check the transcript, or send your own.",
    "background_ducked": "No engine separates speech and background here: the original is turned down under the dub.",
    "not_listened_to": "Nobody listened to the dub: the recogniser does not read its language.",
    "listening_failed": "Nobody listened to the dub: the recogniser failed. The dub itself is complete.",
    "peaks_over": "The encoded sound peaks above −1 dBTP.",
}


@dataclass(frozen=True)
class Dubbed:
    """All that one language's stages made."""

    language: str
    sound: Extracted
    bed: Bed
    heard: Heard
    translation: Translation
    spoken: Spoken
    placed: Placed
    mixed: Mixed
    muxed: Muxed
    listened: Listened


def report(dubbed: Dubbed) -> dict[str, Any]:
    """The report as JSON: `{source, target_language, engines, warnings, measures: {…, mix}, listening, lines}`.

    Times count from the start of what was dubbed; `source.excerpt` says which part of the original that is.
    """
    measures = measure(
        timeline_lines(dubbed.translation, dubbed.spoken),
        dubbed.placed.plan,
        mix=_mix_facts(dubbed.sound, dubbed.mixed.levels),
        source_spans=dubbed.heard.speech,
        reasons=_reasons(dubbed),
    ).to_dict()
    rows = measures.pop("rows")
    return {
        "source": _source(dubbed),
        "target_language": dubbed.language,
        "engines": _engines(dubbed),
        "warnings": _warnings(dubbed),
        "measures": measures,
        "listening": _listening(dubbed.listened),
        "lines": [_line(dubbed, row) for row in rows],
    }


def _reasons(dubbed: Dubbed) -> dict[int, tuple[str, ...]]:
    """By line, what its translation, its speech and whoever listened say of it."""
    told = (
        (line.id, (*dubbed.translation.reasons.get(line.id, ()), *line.reasons, *dubbed.listened.reasons(line.id)))
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
        "duration": round(dubbed.sound.seconds, 4),
        "speakers": list(transcript.speakers),
        "segments": len(transcript.segments),
        "excerpt": _excerpt(dubbed.sound.source.excerpt),
    }


def _excerpt(stretch: Range | None) -> dict[str, float] | None:
    """Which part of the original was dubbed, in its seconds; None: all of it."""
    return {"start": round(stretch.start, 4), "end": round(stretch.end, 4)} if stretch else None


def _engines(dubbed: Dubbed) -> dict[str, str]:
    return {
        "speech_recognition": dubbed.heard.engine,
        "translation": dubbed.translation.engine,
        "speech_synthesis": dubbed.spoken.engine,
        "source_separation": dubbed.bed.engine,
        **({"diarisation": dubbed.heard.diarisation} if dubbed.heard.diarisation else {}),
    }


def _warnings(dubbed: Dubbed) -> list[dict[str, str]]:
    """What a user should know: `{code, message}`, the stage's own sentence for a stream that was not kept as it was."""
    heard_back = [dubbed.listened.warning] if dubbed.listened.warning else []
    codes = [*dubbed.heard.warnings, *dubbed.spoken.warnings, *heard_back]
    if dubbed.bed.ducked and dubbed.mixed.levels["background"] == "duck":
        codes.append("background_ducked")
    if (dubbed.mixed.levels["true_peak_dbtp"] or -99.0) > HIGHEST_TRUE_PEAK_DBTP:
        codes.append("peaks_over")
    streams = [{"code": "stream_changed", "message": sentence} for sentence in dubbed.muxed.warnings]
    return [*({"code": code, "message": SENTENCES[code]} for code in codes), *streams]


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
    spoken, translators = dubbed.spoken.lines[row["id"]], dubbed.translation.engines
    said = {"source_text": _source_text(dubbed, row), "text": spoken.text, "voice": spoken.voice_id}
    translator = translators[row["id"]] if translators else dubbed.translation.engine
    heard = dubbed.listened.lines.get(row["id"])
    understood = {"heard": heard.heard, "wer": _rate(heard.wer)} if heard else {}
    return {**row, **said, "engine": spoken.engine or None, "translator": translator, **understood}


def _source_text(dubbed: Dubbed, row: dict[str, Any]) -> str:
    """What is said meanwhile in the source: the line's own segment, or those that have their middle within it."""
    segments, line = dubbed.heard.transcript.segments, dubbed.translation.lines[row["id"]]
    own = next((s for s in segments if (s.id, s.start, s.end) == (line.id, line.start, line.end)), None)
    within = [s for s in segments if line.start <= (s.start + s.end) / 2 < line.end]
    return own.text if own else " ".join(segment.text for segment in within)
