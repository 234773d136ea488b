"""PyPI eSSP6, the maker's own C library of the host's side of eSSP, against our note validator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.peers.environment import python_peer
from tests.peers.proxy import Spoil
from tests.peers.session import CLIENTS, Note, have, session

PEER = "eSSP6 1.0.8"
CLIENT = CLIENTS / "essp_client.py"
DEVICE = "nv200"
READ, CREDIT, STACKED, REJECTED = 0xEF, 0xEE, 0xEB, 0xEC
SEALED = bytes.fromhex("7F 00 11 7E")  # an encrypted packet of one block, sequence flag 0

pytestmark = pytest.mark.peers


@pytest.fixture
def python(record_property: Note) -> Path:
    return have(PEER, lambda: python_peer("eSSP6", "eSSP6==1.0.8", "aenum==3.1.17", "six==1.17.0"), record_property)


def is_open(state: Mapping[str, Any]) -> bool:
    return bool(state["open_for_notes"]) and state["phase"] == "idle"


def events(told: dict[str, Any], code: int) -> list[tuple[int, str]]:
    assert told["missing"] == [], told
    return [(value, currency) for seen, value, currency in told["seen"] if seen == code]


def test_a_note_is_read_credited_and_stacked(python: Path) -> None:
    with session("essp-accept", PEER, DEVICE, "keys, set-up, a note accepted, all encrypted") as peer:
        with peer.running([python, CLIENT], READ, CREDIT, STACKED) as program:
            peer.proxy.act_when(is_open, "insert_note", value=50)
            told = program.answer()
        assert [value for value, _ in events(told, CREDIT)] == [5]  # the fifth channel is the 50
        assert events(told, READ)[-1][0] == 5
        state = peer.state("places", "counters", "encrypted")
        assert state["encrypted"]
        assert state["places"]["cashbox"] == {5000: 1}


def test_a_note_that_is_none_is_given_back(python: Path) -> None:
    with session("essp-reject", PEER, DEVICE, "a note that is not recognised, then a good one") as peer:
        with peer.running([python, CLIENT], REJECTED, CREDIT, STACKED) as program:
            peer.proxy.act_when(is_open, "insert_note", value=50, currency="EUR")
            peer.proxy.act_when(lambda state: state["counters"]["rejected"] == 1, "take_note")
            peer.proxy.act_when(is_open, "insert_note", value=10)
            told = program.answer()
        assert [value for value, _ in events(told, CREDIT)] == [3]
        state = peer.state("places", "counters")
        assert state["places"]["cashbox"] == {1000: 1}
        assert state["counters"]["rejected"] == 1


def test_a_host_that_goes_away_with_a_note_in_escrow(python: Path) -> None:
    with session("essp-gone", PEER, DEVICE, "the host ends while a recognised note waits") as peer:
        with peer.running([python, CLIENT], READ, READ) as program:
            peer.proxy.act_when(is_open, "insert_note", value=100)
            told = program.answer()
        assert events(told, CREDIT) == []
        assert peer.state("phase", "counters")["phase"] == "escrow"  # what becomes of it: test_replay


def test_packets_that_arrive_twice_credit_a_note_once(python: Path) -> None:
    # of lost or damaged packets eSSP6 repeats none: its thread ends at the first, so only this is to be seen here
    with session("essp-twice", PEER, DEVICE, "packets arrive twice, the replies come twice") as peer:
        with peer.running([python, CLIENT], CREDIT, STACKED) as program:
            peer.proxy.spoil(Spoil("twice", "to_device", SEALED, times=3))
            peer.proxy.act_when(is_open, "insert_note", value=100)
            told = program.answer()
        assert [value for value, _ in events(told, CREDIT)] == [6]
        assert peer.state("places")["places"]["cashbox"] == {10000: 1}
        assert peer.state("repeated_frames")["repeated_frames"] == 3
