"""What foreign programs said to our simulators, said again: the simulators must answer the same bytes."""

from __future__ import annotations

import dataclasses

import pytest

from tests.peers.devices import DEVICES
from tests.peers.transcript import PLACE, Step, load, replay

NAMES = sorted(path.stem for path in PLACE.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_a_transcript_is_answered_as_it_was(name: str) -> None:
    transcript = load(PLACE / f"{name}.yaml")
    replay(transcript, DEVICES[transcript.device])


@pytest.mark.parametrize("name", NAMES)
def test_a_transcript_with_one_other_byte_is_noticed(name: str) -> None:
    transcript = load(PLACE / f"{name}.yaml")
    at, step = next((n, step) for n, step in enumerate(transcript.steps) if step.kind == "from_device")
    changed = dataclasses.replace(step, data=step.data[:-1] + bytes([step.data[-1] ^ 0x01]))
    transcript.steps[at] = changed
    with pytest.raises(AssertionError):
        replay(transcript, DEVICES[transcript.device])


@pytest.mark.parametrize("name", NAMES)
def test_a_transcript_with_an_answer_too_many_is_noticed(name: str) -> None:
    transcript = load(PLACE / f"{name}.yaml")
    transcript.steps.append(Step(transcript.steps[-1].at_ms + 1, "from_device", b"?"))
    with pytest.raises(AssertionError):
        replay(transcript, DEVICES[transcript.device])


def test_there_are_transcripts() -> None:
    assert len(NAMES) >= 8
