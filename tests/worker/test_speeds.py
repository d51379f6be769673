"""Stage speeds are learned from what ran, and only from that."""

import math

import pytest
from sqlalchemy import select

from shared.db import transaction
from shared.dubbing import speeds
from shared.models import StageSpeed


def learn(engine, seconds: float, of_seconds: float = 100.0) -> bool:
    with transaction(engine) as session:
        return speeds.learn(session, "mix", "", seconds=seconds, of_seconds=of_seconds)


def test_the_newest_run_weighs_three_tenths(engine):
    assert learn(engine, 10.0)
    assert learn(engine, 20.0)
    with transaction(engine) as session:
        assert speeds.read(session) == {("mix", ""): pytest.approx(0.7 * 0.1 + 0.3 * 0.2)}
        assert session.scalars(select(StageSpeed)).one().runs == 2


@pytest.mark.parametrize(
    ("seconds", "of_seconds"), [(0.0, 100.0), (-1.0, 100.0), (math.nan, 100.0), (1e9, 100.0), (1.0, 0.0), (1.0, 1.0)]
)
def test_nonsense_teaches_nothing(engine, seconds, of_seconds):
    assert not learn(engine, seconds, of_seconds)
    with transaction(engine) as session:
        assert speeds.read(session) == {}
