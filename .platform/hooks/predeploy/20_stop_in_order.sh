#!/usr/bin/env bash
# SIGTERM to gunicorn alone, so that it ends its own children in order; SIGKILL to what is left after a minute,
# twice as long as graceful_timeout in worker/gunicorn.conf.py.
set -euo pipefail

folder=/etc/systemd/system/web.service.d
mkdir -p "$folder"
cat > "$folder/10-onevoice.conf" << 'UNIT'
[Service]
KillMode=mixed
TimeoutStopSec=60
UNIT
systemctl daemon-reload
