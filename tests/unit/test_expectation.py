"""What a job's stages are expected to take before the first has begun."""

from uuid import UUID

import pytest

from shared.dubbing.transcript import GivenLine, GivenTranscript
from worker.expectation import Expectation
from worker.request import Original, Request

LABEL = "fake/fake-1"
ORIGINAL = Original(UUID(int=0), "key", "etag", "talk.mp4", 1, 1000.0)
GIVEN = GivenTranscript((GivenLine("The water is warm.", 1.0, 2.0),))


def expected(settings, stage, speeds=(), **wishes):
    request = Request("en", GIVEN, ("es",), **wishes)
    forecast = Expectation(settings, request, ORIGINAL).forecast(dict(speeds), 1)
    return {**forecast.languages["es"], **forecast.closing}[stage]


def test_listening_is_reckoned_with_before_anybody_has_listened(settings):
    """By what the recogniser takes for as much sound, less what is done meanwhile."""
    meanwhile = expected(settings, "mix") + expected(settings, "mux")
    assert expected(settings, "listen", listen_back=True) == pytest.approx(410.0 - meanwhile)
    recognised = {("transcribe", LABEL): 0.8}.items()
    assert expected(settings, "listen", recognised, listen_back=True) == pytest.approx(800.0 - meanwhile)
    assert expected(settings, "listen", {("listen", LABEL): 0.02}.items(), listen_back=True) == pytest.approx(20.0)
    assert expected(settings, "listen", recognised, listen_back=False) == 0.0


def test_the_file_of_all_languages_takes_time_where_it_is_asked_for(settings):
    assert expected(settings, "assemble") == 0.0
    assert expected(settings, "assemble", outputs=("multi_audio_video",)) > 0.0
