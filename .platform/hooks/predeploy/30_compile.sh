#!/usr/bin/env bash
# What numba compiles of librosa, before jobs come: it takes half a minute. As the user of the application, for it
# writes there later. Where this fails a deploy goes on, and each job compiles for itself until one has ended well.
set -euo pipefail

if [ "${ONEVOICE_TIER:-}" != "worker" ]; then
    exit 0
fi

# shellcheck source=/dev/null
source /var/app/venv/*/bin/activate
home=$(getent passwd webapp | cut -d: -f6)
runuser --user webapp -- env HOME="$home" "$(command -v python)" -m worker.diarisation.listeners ||
    echo "librosa could not be compiled beforehand: the first job will wait for it" >&2
