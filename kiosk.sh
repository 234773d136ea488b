#!/bin/sh
# The terminal's command line, with the project's own environment if there is one: ./kiosk.sh run
cd "$(dirname "$0")" || exit 1
if [ -x .venv/bin/python ]; then
    exec .venv/bin/python -m kiosk "$@"
fi
exec "${PYTHON:-python3}" -m kiosk "$@"
