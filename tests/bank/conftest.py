from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bank.postgres import NoPostgres, database


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL database that may be emptied; one server for each worker of the test run."""
    try:
        with database() as url:
            yield url
    except NoPostgres as reason:
        pytest.skip(str(reason))
