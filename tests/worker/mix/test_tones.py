"""Which tones of the room the mix has, beside a bed that was separated and is turned down all the same."""

import pytest

from tests.worker.mix.test_room_tone import floor_of, hiss, level_db
from worker.stages.mix import tones


@pytest.mark.parametrize(
    ("room_dbfs", "bed_dbfs", "always", "with_bed"),
    [
        pytest.param(-55, -58, -58, -58, id="half of it is in the bed"),
        pytest.param(-40, -90, -50, None, id="a loud one that the separator took away"),
    ],
)
def test_what_goes_down_with_the_bed_is_what_is_in_it(room_dbfs, bed_dbfs, always, with_bed, tmp_path):
    source, bed = floor_of(hiss(30, room_dbfs), tmp_path), floor_of(hiss(30, bed_dbfs, seed=2), tmp_path)
    tone, fill = tones(source, bed, "duck")
    assert level_db(tone) == pytest.approx(always, abs=1.5)
    if with_bed is None:
        assert fill is None
    else:
        assert level_db(fill) == pytest.approx(with_bed, abs=1.5)
        assert level_db(tone + fill) == pytest.approx(room_dbfs, abs=1.5), "not of the same phases"
