"""What the tiers are told on one machine: the settings of both, in the form of environment variables."""

import json
import os
import secrets
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3

from local.machine import MIB, memory_available_bytes
from local.processes import ROOT, StackError, inherited

BUCKET = QUEUE = "onevoice-local"
MAX_RECEIVES = 20
REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_EC2_METADATA_DISABLED": "true"}
# Memory that one upload may take of the object store, measured (docs/decisions/0002): bytes a byte of the body.
MEMORY_FACTOR = 4
EMAIL = "demo@example.com"
SENDER = "no-reply@example.com"


@dataclass(frozen=True)
class Secrets:
    """Made once for this checkout, kept in `.local/secrets.json`, readable by its owner only."""

    jwt_secret: str
    email: str
    password: str


def read_secrets(path: Path) -> Secrets:
    """The secrets at `path`, made now if there are none."""
    if not path.exists():
        made = Secrets(secrets.token_urlsafe(48), EMAIL, secrets.token_urlsafe(18))
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(asdict(made), file, indent=2)
    return Secrets(**json.loads(path.read_text(encoding="utf-8")))


def largest_upload_bytes() -> int:
    """What the object store can take in one upload with the memory that is free now."""
    return max(16 * MIB, memory_available_bytes() // MEMORY_FACTOR // MIB * MIB)


def job_slots() -> int:
    """Dubs at a time: half the processors, at least one."""
    return max(1, (os.cpu_count() or 1) // 2)


def create_bucket_and_queue(endpoint: str) -> str:
    """Make the bucket, the sender's address, the queue and its dead-letter queue; the queue's URL."""
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": REGION}
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket=BUCKET)  # type: ignore[call-overload]
    ses = boto3.client("sesv2", endpoint_url=endpoint, **keys)  # type: ignore[call-overload]
    ses.create_email_identity(EmailIdentity=SENDER)
    sqs = boto3.client("sqs", endpoint_url=endpoint, **keys)  # type: ignore[call-overload]
    dead = sqs.create_queue(QueueName=f"{QUEUE}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES})
    return str(sqs.create_queue(QueueName=QUEUE, Attributes={"RedrivePolicy": policy})["QueueUrl"])


def variables(
    folder: Path, database_url: str, endpoint: str, queue_url: str, jwt_secret: str, public_url: str
) -> dict[str, str]:
    """The environment of both tiers; a variable of the caller's (an engine, say) goes before what is set here."""
    settings = {
        "ENVIRONMENT": "local",
        "DATABASE_URL": database_url,
        "AWS_REGION": REGION,
        "S3_BUCKET": BUCKET,
        "S3_ENDPOINT_URL": endpoint,
        "SQS_QUEUE_URL": queue_url,
        "SQS_ENDPOINT_URL": endpoint,
        "SES_ENDPOINT_URL": endpoint,
        "MAIL_FROM": f"OneVoice <{SENDER}>",
        "SCRATCH_DIR": str(folder / "scratch"),
        "JWT_SECRET": jwt_secret,
        "PUBLIC_URL": public_url,
        "TRUSTED_PROXIES": "0",
        "MAX_UPLOAD_BYTES": str(largest_upload_bytes()),
        "JOB_SLOTS": str(job_slots()),
        "LEASE_SECONDS": "20",
        "HEARTBEAT_SECONDS": "2",
        "SWEEP_SECONDS": "5",
        "RESEND_SECONDS": "30",
        "BACKOFF_SECONDS": "5",
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited().get('PATH', os.defpath)}"
    ours = {f"ONEVOICE_{name}": value for name, value in settings.items()}
    return {**_plain(inherited()), **ours, **CREDENTIALS, **_wishes(), "PATH": path, "PYTHONUNBUFFERED": "1"}


# What a caller may choose for the stack, engines and all about their providers; other addresses, secrets and limits are
# the stack's own.
WISHES = ("SPEECH_RECOGNITION", "FORCED_ALIGNMENT", "TRANSLATION", "SPEECH_SYNTHESIS", "SOURCE_SEPARATION", "JOB_SLOTS")
OF_PROVIDERS = tuple(f"ONEVOICE_{name}_" for name in ("OPENAI", "ELEVENLABS", "FISH", "WHISPERX", "DEMUCS", "ENGINE"))


def _wishes() -> dict[str, str]:
    names = {f"ONEVOICE_{name}" for name in WISHES}
    chosen = {name: value for name, value in inherited().items() if name in names or name.startswith(OF_PROVIDERS)}
    return {name: value for name, value in chosen.items() if value and name != "ONEVOICE_ENGINE_MODULES"}


def _plain(environment: dict[str, str]) -> dict[str, str]:
    """Without anything that would lead boto3 or the tiers to somewhere real."""
    return {name: value for name, value in environment.items() if not name.startswith(("ONEVOICE_", "AWS_"))}


def run(arguments: list[str], environment: dict[str, str], log: Path, *, given: str = "") -> None:
    """Run one of the project's commands to its end. Raises StackError, naming the log."""
    with log.open("wb") as output:
        done = subprocess.run(
            arguments,
            cwd=ROOT,
            env=environment,
            input=given.encode(),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise StackError(f"`{' '.join(arguments[1:4])}` ended with exit code {done.returncode}; see {log}")
