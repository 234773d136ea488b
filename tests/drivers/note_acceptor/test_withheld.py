"""Notes that are recognised and doubted: kept where the transaction says so, given back where not, never credited."""

from __future__ import annotations

import pytest

from drivers.base.acceptor import (
    CashIn,
    CashInEnd,
    CashInRollback,
    CashInStart,
    GetCashInStatus,
    NoteInEscrow,
    NoteRejected,
    NoteReturned,
    NoteStacked,
    NoteStored,
    NoteWithheld,
)
from drivers.base.errors import LocalProtocolError
from drivers.base.vocabulary import DeviceLost, Outcome
from tests.drivers.note_acceptor.bench import Bench

BOTH = ("counterfeit", "suspect")
JUDGED = {"counterfeit": (100, 50), "suspect": (100,), "unfit": (20,)}
SORTS = dict(enumerate(("counterfeit", "counterfeit", "suspect", "unfit")))  # behind the six good ones


def nv200(**sim: object) -> Bench:
    sorts = {number + 7: sort for number, sort in SORTS.items()}
    return Bench.nv200(settings={"classifications": sorts}, judged=JUDGED, **sim).ready()


def ccnet() -> Bench:
    sorts = {number + 6: sort for number, sort in SORTS.items()}
    return Bench.ccnet(settings={"classifications": sorts}, judged=JUDGED).ready()


both_protocols = pytest.mark.parametrize("make", [nv200, ccnet])


def fed(bench: Bench, quality: str, value: int = 100, withhold: tuple[str, ...] = BOTH) -> None:
    bench.do(CashInStart(ticket="start", withhold=withhold))  # type: ignore[arg-type]
    bench.start(CashIn(ticket="in", notes_max=1))
    bench.wait(600)
    bench.wire.act("insert_note", value=value, quality=quality)


@both_protocols
def test_the_device_tells_what_it_tells_apart(make):
    can = make().driver.capabilities
    assert can.classifications == ("unrecognized", "counterfeit", "suspect", "fit", "unfit")
    assert can.withholds == BOTH
    plain = Bench.nv200().ready().driver.capabilities
    assert (plain.classifications, plain.withholds) == (("unrecognized", "fit"), ())


@both_protocols
@pytest.mark.parametrize("quality", BOTH)
def test_66_67_a_doubted_note_is_kept_told_once_and_not_credited(make, quality):
    bench = make()
    fed(bench, quality)
    result = bench.result("in")
    assert (result.outcome, result.withheld) == (Outcome.DONE, {quality: {10_000: 1}})
    assert (result.stacked, result.escrow, result.unaccounted, result.refused) == ({}, {}, {}, 0)
    kept = bench.saw(NoteWithheld)
    assert [(one.classification, one.value_minor, one.currency) for one in kept] == [(quality, 10_000, "CNY")]
    assert kept[0].cash_in == "start"
    assert kept[0].detail
    assert [one.unit for one in bench.saw(NoteStored)] == ["cashbox"]
    for never in (NoteStacked, NoteInEscrow, NoteReturned, NoteRejected):
        assert not bench.saw(never)
    assert bench.sim.state()["withheld"] == {quality: {10_000: 1}}
    assert bench.do(CashInRollback(ticket="end")).withheld == {quality: {10_000: 1}}, "it is not given back"
    assert bench.places()["cashbox"] == {10_000: 1}


@both_protocols
@pytest.mark.parametrize("quality", BOTH)
def test_what_is_not_to_be_withheld_is_given_back_and_named(make, quality):
    bench = make()
    fed(bench, quality, withhold=tuple({*BOTH} - {quality}))
    bench.until(lambda: bool(bench.saw(NoteRejected)))
    (rejected,) = bench.saw(NoteRejected)
    assert (rejected.reason, rejected.classification) == (quality, quality)
    assert bench.places()["mouth"] == {10_000: 1}
    assert not bench.saw(NoteWithheld)
    assert not bench.saw(NoteReturned)


@both_protocols
def test_68_an_unfit_note_is_credited_and_called_unfit(make):
    bench = make()
    fed(bench, "unfit", 20)
    held = bench.result("in")
    assert (held.escrow, held.fitness) == ({2_000: 1}, "unfit")
    assert [one.fitness for one in bench.saw(NoteInEscrow)] == ["unfit"]
    assert bench.do(CashInEnd(ticket="end")).stacked == {2_000: 1}


@both_protocols
def test_a_kind_of_note_that_the_dataset_does_not_have_is_given_back_like_any_paper(make):
    """Suspect 10s have no number in this dataset: the protocol has no way to name them."""
    bench = make()
    fed(bench, "suspect", 10)
    bench.until(lambda: bool(bench.saw(NoteRejected)))
    assert bench.saw(NoteRejected)[0].classification == "unrecognized"
    assert not bench.ours()


@both_protocols
@pytest.mark.parametrize("at", ["escrow", "stacking", "credited"])
def test_power_lost_over_a_doubted_note_never_makes_it_money(make, at):
    bench = make()
    counters = bench.do(CashInStart(ticket="start", withhold=BOTH)).counters
    bench.start(CashIn(ticket="in", notes_max=1))
    bench.wait(600)
    bench.sim.strike("power_loss", at=at)
    bench.wire.act("insert_note", value=100, quality="counterfeit")
    result = bench.result("in")
    assert result.stacked == {}
    assert result.unaccounted == {}, "a doubted note has no value to claim"
    assert bench.saw(DeviceLost)
    bench.wire.power(True)
    bench.wait(5_000)
    bench.ready()
    status = bench.do(GetCashInStatus(ticket="ask", counters=counters))
    assert not bench.saw(NoteStacked)
    assert not bench.saw(NoteReturned)
    kept = bench.sim.state()["withheld"].get("counterfeit", {})
    assert dict(status.withheld.get("counterfeit", {})) == kept
    assert status.outcome is Outcome.DONE
    assert len(bench.saw(NoteWithheld)) == sum(kept.values()) == (at == "credited")


def test_only_doubted_notes_are_withheld():
    with pytest.raises(LocalProtocolError, match="withheld"):
        Bench.nv200().ready().start(CashInStart(ticket="s", withhold=("fit",)))
