#!/usr/bin/env bash
# One instance of the web tier migrates, before the new code serves; the advisory lock keeps two deploys apart.
# Migrations only expand here: the worker tier deploys apart and may still run the code of before.
set -euo pipefail

if [ "${EB_IS_COMMAND_LEADER:-false}" != "true" ] || [ "${ONEVOICE_TIER:-}" != "web" ]; then
    exit 0
fi

# shellcheck source=/dev/null
source /var/app/venv/*/bin/activate
exec python -m shared.schema upgrade
