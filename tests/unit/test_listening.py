"""Which lines of a dub stand out when it is listened to."""

from worker.listening import Said, compared

TEXT = "the lake is warm and we can swim"


def lines(*texts: str, voice: str = "flite:slt") -> list[Said]:
    return [Said(number, text, voice) for number, text in enumerate(texts)]


def test_a_line_far_worse_than_its_voice_is_unclear():
    found = compared("sphinx", "en", lines(TEXT, TEXT, TEXT), {0: TEXT, 1: TEXT, 2: "a cake"})
    assert [line.unclear for line in found.lines] == [False, False, True]
    assert [line.wer for line in found.lines] == [0.0, 0.0, 1.0]
    assert found.wer == 1 / 3
    assert found.voices == {"flite:slt": 1 / 3}


def test_a_voice_that_is_always_misheard_makes_no_line_unclear():
    found = compared("sphinx", "en", lines(TEXT, TEXT), {0: "a cake", 1: "as wave"})
    assert not any(line.unclear for line in found.lines)
    assert found.voices["flite:slt"] >= 0.75


def test_every_voice_is_judged_by_itself():
    said = [*lines(TEXT, TEXT), Said(2, TEXT, "espeak:en"), Said(3, TEXT, "espeak:en")]
    found = compared("sphinx", "en", said, {0: TEXT, 1: TEXT, 2: "cake", 3: "wave"})
    assert not any(line.unclear for line in found.lines)
    assert found.voices == {"flite:slt": 0.0, "espeak:en": 1.0}


def test_a_short_line_is_not_judged():
    found = compared("sphinx", "en", lines(TEXT, TEXT, "Swim now"), {0: TEXT, 1: TEXT})
    assert not found.lines[2].unclear
    assert found.lines[2].wer == 1.0


def test_nothing_said_is_nothing_heard():
    found = compared("sphinx", "en", [], {})
    assert (found.lines, found.wer, found.voices) == ((), None, {})


def test_a_line_without_words_has_no_rate():
    [line] = compared("sphinx", "en", lines("1984"), {0: "nineteen eighty four"}).lines
    assert (line.wer, line.unclear) == (None, False)
