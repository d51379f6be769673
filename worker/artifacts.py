"""Checkpoints: what a stage made is uploaded, recorded under its fingerprint, and not made again."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, Engine, String, any_, delete, literal, select
from sqlalchemy.dialects.postgresql import insert

from shared import log
from shared.db import transaction
from shared.dubbing import leases
from shared.dubbing.leases import Claim
from shared.errors import PermanentError, PipelineError, TransientError
from shared.models import Artifact as Row
from shared.models import new_id
from shared.storage import ObjectChangedError, Storage, artifact_key

logger = log.get(__name__)

Facts = dict[str, Any]


@dataclass(frozen=True)
class Recipe:
    """What goes into an artifact; its hash is the artifact's name.

    `version` is the stage's own: raise it when the stage's output changes. `engine` names engine and model.
    `suffix` is the file's kind (`.flac`, `.json`); it is not part of the name.
    """

    stage: str
    version: int
    inputs: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    engine: str | None = None
    suffix: str = ".json"

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the recipe's canonical JSON, in hex."""
        content = [self.stage, self.version, list(self.inputs), dict(self.options), self.engine]
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def for_now(self, round_key: str) -> "Recipe":
        """The name of what stands in for it in one round of a job, and in no other."""
        return replace(self, options={**self.options, "for_now": round_key})


@dataclass(frozen=True)
class Artifact:
    """What a stage made: an object under `key`, and facts about it; `made` here and now, not found."""

    fingerprint: str
    key: str
    facts: Facts
    engine: str | None = None
    suffix: str = ""
    etag: str | None = None
    made: bool = False


class Document(NamedTuple):
    """What a JSON artifact says, and whether it was made here and now."""

    content: Any
    made: bool


