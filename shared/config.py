"""Settings, read once from the environment. The only module that reads it."""

import sys
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "ONEVOICE_"
MIB = 1024 * 1024
GIB = 1024 * MIB

Names = Annotated[tuple[str, ...], NoDecode]

# What the periods may not go below in production: shorter ones turn a slow database into a storm.
PRODUCTION_FLOORS: dict[str, float] = {
    "lease_seconds": 60,
    "heartbeat_seconds": 5,
    "sweep_seconds": 30,
    "resend_seconds": 300,
    "backoff_seconds": 10,
    "give_up_after_seconds": 3600,
    "retention_sweep_seconds": 300,
    "purge_seconds": 30,
    "import_poll_seconds": 1,
    "webhook_poll_seconds": 1,
    "webhook_backoff_seconds": 10,
    "webhook_give_up_seconds": 3600,
    "mail_poll_seconds": 1,
    "mail_give_up_seconds": 3600,
}


class Settings(BaseSettings):
    """Everything that differs between installations. Variables are `ONEVOICE_` plus the upper-case field name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", env_ignore_empty=True)

    environment: Literal["local", "test", "production"]
    tier: Literal["web", "worker"] | None = None

    # Where things are
    database_url: SecretStr
    aws_region: str = "us-east-1"
    s3_bucket: str
    s3_endpoint_url: str | None = None
    sqs_queue_url: str
    sqs_endpoint_url: str | None = None
    ses_endpoint_url: str | None = None
    mail_from: str
    scratch_dir: Path = Path("/var/tmp/onevoice")  # noqa: S108 - a directory of our own, made with the tier's rights
    log_file: Path | None = None

    # Web tier
    jwt_secret: SecretStr
    # The secret before this one: its tokens are accepted until they expire, none is signed with it
    jwt_previous_secret: SecretStr | None = None
    access_token_seconds: int = Field(900, ge=60, le=86_400)
    refresh_token_seconds: int = Field(30 * 24 * 3600, ge=3600)
    refresh_grace_seconds: float = Field(10, ge=0, le=60)
    verify_token_seconds: int = Field(24 * 3600, ge=60)
    reset_token_seconds: int = Field(3600, ge=60)
    # Where people reach the web tier; links in mails begin with it
    public_url: str = "http://127.0.0.1:8000"
    # How many proxies stand before the web tier, each adding to X-Forwarded-For
    trusted_proxies: int = Field(1, ge=0, le=5)
    presigned_url_seconds: int = Field(3600, ge=1, le=3600)
    max_upload_bytes: int = Field(10 * GIB, gt=0)
    max_duration_seconds: float = Field(3 * 3600, gt=0)
    max_live_jobs: int = Field(20, ge=1)
    max_languages: int = Field(10, ge=1, le=50)
    multipart_from_bytes: int = Field(64 * MIB, ge=5 * MIB)
    upload_expiry_seconds: float = Field(24 * 3600, gt=0)
    idempotency_seconds: float = Field(24 * 3600, gt=0)
    disk_free_min_bytes: int = Field(1 * GIB, ge=0)

    # Worker tier: a job's life (seconds)
    job_slots: int = Field(1, ge=1, le=100)
    lease_seconds: float = Field(120, gt=0)
    heartbeat_seconds: float = Field(20, gt=0)
    sweep_seconds: float = Field(60, gt=0)
    resend_seconds: float = Field(900, gt=0)
    resend_cap_seconds: float = Field(6 * 3600, gt=0)
    backoff_seconds: float = Field(60, gt=0)
    backoff_cap_seconds: float = Field(3600, gt=0)
    give_up_after_seconds: float = Field(2 * 3600, gt=0)
    max_crashes: int = Field(3, ge=0)
    max_transient_failures: int = Field(8, ge=1)
    job_cap_seconds: float = Field(34_200, gt=0)
    kill_grace_seconds: float = Field(5, gt=0)
    job_memory_bytes: int = Field(4 * GIB, ge=256 * MIB)

    # How long things are kept; the rows decide
    retention_days: int = Field(30, ge=1)
    artifact_retention_days: int = Field(7, ge=1)
    retention_sweep_seconds: float = Field(3600, gt=0)
    purge_seconds: float = Field(60, gt=0)

    # What goes out to addresses that users name: imports and webhooks (seconds)
    import_slots: int = Field(2, ge=1, le=20)
    # Of one user, on all instances together: the rest of the slots is for others
    import_slots_per_user: int = Field(1, ge=1, le=20)
    import_poll_seconds: float = Field(2, gt=0)
    import_cap_seconds: float = Field(6 * 3600, gt=0)
    import_stall_seconds: float = Field(60, gt=0)
    # Bytes a second, on average of what was waited for; a server that drips keeps no slot
    import_slowest_bytes: int = Field(32 * 1024, ge=0)
    webhook_poll_seconds: float = Field(5, gt=0)
    webhook_timeout_seconds: float = Field(10, gt=0)
    webhook_backoff_seconds: float = Field(30, gt=0)
    webhook_give_up_seconds: float = Field(24 * 3600, gt=0)
    mail_poll_seconds: float = Field(5, gt=0)
    mail_give_up_seconds: float = Field(24 * 3600, gt=0)
    # `host:port` pairs that may be reached although they are private. For tests only, like engine_modules.
    egress_exempt: Names = ()

    # Engines, in order of preference; production has to name them
    speech_recognition: Names = ()
    forced_alignment: Names = ()
    translation: Names = ()
    speech_synthesis: Names = ()
    source_separation: Names = ()
    # Their providers: keys, where they answer if not at their own address, how hard one process may ask them
    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = None
    openai_concurrency: int = Field(8, ge=1, le=100)
    openai_requests_per_minute: float = Field(300, gt=0)
    openai_transcription_model: str = "whisper-1"
    openai_diarisation_model: str = "gpt-4o-transcribe-diarize"
    openai_translation_model: str = "gpt-5.4-mini"
    # How the model is asked: OpenAI's own API, or that of servers that only know chats, with a schema or with any JSON
    openai_translation_api: Literal["responses", "chat", "chat_json"] = "responses"
    # A second request a batch, which reviews the translation and improves it
    openai_translation_review: bool = False
    openai_speech_model: str = "gpt-4o-mini-tts"
    elevenlabs_api_key: SecretStr | None = None
    elevenlabs_base_url: str | None = None
    elevenlabs_concurrency: int = Field(4, ge=1, le=100)
    elevenlabs_requests_per_minute: float = Field(300, gt=0)
    elevenlabs_recognition_model: str = "scribe_v2"
    elevenlabs_speech_model: str = "eleven_multilingual_v2"
    fish_api_key: SecretStr | None = None
    fish_base_url: str | None = None
    fish_concurrency: int = Field(4, ge=1, le=100)
    fish_requests_per_minute: float = Field(300, gt=0)
    fish_speech_model: str = "s1"
    # Voices of the public library that are offered too, by their ids
    fish_voices: Names = ()
    whisperx_model: str = "large-v3"
    models_device: Literal["auto", "cpu", "cuda"] = "auto"
    # Who tells speakers apart for it (a pyannote pipeline, and the token that its maker asks for); `none`: nobody
    whisperx_diarisation_model: str = "none"
    whisperx_token: SecretStr | None = None
    demucs_model: str = "htdemucs"
    # Where the models of the gpu extra lie; unset: fetched from their makers at first use
    models_dir: Path | None = None
    # What a unit costs in US dollars where that is not the list price: `openai/whisper-1/seconds=0.0001,…`
    provider_prices: Annotated[tuple[tuple[str, Decimal], ...], NoDecode] = ()
    # One request to a provider, from its beginning to its end (seconds)
    provider_timeout_seconds: float = Field(120, gt=0)
    # A provider that failed so often in a row is left alone so long (seconds)
    breaker_failures: int = Field(5, ge=1)
    breaker_seconds: float = Field(30, gt=0)
    # How often one engine is asked for the same thing, and how long (seconds), before the next engine takes over
    engine_attempts: int = Field(4, ge=1, le=20)
    engine_patience_seconds: float = Field(120, gt=0)
    engine_first_wait_seconds: float = Field(0.5, gt=0)
    # What happens to a line that a provider refuses for its content: the next engine does it, or its language fails
    content_refused: Literal["fallback", "fail"] = "fallback"
    # Modules that register more engines. For tests only: nothing outside environment=test may name one.
    engine_modules: Names = ()

    @field_validator(
        "speech_recognition",
        "forced_alignment",
        "translation",
        "speech_synthesis",
        "source_separation",
        "fish_voices",
        "engine_modules",
        "egress_exempt",
        mode="before",
    )
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value

    @field_validator("openai_api_key", "elevenlabs_api_key", "fish_api_key", "whisperx_token")
    @classmethod
    def _key(cls, value: SecretStr | None) -> SecretStr | None:
        """Without the blanks around it. One that no header can carry would be told in the error about that."""
        key = value.get_secret_value().strip() if value else ""
        if not (key.isascii() and key.isprintable()):
            raise ValueError("must be printable ASCII characters on one line")
        return SecretStr(key) if value else None

    @field_validator("provider_prices", mode="before")
    @classmethod
    def _prices(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [item.strip().rpartition("=") for item in value.split(",") if item.strip()]
        if any(key.count("/") < 2 for key, _, _ in pairs):
            raise ValueError("must be like openai/whisper-1/seconds=0.0001,fish/s1/bytes=0.000015")
        return tuple((key, price) for key, _, price in pairs)

    @field_validator("database_url")
    @classmethod
    def _psycopg(cls, value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith("postgresql+psycopg://"):
            raise ValueError("must start with postgresql+psycopg://")
        return value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        wrong = [*self._always_wrong(), *(self._wrong_in_production() if self.environment == "production" else ())]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _always_wrong(self) -> list[str]:
        wrong = []
        if self.heartbeat_seconds > self.lease_seconds / 4:
            wrong.append(f"{PREFIX}HEARTBEAT_SECONDS must be at most a quarter of {PREFIX}LEASE_SECONDS")
        wrong += [
            f"{PREFIX}{name.upper()} is for tests and refused when {PREFIX}ENVIRONMENT={self.environment}"
            for name in ("engine_modules", "egress_exempt")
            if getattr(self, name) and self.environment != "test"
        ]
        wrong += [
            f"{PREFIX}{name.upper()} must have at least 32 characters"
            for name, secret in (("jwt_secret", self.jwt_secret), ("jwt_previous_secret", self.jwt_previous_secret))
            if secret is not None and len(secret.get_secret_value()) < 32
        ]
        wrong += [
            f"{PREFIX}{name.upper()} must begin with https:// or http://"
            for name in PROVIDER_URLS
            if not (getattr(self, name) or "https://").startswith(("https://", "http://"))
        ]
        return [*wrong, *self._keys_missing(), *self._models_missing()]

    def _models_missing(self) -> list[str]:
        """OpenAI's two recognising models may each be `none`, not both."""
        models = (self.openai_transcription_model, self.openai_diarisation_model)
        if "openai" not in self.speech_recognition or any(not is_no_model(model) for model in models):
            return []
        names = f"{PREFIX}OPENAI_TRANSCRIPTION_MODEL or {PREFIX}OPENAI_DIARISATION_MODEL"
        return [f"{names} must name a model, for {PREFIX}SPEECH_RECOGNITION names openai"]

    def _keys_missing(self) -> list[str]:
        """The worker calls providers; the web tier never does, and needs no keys."""
        slots = {slot: getattr(self, slot) for slot in ENGINE_SLOTS} if self.tier != "web" else {}
        return [
            f"{PREFIX}{provider.upper()}_API_KEY is missing, and {PREFIX}{slot.upper()} names {provider}"
            for slot, names in slots.items()
            for provider in PROVIDERS
            if provider in names and not _said(getattr(self, f"{provider}_api_key"))
        ]

    def _wrong_in_production(self) -> list[str]:
        wrong = [
            f"{PREFIX}{name.upper()} must be at least {floor:g} in production"
            for name, floor in PRODUCTION_FLOORS.items()
            if getattr(self, name) < floor
        ]
        wrong += [
            f"{PREFIX}{slot.upper()} must name an engine in production"
            for slot in ENGINE_SLOTS
            if not getattr(self, slot)
        ]
        wrong += [
            f"{PREFIX}{name.upper()} must use https in production"
            for name in ("s3_endpoint_url", "sqs_endpoint_url", "ses_endpoint_url", *PROVIDER_URLS)
            if (getattr(self, name) or "https:").startswith("http:")
        ]
        if not self.public_url.startswith("https://"):
            wrong.append(f"{PREFIX}PUBLIC_URL must use https in production")
        if len(set(self.jwt_secret.get_secret_value())) < 10:
            wrong.append(f"{PREFIX}JWT_SECRET is too regular to be a secret")
        return wrong

    def engines(self, slot: str) -> tuple[str, ...]:
        """The engines configured for `slot`, in order; the offline ones where none is named (never in production)."""
        named: tuple[str, ...] = getattr(self, slot)
        return named or OFFLINE_ENGINES[slot]


