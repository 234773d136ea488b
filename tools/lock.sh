#!/bin/sh
# Writes requirements.txt and requirements-dev.txt from pyproject.toml: every version and every hash, for all platforms
# at once, and no host (docs/decisions/0005). Versions that are locked stay; `tools/lock.sh --upgrade` takes newer ones.
set -eu
cd -- "$(dirname -- "$0")/.."

lock() {
    output=$1
    shift
    uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --no-emit-index-url --no-emit-find-links --custom-compile-command tools/lock.sh --output-file "$output" "$@"
}

lock requirements.txt "$@"
lock requirements-dev.txt --extra dev --constraints requirements.txt "$@"

if grep -nE '^--|://' requirements.txt requirements-dev.txt; then
    echo "tools/lock.sh: a lock file names a host" >&2
    exit 1
fi
