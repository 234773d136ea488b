"""A few thousand mutants of each protocol, and proof that the fuzzer sees what raises."""

from __future__ import annotations

import dataclasses

import pytest

from tests.benchmarks import fuzz as fuzzing


@pytest.mark.parametrize("protocol", fuzzing.PROTOCOLS)
def test_no_mutant_raises_what_it_must_not(protocol):
    rows = fuzzing.fuzz(2_400, 11, (protocol,))
    assert {row.target for row in rows} == set(fuzzing.targets_of(protocol))
    assert all(row.frames >= 600 for row in rows)
    assert fuzzing.table(rows).endswith("unexpected exceptions: 0"), fuzzing.table(rows)


def test_the_same_seed_makes_the_same_mutants():
    corpus = fuzzing.record(fuzzing.PROTOCOLS["szzt"].unit)

    def made():
        episode = fuzzing.Episode(fuzzing.PROTOCOLS["szzt"], corpus, "szzt/readers/3/0")
        return [episode.mutant("to_device") for _ in range(200)]

    assert made() == made()
    assert len(set(made())) > 150


def brittle():
    def feed(direction, data):
        if b"\x7f" in data:
            raise IndexError("planted")

    return feed


def test_a_planted_fault_is_found_and_its_frame_made_small(monkeypatch):
    protocol = dataclasses.replace(fuzzing.PROTOCOLS["lcdm-4000"], readers=brittle)
    monkeypatch.setitem(fuzzing.PROTOCOLS, "lcdm-4000", protocol)
    rows = fuzzing.fuzz(4_000, 5, ("lcdm-4000",))
    readers = next(row for row in rows if row.target == "readers")
    assert readers.unexpected > 0
    assert "IndexError: planted" in readers.failures[0]
    assert readers.failures[0].endswith("smallest by itself: 7f")
    seed = readers.failures[0].split(",")[0].removeprefix("episode ")
    with pytest.raises(IndexError, match="planted"):
        fuzzing.replay(seed)
    assert not fuzzing.table(rows).endswith("unexpected exceptions: 0")


@pytest.mark.parametrize("episode", ["omron-3s4yr/driver/1/2961", "szzt/driver/1/2243", "essp/driver/1/2319"])
def test_episodes_that_once_raised_are_quiet(episode):
    fuzzing.replay(episode)
