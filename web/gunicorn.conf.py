"""gunicorn for the web tier. The start script gives the address: `gunicorn -c web/gunicorn.conf.py -b 127.0.0.1:…`."""

from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from shared import log


class JsonLogger(Logger):  # type: ignore[misc]
    """gunicorn's own records as JSON lines; the access line is the application's, which knows the request's id."""

    def setup(self, cfg: Any) -> None:
        """Send everything to the root logger."""
        self.loglevel = self.LOG_LEVELS[cfg.loglevel.lower()]
        self.error_log.setLevel(self.loglevel)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        log.configure()

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:
        """Nothing: see web/requests.py."""


wsgi_app = "web.wsgi:app"
logger_class = JsonLogger
# One process whose threads wait for the database and for S3 side by side; sync workers would be killed at `timeout`.
workers = 1
worker_class = "gthread"
threads = 16
# Outermost longest: the probe's 15 s < this < nginx's proxy_read_timeout.
timeout = 60
graceful_timeout = 30
keepalive = 75
# The worker's heartbeat file in memory, so that a slow disk never looks like a hung worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a RAM disk, gunicorn's own advice
forwarded_allow_ips = "127.0.0.1"
# The longest query that the schemas allow, with every character in its longest form, fits; as much as gunicorn takes.
limit_request_line = 8190
# It would be a file in the home of whoever runs this, the same one for every process.
control_socket_disable = True
