"""The languages that recognisers are offered for here (BCP-47), and how they name the one they heard. Data."""

import langcodes

# Those that OpenAI documents Whisper for: a word error rate below one half. Read 2026-11.
_WHISPER = (
    "af ar az be bg bs ca cs cy da de el en es et fa fi fil fr gl he hi hr hu hy id is it ja kk kn ko lt lv mi mk mr"
    " ms ne nl no pl pt ro ru sk sl sr sv sw ta th tr uk ur vi zh"
)
# Of the 90 and more that ElevenLabs offers Scribe for, those that are not its weakest. Read 2026-11.
_SCRIBE = (
    "af am ar as az be bg bn bs ca ceb cs cy da de el en es et fa fi fil fr gl gu he hi hr hu hy id is it ja jv ka kk"
    " km kn ko ky lb lo lt lv mi mk ml mn mr ms mt my ne nl no or pa pl ps pt ro ru sd sk sl so sr sv sw ta te tg th tr"
    " uk ur uz vi yue zh"
)
WHISPER, SCRIBE = frozenset(_WHISPER.split()), frozenset(_SCRIBE.split())
_OLDER = {"fil": "tl", "nb": "no", "nn": "no"}  # Whisper's own codes, where BCP-47 has others
_NEWER = {"tl": "fil", "nb": "no", "nn": "no"}


def whisper_code(tag: str) -> str:
    """The code that Whisper knows the language `tag` by."""
    language = langcodes.get(tag).language or tag
    return _OLDER.get(language, language)


def tag_of(name: str | None) -> str | None:
    """The BCP-47 language of a code of ISO 639 or an English name; None where there is none.

    A language that is not offered under its own tag has that of the group it belongs to: `cmn` is `zh`.
    """
    try:
        if not name:
            return None
        language = langcodes.get(name).language if len(name) <= 3 else langcodes.find(name).language
    except (LookupError, ValueError):
        return None
    if not language or language == "und":
        return None
    language = _NEWER.get(language, language)
    return language if language in WHISPER | SCRIBE else langcodes.standardize_tag(language, macro=True)