OFFLINE_ENGINES: dict[str, tuple[str, ...]] = {
    "speech_recognition": ("pocketsphinx",),
    "forced_alignment": ("pocketsphinx",),
    "translation": ("apertium",),
    "speech_synthesis": ("espeak",),
    "source_separation": ("ducking",),
}
ENGINE_SLOTS = tuple(OFFLINE_ENGINES)
PROVIDERS = ("openai", "elevenlabs", "fish")  # engines of these names need a key
PROVIDER_URLS = tuple(f"{provider}_base_url" for provider in PROVIDERS)


def is_no_model(name: str) -> bool:
    """Whether a model's name says that none is to be asked."""
    return name.strip().lower() in {"", "none"}


def _said(secret: SecretStr | None) -> bool:
    return secret is not None and bool(secret.get_secret_value().strip())


class SettingsError(Exception):
    """Names every missing or bad variable at once."""


def _sentence(error: ValidationError) -> str:
    lines: list[str] = []
    for item in error.errors():
        name = PREFIX + str(item["loc"][0]).upper() if item["loc"] else ""
        problem = "is missing" if item["type"] == "missing" else item["msg"].removeprefix("Value error, ")
        lines.extend(f"  {name} {part}".replace("   ", "  ") for part in problem.split("; "))
    return "The settings are not complete:\n" + "\n".join(lines)


@lru_cache(maxsize=1)
def settings() -> Settings:
    """This process's settings. Raises SettingsError naming every missing or bad variable at once."""
    return load()


def load(**overrides: Any) -> Settings:
    """Read the environment anew, with `overrides` on top. Raises SettingsError."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def settings_or_exit() -> Settings:
    """The settings, or exit code 78 (EX_CONFIG) with one clear sentence on stderr."""
    try:
        return settings()
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(78) from None
