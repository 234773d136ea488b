"""Orders: parameters and answers as values; through the driver to a reader that keeps what it is told."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.base.errors import RemoteProtocolError
from drivers.base.vocabulary import CardInserted, CardTaken, EjectCard, Health, Outcome, Reset
from drivers.card_reader.commands import COMMANDS
from drivers.card_reader.orders import (
    NOT_ORDERED,
    PARAMS,
    DeviceOrder,
    DeviceOrderResult,
    LoadFirmware,
    LoadFirmwareResult,
    decode,
    encode,
)
from drivers.card_reader.settings import Settings
from drivers.card_reader.tracks import TrackText
from drivers.sim.cards import card_from
from tests.drivers.card_reader.bench import Bench
from tests.drivers.card_reader.conftest import TRACK2
from tests.drivers.card_reader.test_extra import ask

With = Callable[..., Bench]
IMAGE = b"3S4YR-TEST  07" + bytes(range(256)) * 10


def order(bench: Bench, code: str, **values: Any) -> DeviceOrderResult:
    result = ask(bench, DeviceOrder(ticket=code, code=code, values=values))
    assert isinstance(result, DeviceOrderResult)
    return result


# ---------------------------------------------------------------- the table


@pytest.mark.parametrize(
    ("code", "values", "params"),
    [
        ("W0", {"seconds": 5}, "05"),
        ("R3", {"retries": 12}, "12"),
        ("68", {"tracks": (3, 1)}, "5"),
        ("69", {"track": 2}, "2"),
        ("71", {"characters": TrackText("ABC")}, "ABC"),
        ("78", {"track": 3, "characters": "12"}, "312"),
        ("79", {"tracks": (1, 2, 3)}, "7"),
        ("79", {"tracks": (2,), "characters": "12"}, "212"),
        ("7K", {"tracks": [2]}, "2"),
        ("S0", {"format": "sentinels and LRC"}, "2"),
        ("S1", {"track": 2, "bits": 5, "parity": "odd", "base": "30", "start": ";", "end": "?"}, "25130;?"),
        ("S2", {"track": 1, "lead": 7}, "107"),
        ("N1", {"capacitor": "no"}, "0"),
        ("N2", {"heads": "012"}, "012"),
        ("P1", {"ports": "42"}, "42"),
        ("P1", {"ports": 42}, "42"),
        ("T2", {"port": 3, "time": 9}, "309"),
        ("Y1", {"standard": "EMV 3.0"}, "01"),
        ("Y3", {"length": 254}, "254"),
        ("u0", {}, ""),
        ("10", {}, ""),
    ],
)
def test_values_become_parameters(code: str, values: dict[str, Any], params: str) -> None:
    assert encode(code, values) == params.encode()


@pytest.mark.parametrize(
    ("code", "values"),
    [
        ("W0", {"seconds": 100}),
        ("W0", {"seconds": "5"}),
        ("W0", {"seconds": True}),
        ("W0", {}),
        ("W0", {"seconds": 5, "minutes": 1}),
        ("10", {"track": 1}),
        ("68", {"tracks": ()}),
        ("68", {"tracks": (4,)}),
        ("68", {"tracks": 7}),
        ("72", {"characters": "1" * 38}),
        ("72", {"characters": "ä"}),
        ("72", {"characters": ""}),
        ("S0", {"format": "fancy"}),
        ("P1", {"ports": "11"}),
        ("P1", {"ports": ""}),
        ("N3", {"ports": "0101"}),
        ("Y2", {"seconds": 5}),
        ("Y3", {"length": 255}),
    ],
)
def test_values_that_cannot_be_said(code: str, values: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        encode(code, values)


def test_refusing_a_track_does_not_show_it() -> None:
    with pytest.raises(ValueError) as refused:
        encode("72", {"characters": TrackText("1" * 38)})
    assert "111" not in str(refused.value)


def test_every_code_of_the_table_is_a_command() -> None:
    assert set(PARAMS) <= set(COMMANDS)
    assert set(COMMANDS) >= NOT_ORDERED


@pytest.mark.parametrize(
    ("code", "data", "values"),
    [
        ("Q0", b"041", {"count": 41}),
        ("L0", b"3104303129003000", {"tenths_of_volt": (31, 4, 30, 31, 29, 0, 30, 0)}),
        ("N0", b"1222000000010000", {"capacitor": "1", "heads": "222", "ports": "00000001", "spare": "0000"}),
        ("V1", b"3S4YR-TEST  0700ABCDEF", {"type": "3S4YR-TEST", "version": "07", "sum": "00ABCDEF"}),
        ("P5", b"0130", {"modes": (0, 1, 3, 0)}),
        ("62", b";1234=99?", {"characters": TrackText("1234=99")}),
        ("68", b"5ABC", {"tracks": (1, 3), "characters": TrackText("ABC")}),
        ("6B", b"21234", {"tracks": (2,), "characters": TrackText("1234")}),
        ("W0", b"", {}),
    ],
)
def test_answers_become_values(code: str, data: bytes, values: dict[str, Any]) -> None:
    assert decode(code, data) == values


@given(st.sampled_from(sorted(COMMANDS)), st.binary(max_size=50))
def test_garbage_raises_the_one_error(code: str, data: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        decode(code, data)


# ---------------------------------------------------------------- through the driver


@pytest.mark.parametrize("code", [*sorted(NOT_ORDERED), "ZZ", ""])
def test_what_has_a_word_of_its_own_is_not_ordered(bench: Bench, code: str) -> None:
    said = len(bench.sent)
    result = order(bench, code)
    assert (result.outcome, result.error) == (Outcome.REFUSED, "unsupportedCommand")
    assert not any(f"C{code}".encode() in chunk for chunk in bench.sent[said:] if code)


def test_a_value_that_cannot_be_said_is_refused_before_it_is_said(bench: Bench) -> None:
    result = order(bench, "W0", seconds=100)
    assert (result.outcome, result.error) == (Outcome.REFUSED, "invalidData")
    assert "0 to 99" in result.detail


def test_ports_keep_their_modes_and_go_back_after_their_time(bench: Bench) -> None:
    assert order(bench, "P2", ports="123").outcome is Outcome.DONE
    assert order(bench, "T1", port=2, time=99).outcome is Outcome.DONE  # 9.9 s; each order here takes 6 s
    assert order(bench, "P5").values == {"modes": (2, 1, 2, 0)}
    assert order(bench, "P5").values == {"modes": (2, 2, 2, 0)}
    order(bench, "P4", ports="1")
    assert order(bench, "P5").values == {"modes": (0, 2, 2, 0)}
    assert order(bench, "P1", ports="9").error == "invalidData"  # the reader has four


def test_options_survive_the_power_and_are_erased(bench: Bench) -> None:
    order(bench, "N2", heads="202")
    order(bench, "N1", capacitor="no")
    bench.sim.power(False)
    bench.sim.power(True)
    bench.run(20_000)
    bench.driver.connect()
    bench.run(3_000)
    assert order(bench, "N0").values["heads"] == "202"
    assert order(bench, "NA").outcome is Outcome.DONE
    assert order(bench, "N0").values == {"capacitor": "1", "heads": "222", "ports": "00000000", "spare": "0000"}


def test_chip_control_is_told_as_it_was_set() -> None:
    bench = Bench(Settings(chip_reception_s=45))
    bench.driver.connect()
    bench.run(3_000)
    order(bench, "Y1", standard="Europay")
    told = order(bench, "Y0").values
    assert (told["standard"], told["seconds"], told["length"], told["checked"]) == ("05", 45, 254, "1")


def test_a_track_without_a_head_is_not_read(with_card: With) -> None:
    bench = with_card(track1="ABC")
    order(bench, "N2", heads="022")
    assert order(bench, "61").error == "dataMissing"


def test_several_tracks_are_stored_and_written_at_once(with_card: With) -> None:
    bench = with_card()
    assert order(bench, "79", tracks=(2, 3)).error == "invalidData"  # nothing is stored
    for track, text in ((2, "1234"), (3, "567")):
        assert order(bench, "78", track=track, characters=TrackText(text)).outcome is Outcome.DONE
    assert order(bench, "79", tracks=(2, 3)).outcome is Outcome.DONE
    assert (bench.sim.card.track2, bench.sim.card.track3) == ("1234", "567")
    bench.sim.strike("write_error", track=3)
    order(bench, "78", track=3, characters="99")
    failed = order(bench, "79", tracks=(2, 3))
    assert (failed.outcome, failed.error, failed.values) == (Outcome.REFUSED, "invalidMedia", {"failed_track": "3"})


def test_another_encoding_is_written_and_read(with_card: With) -> None:
    bench = with_card()
    order(bench, "S1", track=3, bits=7, parity="even", base="20", start="%", end="?")
    assert order(bench, "73", characters="HELLO").outcome is Outcome.DONE
    assert order(bench, "63").values == {"characters": TrackText("HELLO")}
    order(bench, "S1", track=3, bits=5, parity="odd", base="30", start=";", end="?")
    assert order(bench, "63").outcome is Outcome.REFUSED


def test_a_combined_order_takes_reads_and_returns_a_card(bench: Bench) -> None:
    bench.driver.submit(DeviceOrder(ticket="c", code="6C", values={"tracks": (2,)}))
    bench.run(500)
    bench.act("insert_card", track2=TRACK2)
    result, *rest = bench.run(6_000)
    assert isinstance(result, DeviceOrderResult)
    assert (result.outcome, result.position) == (Outcome.DONE, "01")
    assert result.values["characters"] == TrackText(TRACK2)
    assert "6228480012345678901" not in repr(result)
    assert not [report for report in rest if isinstance(report, CardInserted)]
    bench.act("take_card")
    assert any(isinstance(report, CardTaken) for report in bench.run(2_000))


def test_a_combined_order_that_captures_is_not_told_as_taken(with_card: With) -> None:
    bench = with_card()
    bench.driver.submit(DeviceOrder(ticket="c", code="6L", values={"tracks": (2,)}))
    reports = bench.run(20_000)
    assert reports[0].outcome is Outcome.DONE
    assert not [report for report in reports if isinstance(report, CardTaken)]
    assert bench.sim.captured == 1


def test_a_lost_answer_to_an_order_that_moves_is_unknown(with_card: With) -> None:
    bench = with_card()
    bench.run(1_000)
    bench.from_device = lambda _number, chunk: b"" if len(chunk) > 2 else chunk
    bench.driver.submit(DeviceOrder(ticket="m", code="32"))
    (result,) = (report for report in bench.run(60_000) if isinstance(report, DeviceOrderResult))
    assert result.outcome is Outcome.UNKNOWN
    assert sum(chunk[:6] == b"\x10\x02C32\x10" for chunk in bench.sent) == 1


def test_the_reader_is_cleaned_by_a_cleaning_card(bench: Bench) -> None:
    bench.sim.strike("heads_dirty")
    bench.driver.submit(DeviceOrder(ticket="i", code="I0"))
    bench.run(500)
    bench.act("insert_card", card=card_from({"cleans": True}))
    (result,) = (report for report in bench.run(10_000) if isinstance(report, DeviceOrderResult))
    assert (result.outcome, result.position) == (Outcome.DONE, "01")
    assert bench.sim.state()["heads"] == "clean"


# ---------------------------------------------------------------- firmware


def test_another_firmware_is_loaded_and_told(bench: Bench) -> None:
    bench.driver.submit(LoadFirmware(ticket="f", image=IMAGE))
    (result,) = (report for report in bench.run(20_000) if isinstance(report, LoadFirmwareResult))
    assert result.outcome is Outcome.DONE
    assert result.loaded == {"type": "3S4YR-TEST", "version": "07", "sum": f"{sum(IMAGE):08X}"}
    assert bench.driver.health is Health.OK
    assert ask(bench, EjectCard(ticket="e")).error == "noMedia"


def test_a_load_that_the_power_cut_off_leaves_a_reader_that_only_loads(bench: Bench) -> None:
    bench.sim.strike("power_drop", nth=2)
    bench.driver.submit(LoadFirmware(ticket="f", image=IMAGE * 3))
    (result,) = (report for report in bench.run(200_000) if isinstance(report, LoadFirmwareResult))
    assert result.outcome in (Outcome.PARTIAL, Outcome.UNKNOWN)
    assert bench.sim.state()["firmware"] == "bad"
    bench.driver.connect()
    bench.run(5_000)
    assert bench.driver.health is Health.STOP
    assert ask(bench, Reset(ticket="r")).outcome is Outcome.REFUSED
    again = ask(bench, LoadFirmware(ticket="g", image=IMAGE))
    assert again.outcome is Outcome.DONE
    assert bench.driver.health is Health.OK


def test_a_damaged_memory_is_found_by_its_check(bench: Bench) -> None:
    bench.sim.strike("firmware_bad")
    assert order(bench, "c0").error == "hardwareError"
    assert bench.driver.health is Health.STOP
