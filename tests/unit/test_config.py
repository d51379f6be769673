"""Settings name everything that is wrong at once, and refuse what is unsafe outside the local stack."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from shared.config import ENGINE_SLOTS, PRODUCTION_FLOORS, PROVIDERS, Settings, SettingsError, load
from worker.engines import registry

GOOD = {
    "environment": "production",
    "database_url": "postgresql+psycopg://onevoice@db/onevoice",
    "s3_bucket": "bucket",
    "sqs_queue_url": "https://sqs.us-east-1.amazonaws.com/1/jobs",
    "mail_from": "OneVoice <no-reply@example.com>",
    "public_url": "https://onevoice.test",
    "jwt_secret": "c7PqLw2nVx9ZkT4mRb8sYh3dGf6jAe1u",
    "speech_recognition": ("pocketsphinx",),
    "forced_alignment": ("pocketsphinx",),
    "translation": ("apertium",),
    "speech_synthesis": ("espeak",),
    "source_separation": ("ducking",),
}


def refused(**changes: object) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**{**GOOD, **changes})
    return str(caught.value)


def test_every_missing_variable_is_named_at_once():
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ONEVOICE_")}
    done = subprocess.run(
        [sys.executable, "-c", "from shared.config import settings_or_exit; settings_or_exit()"],
        env=environment, cwd=Path(__file__).parents[2], capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 78
    for name in ("ENVIRONMENT", "DATABASE_URL", "S3_BUCKET", "SQS_QUEUE_URL", "MAIL_FROM", "JWT_SECRET"):
        assert f"ONEVOICE_{name} is missing" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_complete_production_is_accepted_and_frozen():
    settings = load(**GOOD)
    with pytest.raises(ValueError, match="frozen"):
        settings.s3_bucket = "other"


@pytest.mark.parametrize("slot", ENGINE_SLOTS)
def test_production_has_no_default_engine(slot):
    assert f"ONEVOICE_{slot.upper()} must name an engine" in refused(**{slot: ()})


@pytest.mark.parametrize("environment", ["production", "local"])
def test_a_fake_engine_outside_tests_is_impossible(environment):
    assert "ONEVOICE_ENGINE_MODULES" in refused(environment=environment, engine_modules=("tests.fakes",))
    settings = load(**{**GOOD, "environment": environment, "translation": ("fake",)})
    with pytest.raises(SettingsError, match="fake"):
        registry.build("translation", settings)
    assert not any("fake" in name for slot in ENGINE_SLOTS for name in registry.registry(settings).names(slot))


@pytest.mark.parametrize("name", PRODUCTION_FLOORS)
def test_periods_have_floors_in_production(name):
    value = PRODUCTION_FLOORS[name] / 2
    assert f"ONEVOICE_{name.upper()} must be at least" in refused(**{name: value})


@pytest.mark.parametrize("secret", ["", "short", "a" * 64, "abababababababababababababababababab"])
def test_a_weak_secret_is_refused(secret):
    assert "ONEVOICE_JWT_SECRET" in refused(jwt_secret=secret)


@pytest.mark.parametrize("name", ["s3_endpoint_url", "sqs_endpoint_url", "ses_endpoint_url"])
def test_plain_http_is_refused_in_production(name):
    assert "https" in refused(**{name: "http://127.0.0.1:5005"})


def test_a_heartbeat_comes_four_times_a_lease():
    assert "HEARTBEAT" in refused(lease_seconds=60, heartbeat_seconds=16)


def test_secrets_are_not_shown():
    text = repr(load(**GOOD))
    assert GOOD["jwt_secret"] not in text
    assert "onevoice@db" not in text


def test_the_defaults_are_above_the_floors():
    for name, floor in PRODUCTION_FLOORS.items():
        assert Settings.model_fields[name].default >= floor


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_configured_provider_needs_its_key_in_the_worker_only(provider):
    slot = "translation" if provider == "openai" else "speech_synthesis"
    named = {slot: (*GOOD[slot], provider)}
    for key in ({}, {f"{provider}_api_key": " "}):
        said = f"ONEVOICE_{provider.upper()}_API_KEY is missing, and ONEVOICE_{slot.upper()} names {provider}"
        assert said in refused(**named, **key)
    load(**{**GOOD, **named, "tier": "web"})
    assert "k-1" not in repr(load(**{**GOOD, **named, f"{provider}_api_key": "k-1"}))


def test_a_provider_is_reached_by_https_in_production():
    assert "ONEVOICE_OPENAI_BASE_URL must use https" in refused(openai_base_url="http://models.test/v1")
    load(**{**GOOD, "environment": "local", "openai_base_url": "http://127.0.0.1:8000/v1"})


def test_prices_are_read_from_the_environment():
    assert load(**GOOD, provider_prices="fish/s1/bytes=0.1, openai/a/b/seconds=2").provider_prices == (
        ("fish/s1/bytes", Decimal("0.1")), ("openai/a/b/seconds", Decimal(2)),
    )  # fmt: skip
    for wrong in ("fish=1", "fish/s1/bytes=cheap"):
        assert "ONEVOICE_PROVIDER_PRICES" in refused(provider_prices=wrong)


def test_a_key_that_no_header_carries_is_refused_and_not_told():
    assert load(**GOOD, openai_api_key="sk-key\n").openai_api_key.get_secret_value() == "sk-key"
    for wrong in ("sk-zwei\nsk-drei", "sk-schl\u00fcssel"):
        said = refused(openai_api_key=wrong)
        assert "ONEVOICE_OPENAI_API_KEY" in said
        assert "sk-" not in said


def test_a_recogniser_without_a_model_and_an_address_without_a_scheme_are_refused_by_name():
    both = {"openai_transcription_model": "none", "openai_diarisation_model": " None "}
    said = refused(**both, speech_recognition=("openai",), openai_api_key="sk-key", fish_base_url="fish.example.com")
    assert "ONEVOICE_OPENAI_DIARISATION_MODEL" in said
    assert "ONEVOICE_FISH_BASE_URL" in said
    assert load(**GOOD, **both), "nobody asks for one"
