"""Voices' paces are learned from what they said."""

import math

import pytest

from shared.db import transaction
from shared.dubbing import paces
from shared.dubbing.paces import Said


def learn(engine, characters: float, seconds: float, voice: str = "fake:high") -> bool:
    with transaction(engine) as session:
        return paces.learn(session, voice, "es", Said(characters, seconds))


def known(engine, language: str = "es") -> dict[str, Said]:
    with transaction(engine) as session:
        return paces.read(session, language)


def test_all_that_a_voice_said_counts(engine):
    assert learn(engine, 100, 10)
    assert learn(engine, 300, 10)
    assert learn(engine, 50, 5, "fake:low")
    assert known(engine) == {"fake:high": Said(400, 20), "fake:low": Said(50, 5)}
    assert known(engine, "ca") == {}


def test_what_comes_later_displaces_what_came_first(engine):
    assert learn(engine, paces.MEMORY, paces.MEMORY / 10)
    assert learn(engine, paces.MEMORY / 2, paces.MEMORY / 2 / 20)
    said = known(engine)["fake:high"]
    assert said.characters == pytest.approx(paces.MEMORY)
    assert said.seconds == pytest.approx(paces.MEMORY / 2 / 10 + paces.MEMORY / 2 / 20)
    assert learn(engine, 3 * paces.MEMORY, paces.MEMORY)
    assert known(engine)["fake:high"] == Said(3 * paces.MEMORY, paces.MEMORY)


@pytest.mark.parametrize(
    ("characters", "seconds"), [(0, 1), (-1, 1), (10, 0), (10, math.nan), (math.inf, 1), (10, 100), (1000, 1)]
)
def test_nonsense_teaches_nothing(engine, characters, seconds):
    assert not learn(engine, characters, seconds)
    assert known(engine) == {}
