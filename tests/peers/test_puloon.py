"""PyPI puloon, a host of the Puloon LCDM-4000, against our dispenser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.peers.environment import python_peer
from tests.peers.proxy import Spoil
from tests.peers.session import CLIENTS, Note, have, session

PEER = "puloon 0.1.10"
CLIENT = CLIENTS / "puloon_client.py"
DEVICE = "lcdm4000"
DISPENSE = bytes.fromhex("04 30 02 52")
PURGE = bytes.fromhex("04 30 02 51")
RESPONSE = bytes.fromhex("01 30 02 52")

pytestmark = pytest.mark.peers


def some(counts: Mapping[str, int]) -> dict[str, int]:
    """Leave out the units of which nothing moved."""
    return {unit: count for unit, count in counts.items() if count}


@pytest.fixture
def python(record_property: Note) -> Path:
    return have(PEER, lambda: python_peer("puloon", "puloon==0.1.10", "pyserial==3.5"), record_property)


def test_questions_and_settings(python: Path) -> None:
    with session("puloon-settings", PEER, DEVICE, "status, opacities, lengths, order, sensors") as peer:
        said = peer.run(
            [python, CLIENT],
            [
                ["status", []],
                ["get_bill_lengths", []],
                ["set_bill_lengths", [90, 91, 92, 0]],
                ["get_bill_lengths", []],
                ["set_bill_opacities", [65, 66, 67, 68]],
                ["get_bill_opacities", []],
                ["set_bill_dispense_order", [4, 3, 2, 1]],
                ["get_bill_dispense_order", []],
                ["sensor_diagnostics", [2]],
            ],
        )
        status, before, _, lengths, _, opacities, _, order, diagnostics = said
        assert status["error"] == 0
        assert [status[f"type{n}"] for n in (1, 2, 3, 4)] == [1, 2, 3, 4]
        assert [lengths[f"leng{n}"] for n in (1, 2, 3)] == [90, 91, 92]
        assert lengths["leng4"] == before["leng4"]  # 0 keeps what was set
        assert [opacities[f"opac{n}"] for n in (1, 2, 3, 4)] == [65, 66, 67, 68]
        assert list(order.values()) == [0, 4, 3, 2, 1]
        assert diagnostics["error"] == 0
        assert peer.state("tray", "units")["units"]["unit1"] == 40


def test_notes_move_and_are_told(python: Path) -> None:
    with session("puloon-dispense", PEER, DEVICE, "dispense, last status, test dispense, purge") as peer:
        dispensed, last, tested, purged, last_again = peer.run(
            [python, CLIENT],
            [
                ["dispense", [3, 1, 0, 2]],
                ["last_status", []],
                ["test_dispense", [0, 0, 1, 0]],
                ["purge", []],
                ["last_status", []],
            ],
        )
        assert [dispensed[f"exit{n}"] for n in (1, 2, 3, 4)] == [3, 1, 0, 2]
        assert last == dispensed
        assert [tested[f"exit{n}"] for n in (1, 2, 3, 4)] == [0, 0, 0, 0]
        assert tested["reject3"] == 1
        assert purged["error"] == 0
        assert last_again == purged
        state = peer.state("tray", "reject", "units")
        assert some(state["tray"]) == {"unit1": 3, "unit2": 1, "unit4": 2}
        assert some(state["reject"]) == {"unit3": 1}


def test_a_jam_is_told_with_its_counts(python: Path) -> None:
    with session("puloon-jam", PEER, DEVICE, "a jam at the exit after two notes") as peer:
        peer.proxy.strike("jam", after=2, place="exit")
        jammed, blocked, purged, dispensed = peer.run(
            [python, CLIENT], [["dispense", [5]], ["dispense", [1]], ["purge", []], ["dispense", [1]]]
        )
        assert jammed["exit1"] == 2
        assert jammed["error"] != 0
        assert blocked["error"] == 0x0B  # notes on the path before the start
        assert blocked["exit1"] == 0
        assert purged["error"] == 0
        assert dispensed["exit1"] == 1
        peer.state("tray", "reject", "units", "path")


def test_a_reset_without_answer(python: Path) -> None:
    # puloon knows a firmware that answers a reset with nothing; of one that does it would take the answer for an ACK
    with session("puloon-reset", PEER, "lcdm4000 silent reset", "reset, then status and a note") as peer:
        _, status, dispensed = peer.run([python, CLIENT], [["reset", []], ["status", []], ["dispense", [0, 0, 0, 1]]])
        assert status["error"] == 0
        assert dispensed["exit4"] == 1
        assert some(peer.state("tray")["tray"]) == {"unit4": 1}


def test_an_order_that_cannot_be_met_is_told(python: Path) -> None:
    with session("puloon-empty", PEER, DEVICE, "more notes than the cassette has, a cassette missing") as peer:
        peer.proxy.act("remove_cassette", unit="unit2")
        first, missing, second = peer.run(
            [python, CLIENT], [["dispense", [38]], ["dispense", [0, 1]], ["dispense", [5]]]
        )
        assert first["exit1"] == 38
        assert missing["error"] == 0x24
        assert missing["exit2"] == 0
        assert second["error"] == 0x01
        assert second["exit1"] == 2
        assert some(peer.state("tray", "units")["tray"]) == {"unit1": 40}


# ---------------------------------------------------------------- nothing moves twice


def test_a_command_said_twice_moves_once(python: Path) -> None:
    spoils = (Spoil("twice", "to_device", DISPENSE),)
    with session("puloon-twice", PEER, DEVICE, "the command frame arrives twice", spoils) as peer:
        # both frames are acknowledged; puloon takes the second ACK for the head of the response and gives up
        (confused,) = peer.run([python, CLIENT], [["dispense", [2]]])
        assert confused["message"] == "Response timed out"
        assert some(peer.state("tray", "units")["tray"]) == {"unit1": 2}


def test_an_acknowledgement_that_is_lost_moves_once(python: Path) -> None:
    spoils = (Spoil("drop", "from_device", b"\x06"),)
    with session("puloon-no-ack", PEER, DEVICE, "the device's ACK is lost, puloon says it again", spoils) as peer:
        (dispensed,) = peer.run([python, CLIENT], [["dispense", [4]]])
        assert dispensed["exit1"] == 4
        assert some(peer.state("tray", "units")["tray"]) == {"unit1": 4}


def test_a_damaged_command_moves_nothing_until_it_is_whole(python: Path) -> None:
    spoils = (Spoil("damage", "to_device", DISPENSE, times=2),)
    with session("puloon-damaged", PEER, DEVICE, "two frames with a bad BCC, then a good one", spoils) as peer:
        (dispensed,) = peer.run([python, CLIENT], [["dispense", [2, 1]]])
        assert dispensed["exit1"] == 2
        assert some(peer.state("tray", "units")["tray"]) == {"unit1": 2, "unit2": 1}


def test_commands_that_stay_damaged_move_nothing(python: Path) -> None:
    spoils = (Spoil("damage", "to_device", DISPENSE, times=3),)
    with session("puloon-hopeless", PEER, DEVICE, "three frames with a bad BCC", spoils) as peer:
        (refused,) = peer.run([python, CLIENT], [["dispense", [2]]])
        assert refused["message"] == "ACK timed out"
        assert some(peer.state("tray", "units")["tray"]) == {}


def test_a_damaged_response_is_repeated_and_nothing_moves_again(python: Path) -> None:
    spoils = (Spoil("damage", "from_device", RESPONSE, times=2),)
    with session("puloon-bad-response", PEER, DEVICE, "the response is damaged twice", spoils) as peer:
        dispensed, last = peer.run([python, CLIENT], [["dispense", [2]], ["last_status", []]])
        assert dispensed["exit1"] == 2
        assert last["exit1"] == 2
        assert some(peer.state("tray", "units")["tray"]) == {"unit1": 2}
