"""BCP-47 language tags, and which languages, pairs and voices this installation's engines serve.

The worker tier publishes what its engines can do (one row a slot, `EngineCapabilities`); both tiers judge by it.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import langcodes
from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.orm import Session

from shared.errors import AppError
from shared.models import EngineCapabilities
from shared.spoken import language_of
from shared.voice import Voice as Voice


@dataclass(frozen=True)
class Capabilities:
    """What the configured engines can do together. Languages are BCP-47 tags; cloned voices speak those of `cloned`."""

    recognised: frozenset[str] = frozenset()
    detects_language: bool = False
    aligned: frozenset[str] = frozenset()
    pairs: frozenset[tuple[str, str]] = frozenset()
    voices: tuple[Voice, ...] = ()
    cloned: frozenset[str] = frozenset()
    engines: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def spoken(self) -> frozenset[str]:
        """The tags that some voice names."""
        return frozenset(language for voice in self.voices for language in voice.languages)

    @cached_property
    def _voiced(self) -> frozenset[str]:
        return frozenset(map(language_of, self.spoken))

    def is_spoken(self, tag: str) -> bool:
        """Whether some voice speaks the language, of whichever region."""
        return language_of(tag) in self._voiced

    def targets(self, source: str) -> frozenset[str]:
        """Into which languages `source` can be dubbed."""
        return frozenset(target for origin, target in self.pairs if origin == source and self.is_spoken(target))

    def sources(self) -> frozenset[str]:
        """From which languages a dub can be made, with a transcript or without."""
        return frozenset(source for source, target in self.pairs if self.is_spoken(target))


@lru_cache(maxsize=1000)
def normalise(tag: str) -> str:
    """`tag` in its standard form (`EN-us` → `en-US`). Raises AppError `invalid_language`."""
    try:
        if not langcodes.tag_is_valid(tag):
            raise ValueError(tag)
        return langcodes.standardize_tag(tag)
    except ValueError:
        raise AppError("invalid_language", f"{tag!r} is not a language tag such as “en” or “pt-BR”.", 422) from None


def display_name(tag: str, locale: str = "en") -> str:
    """The language's name in the language of `locale`."""
    return langcodes.get(tag).display_name(locale)


def publish(session: Session, slots: dict[str, dict[str, Any]]) -> None:
    """Keep what each slot's engines can do; the worker tier calls this at its start and now and then."""
    for slot, capabilities in slots.items():
        row = insert(EngineCapabilities).values(slot=slot, capabilities=capabilities)
        session.execute(
            row.on_conflict_do_update(
                index_elements=["slot"], set_={"capabilities": capabilities, "published_at": row.excluded.published_at}
            )
        )


def published(session: Session) -> dict[str, dict[str, Any]]:
    """What was published last, by slot; nothing before the first time."""
    return {row.slot: row.capabilities for row in session.scalars(select(EngineCapabilities))}


# Tells one state of what is published from another, in one value.
VERSIONS = select(
    func.array_agg(aggregate_order_by(EngineCapabilities.published_at, EngineCapabilities.slot))
).scalar_subquery()
_SLOTS = select(EngineCapabilities.slot, EngineCapabilities.capabilities, VERSIONS.label("versions"))


class Published:
    """What the engines can do, read anew only when a worker has said something since. Safe for threads."""

    def __init__(self) -> None:
        self._known: tuple[Any, Capabilities] = ([], Capabilities())

    def capabilities(self, database: Session | Connection, versions: Any) -> Capabilities:
        """What they can do, where VERSIONS was just read to be `versions`.

        Raises AppError `engines_unknown` (503) until a worker has said so.
        """
        known, served = self._known
        if versions is None or versions != known:
            rows = database.execute(_SLOTS).all()
            served = _read({row.slot: row.capabilities for row in rows})
            self._known = rows[0].versions, served
        return served


def capabilities(session: Session) -> Capabilities:
    """What the engines can do. Raises AppError `engines_unknown` (503) until a worker has said so."""
    return _read(published(session))


def _read(slots: dict[str, dict[str, Any]]) -> Capabilities:
    if not slots:
        raise AppError(
            "engines_unknown", "No worker has reported its engines yet. Try again in a minute.", 503, retry_after=30
        )
    return from_slots(slots)


def from_slots(rows: dict[str, dict[str, Any]]) -> Capabilities:
    """Read the published form: `{slot: {engines, languages?, detects_language?, pairs?, voices?, cloned?}}`."""
    recognition = rows.get("speech_recognition", {})
    return Capabilities(
        recognised=frozenset(recognition.get("languages", ())),
        detects_language=bool(recognition.get("detects_language")),
        aligned=frozenset(rows.get("forced_alignment", {}).get("languages", ())),
        pairs=frozenset((source, target) for source, target in rows.get("translation", {}).get("pairs", ())),
        voices=tuple(_voice(item) for item in rows.get("speech_synthesis", {}).get("voices", ())),
        cloned=frozenset(rows.get("speech_synthesis", {}).get("cloned", ())),
        engines={slot: list(row.get("engines", ())) for slot, row in rows.items()},
    )


def voice_document(voices: Iterable[Voice]) -> list[dict[str, Any]]:
    """The published form of voices."""
    return [asdict(voice) for voice in voices]


def voices_of(slot: dict[str, Any], engine: str) -> tuple[Voice, ...]:
    """The voices of one engine in the published form of a slot."""
    return tuple(voice for voice in map(_voice, slot.get("voices", ())) if voice.engine == engine)


def _voice(item: dict[str, Any]) -> Voice:
    return Voice(
        item["voice_id"],
        item["name"],
        tuple(item["languages"]),
        item.get("gender"),
        item.get("preview_url"),
        item.get("pitch"),
    )