class Checkpoints:
    """The artifacts of one video, as the holder of one lease sees and makes them. For several threads.

    What several ask for at once is made once, and fetched once.
    """

    def __init__(
        self, engine: Engine, storage: Storage, held: Claim, video_id: UUID, scratch: Path, round_number: int = 1
    ) -> None:
        self._engine = engine
        self._storage = storage
        self._held = held
        self._video_id = video_id
        self._scratch = scratch
        self._locks: dict[str, threading.RLock] = {}
        self._guard = threading.Lock()
        self._round = f"{held.job_id}/{round_number}"
        self._unrecorded: dict[str, tuple[Recipe, Facts]] = {}

    def make(self, recipe: Recipe, build: Callable[[Path], Facts | None]) -> Artifact:
        """The recipe's artifact: the recorded one, else what `build` writes to the path it gets, uploaded and recorded.

        `build` returns the facts. What they say is `for_now` serves this round of the job only: another one tries for
        the right thing again. Raises LeaseLostError when the job is no longer ours.
        """
        with self._alone(recipe.fingerprint):
            return self.find([recipe]).get(recipe.fingerprint) or self._build(recipe, build)

    def make_document(self, recipe: Recipe, build: Callable[[], Any]) -> Document:
        """Like `make`, for a JSON document."""
        artifact = self.make(recipe, lambda path: _write_json(path, build()))
        return Document(self.document(artifact), artifact.made)

    def document(self, artifact: Artifact) -> Any:
        """The JSON document that the artifact is."""
        return json.loads(self.path(artifact).read_bytes())

    def find(self, recipes: Iterable[Recipe]) -> dict[str, Artifact]:
        """Those artifacts that are recorded already, or that stand in for them in this round, by the fingerprint of the
        recipe."""
        wanted = {recipe.fingerprint: recipe for recipe in recipes}
        names = {recipe.for_now(self._round).fingerprint: own for own, recipe in wanted.items()}
        names |= {own: own for own in wanted}
        with transaction(self._engine) as session:
            of_these = Row.fingerprint == any_(literal(list(names), ARRAY(String)))  # one parameter, however many
            rows = session.scalars(select(Row).where(Row.video_id == self._video_id, of_these))
            found = sorted(rows, key=lambda row: row.fingerprint in wanted)  # what is right goes before a stand-in
            return {
                names[row.fingerprint]: Artifact(
                    row.fingerprint, row.key, row.facts, row.engine, wanted[names[row.fingerprint]].suffix
                )
                for row in found
            }

    def path(self, artifact: Artifact, told: Callable[[int], None] | None = None) -> Path:
        """The artifact's bytes on the local disk, fetched if they are not there; `told` of each block's bytes."""
        path = self._local(artifact.fingerprint, artifact.suffix)
        with self._alone(artifact.fingerprint):
            if not path.exists():
                self._fetch(artifact, path, told)
        return path

    def _fetch(self, artifact: Artifact, path: Path, told: Callable[[int], None] | None) -> None:
        part = path.with_suffix(".part")
        try:
            self._storage.download(artifact.key, part, etag=artifact.etag, told=told)
        except ObjectChangedError as error:
            raise self._gone(artifact) from error
        part.rename(path)

    def copy(self, artifact: Artifact, key: str, content_type: str) -> None:
        """Copy the artifact to another key of the bucket."""
        try:
            self._storage.copy(artifact.key, key, content_type)
        except ObjectChangedError as error:
            raise self._gone(artifact) from error

    def drop_local(self, artifact: Artifact) -> None:
        """Give the disk space back; the artifact stays in the bucket."""
        self._local(artifact.fingerprint, artifact.suffix).unlink(missing_ok=True)

    def _local(self, fingerprint: str, suffix: str) -> Path:
        return self._scratch / f"{fingerprint}{suffix}"

    def _alone(self, fingerprint: str) -> threading.RLock:
        with self._guard:
            return self._locks.setdefault(fingerprint, threading.RLock())

    def _build(self, recipe: Recipe, build: Callable[[Path], Facts | None]) -> Artifact:
        """What was built and could not be stored is not built again: it may have been paid for."""
        wanted = recipe.fingerprint
        if wanted not in self._unrecorded:
            self._unrecorded[wanted] = self._built(recipe, build)
        recipe, facts = self._unrecorded[wanted]
        path = self._local(recipe.fingerprint, recipe.suffix)
        key = artifact_key(self._video_id, recipe.fingerprint, self._held.lease_token)
        self._storage.upload(path, key)
        artifact = Artifact(recipe.fingerprint, key, facts, recipe.engine, recipe.suffix, made=True)
        self._record(recipe, artifact, path.stat().st_size)
        del self._unrecorded[wanted]
        logger.info("made", artifact=recipe.stage, fingerprint=recipe.fingerprint[:12])
        return artifact

    def _built(self, recipe: Recipe, build: Callable[[Path], Facts | None]) -> tuple[Recipe, Facts]:
        """What was built, under the name that it gets."""
        unfinished = self._scratch / f"unfinished-{recipe.fingerprint}{recipe.suffix}"
        facts = build(unfinished) or {}
        named = recipe.for_now(self._round) if facts.get("for_now") else recipe
        unfinished.rename(self._local(named.fingerprint, named.suffix))
        return named, facts

    def _record(self, recipe: Recipe, artifact: Artifact, size_bytes: int) -> None:
        """Write the row while the lease is held; a row that another job wrote meanwhile is as good as ours."""
        with transaction(self._engine) as session:
            leases.lock(session, self._held)
            session.execute(
                insert(Row)
                .values(
                    id=new_id(),
                    video_id=self._video_id,
                    fingerprint=artifact.fingerprint,
                    stage=recipe.stage,
                    key=artifact.key,
                    size_bytes=size_bytes,
                    facts=artifact.facts,
                    engine=artifact.engine,
                    job_id=self._held.job_id,
                    lease_token=self._held.lease_token,
                )
                .on_conflict_do_nothing(index_elements=["video_id", "fingerprint"])
            )

    def _gone(self, artifact: Artifact) -> PipelineError:
        """The original is final; any other object is made anew by the next attempt: its row goes, and those of all
        that are gone with it."""
        if artifact.etag is not None:
            return PermanentError("original_changed", "The uploaded file is no longer what it was. Upload it again.")
        there = self._storage.keys(f"artifacts/{self._video_id}/")
        with transaction(self._engine) as session:
            known = session.scalars(select(Row.key).where(Row.video_id == self._video_id))
            missing = [key for key in known if key not in there]
            session.execute(delete(Row).where(Row.video_id == self._video_id, Row.key.in_(missing)))
        return TransientError("artifact_missing", "An intermediate file was lost and is made again.")


def _write_json(path: Path, document: Any) -> Facts:
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    return {}
