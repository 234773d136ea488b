#!/bin/sh
# The one door to the project: makes .venv with the locked requirements when needed, then runs what is asked.
#
# What was installed is remembered as a copy of its lock file inside .venv; when the two differ, it is installed again.
# Otherwise nothing is fetched, so that everything works offline after the first time.
set -eu

self=$0
while [ -L "$self" ]; do
    link=$(readlink "$self")
    case $link in /*) self=$link ;; *) self=$(dirname -- "$self")/$link ;; esac
done
here=$(CDPATH='' cd -- "$(dirname -- "$self")" && pwd -P)
venv=$here/.venv
python=$venv/bin/python
at_least='import sys; raise SystemExit(sys.version_info < (3, 11))'

say() { printf 'kiosk.sh: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

usage() {
    cat <<'END'
usage: kiosk.sh COMMAND [ARGUMENT ...]

  run       run the terminal with its simulators and the bench page, until Ctrl-C
  test      run the tests; arguments go to pytest:  kiosk.sh test -m peers
  bench     measure the budgets
  doctor    say what this machine has and what is missing; installs nothing

Anything else goes to the command line of the terminal, e.g.:

  kiosk.sh rehearse models/scenarios/withdrawal
  kiosk.sh crash withdrawal
  kiosk.sh --help

run, test and bench work in the project's folder, everything else in yours.
END
}

has_uv() { uv --version >/dev/null 2>&1; }

# Sets `base` to a Python >= 3.11, one that can make environments if there is a choice; fails if there is none.
find_python() {
    base=
    for name in python3.13 python3.12 python3.11 python3; do
        command -v "$name" >/dev/null 2>&1 && "$name" -c "$at_least" 2>/dev/null || continue
        [ -n "$base" ] || base=$name
        if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
            base=$name
            return 0
        fi
    done
    [ -n "$base" ]
}

can_make_venv() { "$base" -c 'import ensurepip, venv' 2>/dev/null; }

# Installs Debian packages if that needs no question; fails otherwise.
apt_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root='sudo -n'
    else
        return 1
    fi
    say "installing the system package $*"
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" </dev/null >&2 2>/dev/null ||
        { $as_root apt-get update -q </dev/null >&2 &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$@" </dev/null >&2; }
}

make_venv() {
    say "making .venv"
    if has_uv; then
        if find_python; then
            uv venv -q --clear --python "$("$base" -c 'import sys; print(sys.executable)')" "$venv"
        else
            uv venv -q --clear --python '>=3.11' "$venv" || die "no Python 3.11 or newer, and uv could not fetch one"
        fi
        return
    fi
    find_python || { apt_install python3 python3-venv && find_python; } ||
        die "Python 3.11 or newer is missing: install the system package python3 (macOS: brew install python)"
    if ! can_make_venv; then
        package=$("$base" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
        apt_install "$package" && can_make_venv || die "the system package $package is missing: apt-get install $package"
    fi
    "$base" -m venv --clear "$venv"
}

# up_to_date FILE: whether the environment holds what this lock file says.
up_to_date() { [ -x "$python" ] && cmp -s "$here/$1" "$venv/$1"; }

# need FILE: installs a lock file. requirements-dev.txt holds all of requirements.txt.
need() {
    up_to_date "$1" && return
    if ! [ -x "$python" ] || ! "$python" -c "$at_least" 2>/dev/null; then
        make_venv
    elif ! has_uv && ! "$python" -c 'import pip' 2>/dev/null; then
        make_venv
    fi
    rm -f "$venv/requirements.txt" "$venv/requirements-dev.txt"
    say "installing $1 (once)"
    if has_uv; then
        uv pip install -q --python "$python" --require-hashes -r "$here/$1" || die "could not install $1"
    else
        "$python" -m pip install -q --disable-pip-version-check --no-input --require-hashes -r "$here/$1" ||
            die "could not install $1"
    fi
    cp "$here/requirements.txt" "$venv/requirements.txt"
    [ "$1" = requirements.txt ] || cp "$here/$1" "$venv/$1"
}

has_display() { [ "$(uname -s)" = Darwin ] || [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ]; }

# kiosk ARGUMENT ...: the command line, from this tree whatever the current folder holds.
kiosk() {
    need requirements.txt
    PYTHONPATH=$here${PYTHONPATH:+:$PYTHONPATH} exec "$python" -P -m kiosk "$@"
}

# What can be said without the environment; then, where it is, what the command line says.
doctor() {
    lacking=0
    if has_uv; then ok "$(uv --version)"; else note "uv: none; not needed, it makes the first start faster"; fi
    if find_python; then
        ok "$("$base" -c 'import sys; print("Python", sys.version.split()[0], sys.executable)')"
        has_uv || can_make_venv || fail "venv: none; install the system package python3-venv"
    else
        has_uv || fail "Python 3.11 or newer: none; install the system package python3"
    fi
    for lock in requirements.txt requirements-dev.txt; do
        if up_to_date "$lock"; then ok "$lock: installed"; else note "$lock: not installed yet; that happens when needed"; fi
    done
    for tool in git Xvfb; do
        if command -v "$tool" >/dev/null 2>&1; then ok "$tool"; else note "$tool: none; some tests are skipped"; fi
    done
    for port in /dev/ttyUSB* /dev/ttyACM* /dev/cu.usb*; do
        [ -c "$port" ] || continue
        if [ -r "$port" ] && [ -w "$port" ]; then
            ok "serial port $port"
        else
            note "serial port $port: not yours to open; put $(id -un) into the group that owns it (often dialout)"
        fi
    done
    if up_to_date requirements.txt; then (kiosk doctor "$@") || lacking=1; fi
    return "$lacking"
}
ok() { printf 'ok    %s\n' "$*"; }
note() { printf 'note  %s\n' "$*"; }
fail() { printf 'FAIL  %s\n' "$*"; lacking=1; }

case ${1:-} in
'' | help)
    usage
    [ -n "${1:-}" ] || exit 2
    ;;
doctor)
    shift
    cd -- "$here"
    doctor "$@"
    ;;
test)
    shift
    need requirements-dev.txt
    cd -- "$here"
    has_display || export SDL_VIDEODRIVER="${SDL_VIDEODRIVER:-dummy}"
    exec "$python" -m pytest "$@"
    ;;
run | bench)
    cd -- "$here"
    kiosk "$@"
    ;;
*)
    kiosk "$@"
    ;;
esac
