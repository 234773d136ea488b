"""What a withdrawal costs at byte level on the host line: both ends, MACs, PIN, ledger in memory.

By hand: ``python -m tests.benchmarks.host_line``.
"""

from __future__ import annotations

import time

from kiosk.bank.data import load_bank
from kiosk.ports import AdviceKind
from tests.bank import sample
from tests.host.world import World


def milliseconds_per_withdrawal(times: int = 500) -> float:
    """Return the milliseconds of 0200, 0210, 0220 and 0230, each encoded, signed, checked, decoded and handled."""
    rich = sample.raw_bank()
    rich["accounts"][0]["balance_minor"] = 10**9
    world = World(data=load_bank(rich))
    for _ in range(50):
        world.advise(world.ask(100), AdviceKind.COMPLETION, units={"C1": 1})
    begun = time.perf_counter()
    for _ in range(times):
        world.advise(world.ask(100), AdviceKind.COMPLETION, units={"C1": 1})
    spent_ms = (time.perf_counter() - begun) * 1_000 / times
    assert world.bank.verify() == []
    return spent_ms


if __name__ == "__main__":
    print(f"{milliseconds_per_withdrawal():.2f} ms per withdrawal")
