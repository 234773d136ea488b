from __future__ import annotations

from .screen_time import key_to_screen_ms


def test_every_round_is_measured() -> None:
    """How long it takes is what `python -m tests.benchmarks.screen_time` says."""
    taken = key_to_screen_ms(rounds=40)
    assert len(taken) >= 40
    assert taken == sorted(taken)
    assert taken[0] > 0
