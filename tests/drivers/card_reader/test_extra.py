"""Tracks, sensors, counter and chip beyond the common vocabulary."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drivers.base.chip import ChipBytes, ChipIO, ChipIOResult, ChipPower, ChipPowerResult
from drivers.base.errors import RemoteProtocolError
from drivers.base.vocabulary import Command, Outcome, Result
from drivers.card_reader.extra import ReadCount, ReadCountResult, ReadSensors, ReadSensorsResult
from drivers.card_reader.tracks import ReadTracks, ReadTracksResult, TrackText, WriteTrack, parse_stored_tracks
from drivers.sim.card_reader import SimChip
from drivers.sim.chip_card import answer_to_reset
from tests.drivers.card_reader.bench import Bench
from tests.drivers.card_reader.conftest import TRACK2

With = Callable[..., Bench]
TRACK1 = "B6228480012345678901^EXAMPLE/HOLDER^30125010000012345"


def ask(bench: Bench, command: Command) -> Result:
    bench.driver.submit(command)
    (result,) = (report for report in bench.run(6_000) if isinstance(report, Result))
    return result


def test_several_tracks_at_once(with_card: With) -> None:
    bench = with_card(track1=TRACK1)
    result = ask(bench, ReadTracks(ticket="t"))
    assert isinstance(result, ReadTracksResult)
    assert result.outcome is Outcome.PARTIAL
    assert {track: text.reveal() for track, text in result.tracks.items()} == {1: TRACK1, 2: TRACK2}
    assert dict(result.errors) == {3: "dataMissing"}
    assert "6228480012345678901" not in repr(result)


def test_no_track_at_all(with_card: With) -> None:
    result = ask(with_card(), ReadTracks(ticket="t", tracks=(1, 3)))
    assert isinstance(result, ReadTracksResult)
    assert (result.outcome, result.error) == (Outcome.REFUSED, "dataMissing")


def test_tracks_that_do_not_exist_are_refused_without_asking(with_card: With) -> None:
    bench = with_card()
    said = len(bench.sent)
    bench.driver.submit(ReadTracks(ticket="t", tracks=(4,)))
    result = bench.driver.tick()[0]
    assert isinstance(result, ReadTracksResult)
    assert (result.outcome, result.error) == (Outcome.REFUSED, "invalidData")
    assert len(bench.sent) == said


@pytest.mark.parametrize("data", [b"", b"7000000", b"7000000005005005abc", b"70000xx"])
def test_stored_tracks_that_do_not_add_up_are_refused(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="stored tracks"):
        parse_stored_tracks(data, [1, 2, 3])


def test_what_is_written_is_read(with_card: With) -> None:
    bench = with_card()
    assert (
        ask(bench, WriteTrack(ticket="w", track=3, content=TrackText("0123456789"))).outcome is Outcome.DONE
    )
    result = ask(bench, ReadTracks(ticket="t", tracks=(3,)))
    assert isinstance(result, ReadTracksResult)
    assert result.tracks[3].reveal() == "0123456789"


def test_a_write_that_does_not_read_back_is_told(with_card: With) -> None:
    bench = with_card()
    bench.sim.strike("write_error")
    result = ask(bench, WriteTrack(ticket="w", track=2, content=TrackText("1")))
    assert (result.outcome, result.error) == (Outcome.REFUSED, "invalidMedia")


def test_sensors_see_the_card(with_card: With) -> None:
    result = ask(with_card(), ReadSensors(ticket="s"))
    assert isinstance(result, ReadSensorsResult)
    assert (result.sensors["s2"], result.sensors["shutter"], result.sensors["chip"]) == (1, 0, 0)


def test_the_counter_is_read_and_cleared() -> None:
    bench = Bench(captured=41)
    bench.driver.connect()
    bench.run(3_000)
    result = ask(bench, ReadCount(ticket="c", clear=True))
    assert isinstance(result, ReadCountResult)
    assert (result.outcome, result.captured) == (Outcome.DONE, 41)
    assert bench.sim.captured == 0


@pytest.mark.parametrize("protocol", ["0", "1"])
def test_the_chip_is_powered_spoken_to_and_switched_off(with_card: With, protocol: str) -> None:
    chip = SimChip(
        answer_to_reset(protocol, b"TEST"),
        {"00a40400": "6f10 8408 a000000333010101 a504 5002 4142 9000".replace(" ", "")},
    )
    bench = with_card(chip=chip)
    power = ask(bench, ChipPower(ticket="p", action="cold"))
    assert isinstance(power, ChipPowerResult)
    assert (power.outcome, power.protocol, power.atr) == (Outcome.DONE, f"chipT{protocol}", chip.atr)
    select = ChipBytes("00a4040008a000000333010101")
    result = ask(bench, ChipIO(ticket="i", apdu=select, protocol=power.protocol or ""))
    assert isinstance(result, ChipIOResult)
    assert result.answer is not None
    assert result.answer.reveal().endswith("9000")
    assert "a000000333" not in repr(result)
    unknown = ask(bench, ChipIO(ticket="j", apdu=ChipBytes("00b2010c10"), protocol=power.protocol or ""))
    assert isinstance(unknown, ChipIOResult)
    assert unknown.answer == ChipBytes("6d00")
    assert ask(bench, ChipPower(ticket="o", action="off")).outcome is Outcome.DONE
    assert bench.sim.state()["chip"] == "off"


def test_a_card_without_chip_answers_no_reset(with_card: With) -> None:
    result = ask(with_card(), ChipPower(ticket="p", action="cold"))
    assert (result.outcome, result.error) == (Outcome.REFUSED, "atrNotObtained")


@pytest.mark.parametrize("apdu", ["zz", "00", "00" * 300])
def test_an_apdu_that_is_none_is_refused(with_card: With, apdu: str) -> None:
    result = ask(with_card(chip=True), ChipIO(ticket="i", apdu=ChipBytes(apdu)))
    assert (result.outcome, result.error) == (Outcome.REFUSED, "invalidData")
