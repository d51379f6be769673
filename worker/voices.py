"""Casting: which voice speaks for which speaker. Pure."""

from collections.abc import Mapping, Sequence
from math import log2

from shared.errors import PermanentError
from shared.spoken import speaking, speaks
from shared.voice import AUTO, CLONE
from worker.engines.protocols import Voice

DEFAULT = "default"
# The median F0 in Hz of grown-up speakers (Traunmüller and Eriksson, 1995), for voices nobody has measured, and the
# middle between the two on a scale of octaves.
USUAL_PITCH = {"female": 200.0, "male": 119.0}
MIDDLE_PITCH = 154.0
OTHER_GENDER = 1.0  # octaves that a voice of the other gender counts as further away
SEMITONE = 1 / 12  # octaves; voices no further apart are equally near, and the engine's own order decides


def cast(
    speakers: Sequence[str],
    language: str,
    voices: Sequence[Voice],
    wished: Mapping[str, str],
    pitches: Mapping[str, float] | None = None,
) -> dict[str, str]:
    """A voice id for each speaker: the one wished for (by speaker, else `default`), else one by `pitches` (in Hz).

    A wish for a voice that does not speak `language` does not count for this language, nor does `auto`. Distinct
    speakers get distinct voices while there are any, of the first voice's engine, those of the region first. Speakers
    without a pitch get voices in turn, of different gender where there are any. Raises PermanentError `no_voice` when
    none speaks the language.
    """
    fitting = [voice for voice in voices if speaks(voice, language)]
    if not fitting:
        raise PermanentError("no_voice", f"No voice of this installation speaks {language}.")
    known = {voice.voice_id for voice in fitting}
    wishes = {speaker: wished.get(speaker) or wished.get(DEFAULT) or AUTO for speaker in speakers}
    chosen = {speaker: wish for speaker, wish in wishes.items() if wish in known}
    left = [speaker for speaker in speakers if speaker not in chosen]
    own = speaking((voice for voice in fitting if _engine(voice) == _engine(fitting[0])), language)
    measured = {speaker: pitch for speaker in left if (pitch := (pitches or {}).get(speaker))}
    while open_ones := {speaker: pitch for speaker, pitch in measured.items() if speaker not in chosen}:
        chosen |= _nearest(open_ones, _unused(own, chosen) or own)
    return {speaker: chosen.get(speaker) or _in_turn(speaker, left, own, chosen) for speaker in speakers}


def demand_offered(speakers: Sequence[str], wished: Mapping[str, str], voices: Sequence[Voice]) -> None:
    """Each voice that counts is there still. Raises PermanentError `voice_not_found`."""
    offered = {voice.voice_id for voice in voices}
    for speaker in speakers:
        wish = wished.get(speaker) or wished.get(DEFAULT) or AUTO
        if wish not in {AUTO, CLONE} and wish not in offered:
            message = f"There is no voice “{wish}” any more. Order the dub again with one that GET /voices lists."
            raise PermanentError("voice_not_found", message)


def distance(pitch: float, voice: Voice) -> float:
    """How far the voice is from a speaker of that pitch (Hz), in octaves, a voice of the other gender one further."""
    gender = "female" if pitch > MIDDLE_PITCH else "male"
    own = voice.pitch or USUAL_PITCH.get(voice.gender or "", MIDDLE_PITCH)
    return abs(log2(pitch / own)) + OTHER_GENDER * (voice.gender not in {gender, None})


def _nearest(pitches: Mapping[str, float], voices: Sequence[Voice]) -> dict[str, str]:
    """A voice of its own for each speaker while voices last, the nearest pairs first."""
    pairs = sorted(
        (round(distance(pitch, voice) / SEMITONE), number, place, speaker, voice.voice_id)
        for number, (speaker, pitch) in enumerate(pitches.items())
        for place, voice in enumerate(voices)
    )
    chosen: dict[str, str] = {}
    for *_, speaker, voice_id in pairs:
        if speaker not in chosen and voice_id not in chosen.values():
            chosen[speaker] = voice_id
    return chosen


def _unused(voices: Sequence[Voice], chosen: Mapping[str, str]) -> list[Voice]:
    return [voice for voice in voices if voice.voice_id not in chosen.values()]


def _in_turn(speaker: str, speakers: Sequence[str], voices: Sequence[Voice], chosen: dict[str, str]) -> str:
    """The next voice that nobody has; else the one whose turn it is."""
    order = _alternating(voices)
    free = [voice for voice in order if voice.voice_id not in chosen.values()]
    chosen[speaker] = (free[0] if free else order[speakers.index(speaker) % len(order)]).voice_id
    return chosen[speaker]


def _engine(voice: Voice) -> str:
    return voice.voice_id.partition(":")[0]


def _alternating(voices: Sequence[Voice]) -> list[Voice]:
    """The first voice first, then one of the other gender, and so on; those of no said gender last."""
    first = voices[0]
    same = [voice for voice in voices if voice.gender == first.gender]
    other = [voice for voice in voices if voice.gender not in {first.gender, None}]
    unsaid = [voice for voice in voices if voice not in same and voice not in other]
    paired = [voice for pair in zip(same, other, strict=False) for voice in pair]
    rest = [voice for voice in (*same, *other) if voice not in paired]
    return [*paired, *rest, *unsaid]
