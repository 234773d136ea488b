"""The simulated reader by itself, spoken to in bytes: its legality, its link states, its memory."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.base.clock import SimClock
from drivers.card_reader.framing import ACK_BYTES, ENQ_BYTES, EOT_BYTES, NAK_BYTES, FrameReader, encode
from drivers.sim.card_reader import (
    Habits,
    MagneticCard,
    SimChip,
    SimOmron3S4YR,
    loader,
    memory,
    moving,
    ports,
    sensing,
    station,
    tracks,
)
from drivers.sim.card_reader.reader import HANDLERS
from drivers.sim.chip_card import answer_to_reset

CARD = "6228480012345678901=30125010000012345"


class Host:
    """Speaks frames to a simulated reader and waits as long as it takes."""

    def __init__(self, **how: Any) -> None:
        self.clock = SimClock()
        self.sim = SimOmron3S4YR(self.clock, **how)

    def raw(self, data: bytes) -> bytes:
        return b"".join(chunk for _, chunk in self.sim.receive(data))

    def wait(self, limit_ms: int = 600_000) -> bytes:
        end_ms = self.clock.now_ms() + limit_ms
        while (due := self.sim.next_deadline_ms()) is not None and due <= end_ms:
            self.clock.move_to(max(due, self.clock.now_ms()))
            if replies := self.sim.tick():
                return b"".join(chunk for _, chunk in replies)
        return b""

    def ask(self, text: str) -> str:
        assert self.raw(encode(text.encode("latin-1"))) == ACK_BYTES
        return self.answer(self.raw(ENQ_BYTES) or self.wait())

    @staticmethod
    def answer(data: bytes) -> str:
        (item,) = FrameReader().feed(data)
        assert isinstance(item, bytes)
        return item.decode("latin-1")


@pytest.fixture
def host() -> Host:
    made = Host()
    assert made.ask("C000B") == "P0000"
    return made


@pytest.fixture
def inside(host: Host) -> Host:
    host.ask("C:2")
    host.sim.act("insert_card", track2=CARD)
    host.wait()
    assert host.ask("C10") == "P1002"
    return host


def test_only_an_initial_reset_is_accepted_first() -> None:
    host = Host()
    assert host.ask("C10") == "N1019"
    assert host.ask("C30") == "N3019"
    assert host.ask("C02") == "P0200"
    assert host.ask("C10") == "P1000"


@pytest.mark.parametrize("text", ["C001", "C00AA", "C000D", "C000AB"])
def test_bad_reset_parameters(text: str) -> None:
    assert Host().ask(text) == "N0002"


def test_undefined_commands_and_wrong_sequences(host: Host) -> None:
    assert host.ask("CZ9") == "NZ900"
    assert host.ask("X10") == "N1000"
    assert host.ask("C30") == "N3001"
    assert host.ask("C31") == "N3101"
    assert host.ask("C62") == "N6201"


def test_nothing_is_executed_before_enq(host: Host) -> None:
    host.ask("C:2")
    host.sim.act("insert_card", track2=CARD)
    host.wait()
    assert host.raw(encode(b"C30")) == ACK_BYTES
    assert host.wait() == b""
    assert host.sim.place == "inside"


def test_enq_in_idle_repeats_the_last_answer_and_executes_nothing(inside: Host) -> None:
    assert inside.ask("C31") == "P3100"
    for _ in range(3):
        assert Host.answer(inside.raw(ENQ_BYTES)) == "P3100"
    assert inside.sim.captured == 1


def test_a_damaged_frame_is_refused_and_not_executed(host: Host) -> None:
    frame = bytearray(encode(b"C10"))
    frame[-1] ^= 1
    assert host.raw(bytes(frame)) == NAK_BYTES
    assert Host.answer(host.raw(ENQ_BYTES)) == "P0000", "still the answer of before"


def test_a_gap_of_five_seconds_is_refused(host: Host) -> None:
    assert host.raw(b"\x10\x02C1") == b""
    assert host.wait() == NAK_BYTES
    assert host.ask("C10") == "P1000"


def test_a_new_frame_replaces_the_accepted_one(inside: Host) -> None:
    assert inside.raw(encode(b"C31")) == ACK_BYTES
    assert inside.ask("C10") == "P1002"
    assert inside.sim.captured == 0


def test_while_it_executes_everything_but_eot_is_ignored(inside: Host) -> None:
    inside.raw(encode(b"C31"))
    assert inside.raw(ENQ_BYTES) == b""
    assert inside.raw(ENQ_BYTES + encode(b"C10")) == b""
    inside.raw(EOT_BYTES)
    assert inside.wait() == b""
    assert (inside.sim.place, inside.sim.captured) == ("inside", 0)
    assert inside.ask("C10") == "P1002"


def test_eot_cancels_an_accepted_command(inside: Host) -> None:
    inside.raw(encode(b"C31"))
    inside.raw(EOT_BYTES)
    assert Host.answer(inside.raw(ENQ_BYTES)) == "P1002", "the answer of before, nothing executed"
    assert inside.sim.captured == 0


def test_insertion_with_waiting_time(host: Host) -> None:
    host.ask("CW005")
    assert host.ask("C21") == "N2161"
    host.raw(encode(b"C21"))
    host.raw(ENQ_BYTES)
    host.sim.act("insert_card", track2=CARD)
    assert Host.answer(host.wait()) == "P2102"


def test_waiting_for_removal(inside: Host) -> None:
    assert inside.ask("C30") == "P3001"
    assert inside.ask("C90") == "N9062"
    inside.raw(encode(b"C90"))
    inside.raw(ENQ_BYTES)
    replies = inside.sim.act("take_card")
    assert Host.answer(b"".join(chunk for _, chunk in replies)) == "P9000"


def test_reintake_of_a_card_that_is_gone(inside: Host) -> None:
    inside.ask("C30")
    inside.sim.act("take_card")
    assert inside.ask("C41") == "N4160"


def test_options_are_locked_while_insertion_is_permitted(host: Host) -> None:
    host.ask("C:0")
    for code in ("N1", "N2", "N3", "NA", "Q1", "Y1"):
        assert host.ask(f"C{code}") == f"N{code}01"
    host.ask("C:1")
    assert host.ask("CQ1") == "PQ100"


def test_after_a_jam_only_a_reset(inside: Host) -> None:
    inside.sim.strike("jam", at="capture")
    assert inside.ask("C31") == "N3110"
    assert inside.ask("C10") == "N1010"
    assert inside.ask("C30") == "N3010"
    assert inside.ask("C00") == "P0001"


def test_faults_strike_at_the_nth_occasion(inside: Host) -> None:
    inside.sim.strike("sensor_lies", nth=3, place="none")
    assert [inside.ask("C10") for _ in range(4)] == ["P1002", "P1002", "P1000", "P1002"]


def test_strikes_are_checked() -> None:
    sim = Host().sim
    with pytest.raises(ValueError, match="there are: "):
        sim.strike("earthquake")
    with pytest.raises(ValueError, match="not \\['speed'\\]"):
        sim.strike("jam", speed=3)
    with pytest.raises(ValueError, match="nth"):
        sim.strike("jam", nth=0)
    with pytest.raises(ValueError, match="one can"):
        sim.act("dance")


def test_hands_can_only_do_what_is_possible(host: Host) -> None:
    with pytest.raises(ValueError, match="shutter is closed"):
        host.sim.act("insert_card", track2=CARD)
    with pytest.raises(ValueError, match="no card at the mouth"):
        host.sim.act("take_card")
    host.ask("C:0")
    host.sim.act("insert_card", card=MagneticCard(track2=CARD))
    with pytest.raises(ValueError, match="in the way"):
        host.sim.act("insert_card", track2=CARD)


def test_power_failure_with_a_card_is_18_and_without_19(inside: Host) -> None:
    inside.ask("C020A")
    inside.sim.power(False)
    assert inside.raw(encode(b"C10")) == b""
    inside.sim.power(True)
    assert inside.ask("C10") == "N1018"
    assert inside.ask("C00") == "P0002", "hold, as the stored option says"
    assert inside.ask("C00") == "P0001"
    inside.sim.act("take_card")
    inside.sim.power(False)
    inside.sim.power(True)
    assert inside.ask("C10") == "N1019"


def test_the_counter_survives_the_power_and_wraps() -> None:
    host = Host(captured=999)
    host.ask("C00")
    host.ask("C:0")
    host.sim.act("insert_card", track2=CARD)
    host.wait()
    assert host.ask("C31") == "P3100"
    host.sim.power(False)
    host.sim.power(True)
    host.ask("C00")
    assert host.ask("CQ0") == "PQ000000"


def test_states_show_no_track_data(inside: Host) -> None:
    assert CARD[:16] not in str(inside.sim.state())
    assert CARD not in repr(inside.sim.card)
    assert inside.sim.state()["card"] == {"label": "card ...8901", "place": "inside", "chip": False}


def test_voltages_versions_and_sensors_have_their_lengths(host: Host) -> None:
    assert len(host.ask("CL0")) == 5 + 16
    assert len(host.ask("CV0")) == 5 + 40
    assert len(host.ask("CV1")) == 5 + 22
    assert len(host.ask("C11")) == 5 + 12
    assert len(host.ask("CN0")) == 5 + 16


# ---------------------------------------------------------------- ways in and out


@pytest.mark.parametrize(
    ("code", "place", "position"),
    [("6B", "inside", "02"), ("6C", "exit", "01"), ("6D", "none", "00"), ("6G", "none", "00"), ("6I", "exit", "01")],
)
def test_combined_commands_end_as_the_habits_say(host: Host, code: str, place: str, position: str) -> None:
    host.raw(encode(f"C{code}2".encode()))
    host.raw(ENQ_BYTES)
    host.sim.act("insert_from_rear" if code == "6I" else "insert_card", track2=CARD)
    assert host.answer(host.wait()) == f"P{code}{position}2{CARD}"
    assert host.sim.place == place


@pytest.mark.parametrize(("moves_on", "place"), [(True, "exit"), (False, "inside")])
def test_a_combined_command_that_read_nothing(moves_on: bool, place: str) -> None:
    host = Host(habits=Habits(combined_moves_on=moves_on))
    host.ask("C00")
    host.raw(encode(b"C6C3"))
    host.raw(ENQ_BYTES)
    host.sim.act("insert_card", track2=CARD)
    assert host.answer(host.wait()) == "N6C44"
    assert host.sim.place == place


def test_habits_come_as_words_of_a_configuration() -> None:
    sim = SimOmron3S4YR(SimClock(), habits={"combined_ends": "CCCCCCCC", "ports": 2})
    assert sim.habits == Habits(combined_ends="CCCCCCCC", ports=2)
    for wrong in ({"combined_ends": "X"}, {"ports": 0}):
        with pytest.raises(ValueError):
            SimOmron3S4YR(SimClock(), habits=wrong)


def test_the_rear_is_shut_unless_it_is_permitted(host: Host) -> None:
    with pytest.raises(ValueError, match="shutter is closed"):
        host.sim.act("insert_from_rear", track2=CARD)
    host.ask("C:3")
    with pytest.raises(ValueError, match="shutter is closed"):
        host.sim.act("insert_card", track2=CARD)
    host.sim.act("insert_from_rear", track2=CARD)
    host.wait()
    assert host.ask("C10") == "P1002"


def test_a_card_of_wrong_length_is_told_by_the_command_that_waited_for_it(host: Host) -> None:
    host.raw(encode(b"C20"))
    host.raw(ENQ_BYTES)
    host.sim.act("insert_card", track2=CARD, length="long")
    assert host.answer(host.wait()) == "N2020"
    assert host.ask("C10") == "N1001"
    assert host.ask("C04") == "P0401"


def test_reset_04_is_for_a_reader_without_a_card(inside: Host) -> None:
    assert inside.ask("C04") == "N0401"
    assert inside.ask("C30") == "P3001"


def test_a_held_card_that_is_let_go_comes_in_and_one_that_hangs_is_waited_for(inside: Host) -> None:
    inside.ask("CW203")
    inside.ask("C30")
    inside.sim.act("block_exit")
    inside.raw(encode(b"C40"))
    inside.raw(ENQ_BYTES)
    inside.sim.act("free_exit")
    assert inside.answer(inside.wait()) == "P4002"
    inside.ask("C30")
    inside.sim.act("pull_half_out")
    assert inside.ask("C40") == "N4063"
    inside.sim.act("push_back")
    assert inside.ask("C41") == "P4100"


def test_weak_places_are_read_at_the_second_pass_if_retries_are_allowed(inside: Host) -> None:
    inside.sim.strike("read_error", passes=1)
    assert inside.ask("C62").startswith("P62")
    inside.ask("CR00")
    inside.ask("C721234")
    inside.sim.strike("read_error", passes=1)
    assert inside.ask("C62") == "N6242"
    assert inside.ask("C62") == "P62021234"


def test_soiled_heads_jitter_until_they_are_cleaned(inside: Host) -> None:
    inside.sim.strike("heads_dirty")
    assert inside.ask("C62") == "N6246"
    assert inside.ask("C721234") == "N7256"
    inside.ask("C30")
    inside.sim.act("take_card")
    inside.raw(encode(b"CI0"))
    inside.raw(ENQ_BYTES)
    inside.sim.act("insert_card", cleans=True)
    assert inside.answer(inside.wait()) == "PI001"
    assert inside.sim.state()["cleaned"] == 1


def test_a_stripe_that_is_damaged_stays_so_in_every_reader() -> None:
    card = MagneticCard(track2=CARD, damage={2: "lrc"})
    for _ in range(2):
        host = Host()
        host.ask("C00")
        host.ask("C:0")
        host.sim.act("insert_card", card=card)
        host.wait()
        assert host.ask("C62") == "N6243"
    with pytest.raises(ValueError, match="lrc"):
        MagneticCard(track2=CARD, damage={2: "coffee"})


def test_the_power_fails_in_the_middle_of_a_chip_dialogue(inside: Host) -> None:
    inside.sim.card.chip = SimChip()
    assert inside.ask("CG10").startswith("PG1110;")
    inside.sim.strike("power_drop", nth=2)
    inside.raw(encode(b"CF0\x00\xa4\x04\x00\x02\x31\x50"))
    inside.raw(ENQ_BYTES)
    assert inside.wait() == b""
    assert inside.sim.state()["chip"] == "off"
    assert inside.ask("C10") == "N1018"


@pytest.mark.parametrize(("releases", "answer", "chip"), [(True, "P3001", "off"), (False, "N3001", "active")])
def test_a_card_does_not_move_under_contacts_that_are_down(releases: bool, answer: str, chip: str) -> None:
    host = Host(habits=Habits(releases=releases))
    host.ask("C00")
    host.ask("C:0")
    host.sim.act("insert_card", track2=CARD, chip="T=0")
    host.wait()
    assert host.ask("CG10").startswith("PG1110")
    assert host.ask("C30") == answer
    assert host.sim.state()["chip"] == chip


def test_an_answer_that_is_half_fetched_stands_in_the_way_of_the_next_command() -> None:
    host = Host()
    host.ask("C00")
    host.ask("C:0")
    chip = SimChip(answer_to_reset("1", b"LONG"), {"80f8": "5A" * 700 + "9000"})
    host.sim.act("insert_card", card=MagneticCard(track2=CARD, chip=chip))
    host.wait()
    host.ask("CG10")
    assert host.ask("CF1\x00\x00\x00\x00") == "PF120m\x00"
    assert host.ask("CF3") == "NF301"
    assert host.ask("CF4") == "NF401"
    host.raw(encode(b"CF1\x80\xf8\x00\x00"))
    assert host.answer(host.raw(ENQ_BYTES) or host.wait()).startswith("PF121Z")
    assert host.ask("CF1\x00\x00\x00\x00") == "NF101"
    assert host.ask("CF4") == "PF423"
    assert host.ask("CF1\x00\x00\x00\x00") == "PF120m\x00"
    host.sim.strike("chip_silent")
    assert host.ask("CF1\x00\x00\x00\x00") == "NF180"
    assert host.ask("C10") == "P1010", "the chip has no power any more, the contacts are down"
    assert host.ask("CF1\x00\x00\x00\x00") == "NF101"


def test_writing_mends_what_was_damaged_and_each_track_has_its_tries(inside: Host) -> None:
    inside.sim.card.damage[2] = "lrc"
    assert inside.ask("C62") == "N6243"
    for text in ("C781A", "C782123", "C783456"):
        inside.ask(text)
    inside.sim.strike("write_error", passes=1, stays=True)
    assert inside.ask("C797") == "P7902"
    assert inside.ask("C62") == "P6202123"


def test_a_firmware_with_another_sum_is_refused_and_loaded_again(host: Host) -> None:
    for total, answer in (("00000000", "Nd270"), (f"{14 * 0x41:08X}", "Pd231")):
        assert host.ask("Cd0") == "Pd030"
        assert host.ask("C10") == "N1001"
        assert host.ask("Cd1" + 14 * "A") == "Pd130"
        assert host.ask(f"Cd2{total}") == answer
        assert host.ask("C10") == f"N10{'70' if answer[0] == 'N' else '71'}"
    assert host.ask("C00") == "P0000"
    assert host.ask("CV1") == "PV100" + 14 * "A" + f"{14 * 0x41:08X}"


def test_every_command_has_one_table_and_every_act_a_hand() -> None:
    tables = (loader, memory, moving, ports, sensing, station, tracks)
    assert sum(len(table.COMMANDS) for table in tables) == len(HANDLERS) == 121
    sim = Host().sim
    assert all(hasattr(sim, f"_do_{name}") for name in sim.acts)
