"""What the language and voice routes give."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Named(BaseModel):
    """A language: its BCP-47 tag and its English name."""

    code: str
    name: str


class SourceLanguage(Named):
    """A language that can be dubbed from; `recognised`: its speech can be recognised, else give a transcript."""

    targets: list[Named]
    recognised: bool


class LanguageList(BaseModel):
    """What can be dubbed into what."""

    items: list[SourceLanguage]


class VoiceQuery(BaseModel):
    """Which voices."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = Field(
        None, min_length=2, max_length=35, description="Only voices that speak it, those of its region first."
    )
    gender: Literal["female", "male"] | None = None
    engine: str | None = Field(None, min_length=1, max_length=50, description="Only voices of this engine.")


class VoiceBody(BaseModel):
    """A voice to ask for by its `voice_id`; hear it at `preview_url`, where its provider has a sample."""

    voice_id: str
    engine: str
    name: str
    languages: list[str]
    gender: str | None
    preview_url: str | None


class VoiceList(BaseModel):
    """The voices there are."""

    items: list[VoiceBody]
