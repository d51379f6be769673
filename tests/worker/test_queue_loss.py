"""Purge the queue, or park a message in the DLQ, with jobs in every state: each still ends."""

import json
from datetime import timedelta

import boto3
from sqlalchemy import func

from shared.db import transaction
from shared.dubbing import leases
from shared.dubbing.state import OVER
from tests.processes import until
from tests.worker.test_jobs import lapse, set_row


def in_every_state(bench):
    """A job for each way in which a wake-up call can be missing, and the end it must come to."""
    never_woken = bench.job(wake=False)
    woken = bench.job(wake=False)
    set_row(bench.engine, woken, wake_sent_at=func.now(), wakes=1)
    postponed = bench.job(wake=False)
    set_row(bench.engine, postponed, not_before=func.now() + timedelta(seconds=3), transient_failures=2)
    cancel_asked = bench.job(wake=False)
    set_row(bench.engine, cancel_asked, cancel_requested_at=func.now())
    crashed, exhausted = bench.job(wake=False), bench.job(wake=False)
    for job_id in (crashed, exhausted):
        with transaction(bench.engine) as session:
            assert leases.claim(session, job_id, bench.settings) is not None
        lapse(bench.engine, job_id)
    set_row(bench.engine, exhausted, crashes=bench.settings.max_crashes)
    return {
        never_woken: "COMPLETED", woken: "COMPLETED", postponed: "COMPLETED", crashed: "COMPLETED",
        cancel_asked: "CANCELED", exhausted: "FAILED",
    }  # fmt: skip


def all_end(bench, ends):
    until(lambda: all(bench.row(job_id).status in OVER for job_id in ends), 90, "the end of all jobs")
    assert {job_id: bench.row(job_id).status for job_id in ends} == ends


def test_a_purged_queue_loses_no_job(start_bench):
    bench = start_bench(job_slots=2)
    sqs = boto3.client("sqs", endpoint_url=bench.settings.sqs_endpoint_url, region_name="us-east-1")
    ends = in_every_state(bench)
    sqs.purge_queue(QueueUrl=bench.settings.sqs_queue_url)
    all_end(bench, ends)


def test_messages_in_the_dlq_lose_no_job(start_bench):
    """Every first message goes to the DLQ: received once too often, as when no worker could work."""
    bench = start_bench(job_slots=2)
    sqs = boto3.client("sqs", endpoint_url=bench.settings.sqs_endpoint_url, region_name="us-east-1")
    dlq = sqs.create_queue(QueueName=f"{bench.settings.s3_bucket}-dlq")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 20})
    sqs.set_queue_attributes(QueueUrl=bench.settings.sqs_queue_url, Attributes={"RedrivePolicy": redrive})
    ends = in_every_state(bench)
    for job_id in ends:
        sqs.send_message(QueueUrl=dlq, MessageBody=json.dumps({"kind": "dub", "job_id": str(job_id)}))
    all_end(bench, ends)
    waiting = sqs.get_queue_attributes(QueueUrl=dlq, AttributeNames=["ApproximateNumberOfMessages"])
    assert int(waiting["Attributes"]["ApproximateNumberOfMessages"]) == len(ends), "nobody needs the parked messages"
