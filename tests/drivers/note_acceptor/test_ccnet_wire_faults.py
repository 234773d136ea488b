"""Every wire fault on every chunk of a deposit on CCNET: what was reported against where the paper is.

The rules are those of the SSP test, but a device without counters may leave UNKNOWN what SSP can settle. Out of
reach are answers delayed by more than the limit of an exchange: without sequence numbers nobody can tell them from
fresh ones. They are struck too, one at a time, and must still not make anything more certain than it is.
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

CHUNKS = 14  # of each direction


def faults() -> list[WireFault]:
    found = []
    for direction, nth in itertools.product(("to_device", "from_device"), range(1, CHUNKS + 1)):
        where: dict[str, Any] = {"direction": direction, "nth": nth}
        found += [WireFault(effect="drop", **where), WireFault(effect="repeat", **where)]
        found.append(WireFault(effect="drop", times=40, **where))
        found.append(WireFault(effect="repeat", copies=2, by_ms=60, **where))
        found += [WireFault(effect="delay", by_ms=by_ms, **where) for by_ms in (100, 300, 1_500, 40_000)]
        for at in (0, 2, 3, -1):
            found += [WireFault(effect="corrupt", at=at, mask=mask, **where) for mask in (0x80,)]
            found.append(WireFault(effect="split", at=at, by_ms=100, **where))
        found += [WireFault(effect="cut", at=at, **where) for at in (0, 2, -1)]
    return found


@pytest.mark.parametrize("phase", ["in", "end"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("fault", faults(), ids=name_of)
def test_reported_against_true(fault, ending, phase):
    next_works(suffer(Bench.ccnet().ready(), ending, [fault], phase))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(faults()), min_size=2, max_size=3), st.sampled_from(sorted(ENDINGS)))
def test_several_at_once(several, ending):
    suffer(Bench.ccnet().ready(), ending, several, "end")
