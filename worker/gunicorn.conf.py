"""gunicorn for the worker tier: one process (it owns the job slots), threads for all the daemon's connections."""

from pathlib import Path

from shared.config import settings_or_exit
from worker.engines import registry

_settings = settings_or_exit()
registry.check_or_exit(_settings)

workers = 1
worker_class = "gthread"
threads = _settings.job_slots + 4
# Longer than a job may take, shorter than nginx waits: see infra/worker-options.json for the whole order.
timeout = 34_800
# A drain lets go of its jobs within seconds; this is only the bound.
graceful_timeout = 30
keepalive = 0
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - gunicorn's heartbeat file only
accesslog = None
control_socket_disable = True
