"""What foreign programs said to our simulators, said again: the simulators must answer the same bytes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.peers.devices import DEVICES
from tests.peers.environment import PeerMissing, cache, made, run
from tests.peers.session import have, replay_all
from tests.peers.transcript import PLACE, Step, load, replay
from tests.peers.transcript import run as run_on

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


def test_a_program_that_cannot_be_had_is_replayed_and_said() -> None:
    said: list[tuple[str, object]] = []

    def missing() -> Path:
        raise PeerMissing("no network")

    with pytest.raises(pytest.skip.Exception, match="no network; its transcripts were replayed"):
        have("puloon 0.1.10", missing, lambda name, value: said.append((name, value)))
    ((name, value),) = said
    assert name == "peer"
    asked = sum(load(PLACE / f"{name}.yaml").asked for name in NAMES if name.startswith("puloon"))
    assert value == f"puloon 0.1.10: replayed ({asked} messages), because no network"


def test_no_transcript_is_without_its_peer() -> None:
    peers = {load(PLACE / f"{name}.yaml").peer for name in NAMES}
    assert {"puloon 0.1.10", "python-escpos 3.1", "node-thermal-printer 4.6.1", "eSSP6 1.0.8"} < peers


def test_a_peer_without_transcripts_is_not_called_replayed() -> None:
    with pytest.raises(AssertionError, match="no transcript"):
        replay_all("nobody 1.0")


def test_an_installer_that_fails_leaves_no_half_of_an_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tries: list[Path] = []

    def install(place: Path) -> None:
        tries.append(place)
        (place / "half").touch()
        if len(tries) == 1:
            run(["false"], place)

    with pytest.raises(PeerMissing, match="false failed"):
        made("x-1", install)
    assert not (cache() / "x-1").exists()
    assert (made("x-1", install) / "half").exists()
    made("x-1", install)
    assert len(tries) == 2


def test_a_note_whose_host_went_away_is_given_back_and_never_credited() -> None:
    transcript = load(PLACE / "essp-gone.yaml")
    wire, clock = replay(transcript, DEVICES[transcript.device])
    assert run_on(wire, clock, clock.now_ms() + 20_000) == b""  # it speaks only when it is asked
    state: Any = wire.device.state()
    assert state["counters"]["rejected"] == 1
    assert state["counters"]["stacked"] == 0
    assert state["places"]["mouth"] == {10000: 1}
    assert not state["enabled"]
