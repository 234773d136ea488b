"""A throw-away PostgreSQL for the tests of the books: its own folder, a socket in it, no port, gone afterwards.

`KIOSK_TEST_POSTGRES` names a database to use instead, as postgresql+psycopg://…; the tests empty it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

NAMED = "KIOSK_TEST_POSTGRES"


class NoPostgres(Exception):
    """No PostgreSQL can be started here. The text says why."""


def programs() -> Path:
    """Return the folder of ``initdb`` and ``pg_ctl``; Debian keeps it off the path, one for each major version."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists():
            return folder
    raise NoPostgres(f"no initdb found (Debian: apt-get install postgresql), and {NAMED} names no database")


@contextmanager
def database() -> Iterator[str]:
    """Yield the URL of a database that the tests may empty.

    Raises
    ------
    NoPostgres
    """
    if find_spec("psycopg") is None:
        raise NoPostgres("psycopg is not installed (the extra 'postgres')")
    if NAMED in os.environ:
        yield os.environ[NAMED]
        return
    folder = programs()
    place = Path(tempfile.mkdtemp(prefix="kiosk-pg-"))  # short: a socket's path may have 107 bytes
    owner: str | None = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        try:
            shutil.chown(place, owner := "postgres")
        except LookupError as error:
            shutil.rmtree(place)
            raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres") from error

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [folder / program, *arguments], user=owner, cwd=place, capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            raise NoPostgres(f"{program} ended with {done.returncode}: {(done.stderr or done.stdout).strip()}")

    data = str(place / "data")
    try:
        run("initdb", "-D", data, "-U", "kiosk", "-A", "trust", "-E", "UTF8", "--no-sync")
        log = str(place / "log")
        run("pg_ctl", "-D", data, "-l", log, "-w", "-o", f"-c listen_addresses='' -k {place} -F", "start")
        try:
            yield f"postgresql+psycopg://kiosk@/postgres?host={place}"
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(place, ignore_errors=True)
