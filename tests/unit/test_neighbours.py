"""What a voice hears of the lines around the one it says."""

from shared.dubbing.transcript import Segment
from worker.engines.protocols import SpeechContext
from worker.stages.synthesize import neighbours


def test_only_what_the_speaker_says_in_the_same_breath() -> None:
    lines = [
        Segment(0, 0.0, 1.0, "A", "one"),
        Segment(1, 1.2, 2.0, "A", "two"),
        Segment(2, 2.1, 3.0, "B", "three"),
        Segment(3, 3.1, 4.0, "A", "four"),
        Segment(4, 9.0, 10.0, "A", "five"),
    ]
    told = neighbours(lines)
    assert told[0] == SpeechContext("", "two")
    assert told[1] == SpeechContext("one", "")
    assert told[2] == told[3] == told[4] == SpeechContext()
    assert neighbours([]) == {}
