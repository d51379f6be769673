"""What a unit costs at the providers' list prices, in US dollars before taxes.

Taken down in November 2026 from what the providers and those who sell their services publish; a contract or a plan may
say otherwise, and prices change: ONEVOICE_PROVIDER_PRICES overrides them one by one.
"""

from collections.abc import Mapping
from decimal import Decimal

from shared.config import Settings

MILLION, MINUTE, HOUR = 1_000_000, 60, 3600
Key = tuple[str, str, str]  # provider, model, unit


def _per(amount: int, dollars: str) -> Decimal:
    return Decimal(dollars) / amount


LIST: Mapping[Key, Decimal] = {
    # OpenAI, API pricing: transcription by the minute of audio, speech by the minute spoken, text by the token
    ("openai", "whisper-1", "seconds"): _per(MINUTE, "0.006"),
    ("openai", "gpt-4o-transcribe", "seconds"): _per(MINUTE, "0.006"),
    ("openai", "gpt-4o-mini-transcribe", "seconds"): _per(MINUTE, "0.003"),
    ("openai", "gpt-4o-transcribe-diarize", "seconds"): _per(MINUTE, "0.006"),
    ("openai", "gpt-5.4", "input_tokens"): _per(MILLION, "2.50"),
    ("openai", "gpt-5.4", "output_tokens"): _per(MILLION, "15.00"),
    ("openai", "gpt-5.4-mini", "input_tokens"): _per(MILLION, "0.75"),
    ("openai", "gpt-5.4-mini", "output_tokens"): _per(MILLION, "4.50"),
    ("openai", "gpt-5.4-nano", "input_tokens"): _per(MILLION, "0.20"),
    ("openai", "gpt-5.4-nano", "output_tokens"): _per(MILLION, "1.25"),
    ("openai", "tts-1", "characters"): _per(MILLION, "15.00"),
    ("openai", "tts-1-hd", "characters"): _per(MILLION, "30.00"),
    ("openai", "gpt-4o-mini-tts", "seconds"): _per(MINUTE, "0.015"),
    # about 15 characters of text are spoken in a second
    ("openai", "gpt-4o-mini-tts", "characters"): _per(15 * MINUTE, "0.015"),
    # ElevenLabs, API pricing: characters of text, hours and minutes of audio
    ("elevenlabs", "scribe_v1", "seconds"): _per(HOUR, "0.22"),
    ("elevenlabs", "scribe_v2", "seconds"): _per(HOUR, "0.22"),
    ("elevenlabs", "eleven_multilingual_v2", "characters"): _per(1000, "0.10"),
    ("elevenlabs", "eleven_v3", "characters"): _per(1000, "0.10"),
    ("elevenlabs", "eleven_flash_v2_5", "characters"): _per(1000, "0.05"),
    ("elevenlabs", "audio_isolation", "seconds"): _per(MINUTE, "0.12"),
    # Fish Audio, developer guide, pricing and rate limits: bytes of text in UTF-8
    ("fish", "s1", "bytes"): _per(MILLION, "15.00"),
    ("fish", "s1", "characters"): _per(MILLION, "15.00"),
    ("fish", "s2-pro", "bytes"): _per(MILLION, "15.00"),
    ("fish", "s2-pro", "characters"): _per(MILLION, "15.00"),
}


def price(provider: str, model: str, unit: str, amount: float, settings: Settings) -> Decimal | None:
    """What `amount` of a unit costs in US dollars; None where no price is known."""
    own = dict(settings.provider_prices)
    unit_price = own.get(f"{provider}/{model}/{unit}", LIST.get((provider, model, unit)))
    return None if unit_price is None else (Decimal(str(amount)) * unit_price).quantize(Decimal("1e-9"))
