"""What can be dubbed into what, and with which voices."""

import pytest
from sqlalchemy import Engine, func, select

from shared import languages
from shared.db import transaction
from shared.models import EngineCapabilities
from tests.factories import a_video
from tests.web.conftest import SLOTS, Person, code
from tests.web.orders import order


@pytest.mark.usefixtures("served")
def test_languages(person: Person) -> None:
    answer = person.client.get("/languages").json
    assert answer
    english = {
        "code": "en",
        "name": "English",
        "recognised": True,
        "targets": [{"code": "ca", "name": "Catalan"}, {"code": "es", "name": "Spanish"}],
    }
    spanish = {"code": "es", "name": "Spanish", "recognised": False, "targets": [{"code": "ca", "name": "Catalan"}]}
    assert answer["items"] == [english, spanish]


@pytest.mark.usefixtures("served")
def test_voices(person: Person, engine: Engine) -> None:
    client = person.client
    assert [voice["voice_id"] for voice in (client.get("/voices").json or {})["items"]] == ["fake:ana", "fake:pau"]
    ana = {**SLOTS["speech_synthesis"]["voices"][0], "engine": "fake", "preview_url": None}
    for query in ("language=ES", "gender=female", "language=es&engine=fake"):
        assert (client.get(f"/voices?{query}").json or {})["items"] == [ana]
    mexican = {"voice_id": "fake:lupe", "name": "Lupe", "languages": ["es-MX"], "gender": "female"}
    offered = [*SLOTS["speech_synthesis"]["voices"], mexican]
    with transaction(engine) as session:
        languages.publish(session, {"speech_synthesis": {**SLOTS["speech_synthesis"], "voices": offered}})
    for language, expected in (("es-MX", ["fake:lupe", "fake:ana"]), ("es", ["fake:ana", "fake:lupe"])):
        found = (client.get(f"/voices?language={language}").json or {})["items"]
        assert [voice["voice_id"] for voice in found] == expected
    video_id = a_video(engine, person.id)
    assert order(person, video_id, voices={"default": "fake:lupe"}).status_code == 202
    assert (client.get("/voices?engine=openai").json or {})["items"] == []
    assert (client.get("/voices?language=de").json or {})["items"] == []
    assert code(client.get("/voices?language=no%20language")) == (422, "invalid_language")


def test_languages_before_a_worker_has_spoken(person: Person, engine: Engine) -> None:
    with transaction(engine) as session:
        assert session.scalar(select(func.count()).select_from(EngineCapabilities)) == 0
    for address in ("/languages", "/voices"):
        assert code(person.client.get(address)) == (503, "engines_unknown")
