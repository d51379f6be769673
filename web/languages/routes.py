"""What this installation's engines can do."""

from flask import Response

from shared.languages import Capabilities, Voice, capabilities, display_name, normalise
from shared.spoken import speaking
from web.auth import public
from web.languages.schemas import LanguageList, Named, SourceLanguage, VoiceBody, VoiceList, VoiceQuery
from web.neighbours import transaction
from web.openapi import reply, resource

languages = resource("languages", __name__, public_routes=True)


@languages.get("/languages", responses={200: LanguageList})
@public
def list_languages() -> Response:
    """The languages to dub from, each with the languages to dub into."""
    served = _served()
    return reply(LanguageList(items=[_source(code, served) for code in sorted(served.sources())]))


@languages.get("/voices", responses={200: VoiceList})
@public
def list_voices(query: VoiceQuery) -> Response:
    """The voices there are: all, or those of one language, gender or engine."""
    served = _served()
    voices = [
        voice
        for voice in (speaking(served.voices, normalise(query.language)) if query.language else served.voices)
        if query.gender in {None, voice.gender} and query.engine in {None, voice.engine}
    ]
    return reply(VoiceList(items=[_voice(voice) for voice in voices]))


def _voice(voice: Voice) -> VoiceBody:
    return VoiceBody(
        voice_id=voice.voice_id,
        engine=voice.engine,
        name=voice.name,
        languages=list(voice.languages),
        gender=voice.gender,
        preview_url=voice.preview_url,
    )


def _served() -> Capabilities:
    with transaction() as session:
        return capabilities(session)


def _source(code: str, served: Capabilities) -> SourceLanguage:
    return SourceLanguage(
        code=code,
        name=display_name(code),
        targets=[Named(code=target, name=display_name(target)) for target in sorted(served.targets(code))],
        recognised=code in served.recognised,
    )
