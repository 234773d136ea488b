"""Every wire fault on every chunk of a deposit: what was reported against where the paper is.

What must hold, whatever strikes once:
- a note is reported stacked at most once, and only if it is in the machine for good;
- DONE and PARTIAL say exactly where the notes are; UNKNOWN says no more than the truth and names what is missing;
- after the line is whole again, `GetCashInStatus` says the truth or UNKNOWN, and moves nothing;
- the next deposit works.
"""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.sim.wire import WireFault
from tests.drivers.note_acceptor.bench import Bench
from tests.drivers.note_acceptor.judging import ENDINGS, name_of, next_works, suffer

CHUNKS = 12  # of each direction: a whole stack takes nine


def faults(chunks: int = CHUNKS) -> list[WireFault]:
    found = []
    for direction, nth in itertools.product(("to_device", "from_device"), range(1, chunks + 1)):
        where: dict[str, Any] = {"direction": direction, "nth": nth}
        found += [WireFault(effect="drop", **where), WireFault(effect="repeat", **where)]
        found.append(WireFault(effect="drop", times=25, **where))
        found.append(WireFault(effect="repeat", copies=3, by_ms=1_300, **where))
        found += [WireFault(effect="delay", by_ms=by_ms, **where) for by_ms in (300, 1_500, 9_000, 40_000)]
        for at in (0, 1, -1):
            found += [WireFault(effect="corrupt", at=at, mask=mask, **where) for mask in (0x01, 0x80)]
            found.append(WireFault(effect="split", at=at, by_ms=400, **where))
        found += [WireFault(effect="cut", at=at, **where) for at in (0, 2, -1)]
    return found


@pytest.mark.parametrize("phase", ["in", "end"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("fault", faults(), ids=name_of)
def test_reported_against_true(fault, ending, phase):
    next_works(suffer(Bench.nv200().ready(), ending, [fault], phase))


@pytest.mark.parametrize("fault", faults()[::4], ids=name_of)
def test_reported_against_true_encrypted(fault):
    next_works(suffer(Bench.nv200(encrypt=True).ready(), "stack", [fault], "end"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(faults()), min_size=2, max_size=4), st.sampled_from(sorted(ENDINGS)), st.booleans())
def test_several_at_once(several, ending, encrypt):
    suffer(Bench.nv200(encrypt=encrypt).ready(), ending, several, "end")
