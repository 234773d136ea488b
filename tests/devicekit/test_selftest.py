"""Every simulator is held to its contract in memory; reports say what happened and nothing secret."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest

from kiosk.devicekit.check import Verdict
from kiosk.devicekit.contract.card_reader import TEST_PAN
from kiosk.devicekit.coverage import REWRITTEN
from kiosk.devicekit.report import html, junit_xml
from kiosk.devicekit.session import Place, Session, bench_in_memory, run_session
from kiosk.devicekit.units import UNITS

TESTED = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module", params=list(UNITS))
def session(request: pytest.FixtureRequest) -> Session:
    unit = UNITS[request.param]
    return run_session(unit, Place.MEMORY, "in memory", lambda: bench_in_memory(unit))


def test_the_simulator_keeps_the_contract(session):
    bad = [f"{t.check.name}: {t.reason}" for t in session.trials if t.verdict in (Verdict.FAILED, Verdict.BROKEN)]
    assert not bad, "\n".join(bad)
    assert not session.wrong, "\n".join(session.wrong)
    assert session.count(Verdict.PASSED) > 15
    assert session.passed


def test_every_code_is_exercised_or_has_a_reason(session):
    assert session.coverage is not None
    assert session.coverage.requests
    assert session.coverage.errors
    assert not session.coverage.missing


def test_every_error_of_dispenser_pad_and_printer_is_a_state_of_the_device(session):
    if session.unit.ability in ("CashDispenser", "PinPad", "Printer"):
        assert session.coverage is not None
        assert [row.code for row in session.coverage.errors if row.how == REWRITTEN] == []


def test_skips_have_reasons(session):
    for trial in session.trials:
        if trial.verdict is Verdict.SKIPPED:
            assert trial.reason


def test_names_and_claims_are_unique_and_whole(session):
    names = [check.name for check in session.unit.suite]
    assert len(set(names)) == len(names)
    assert all(check.shows.endswith(".") for check in session.unit.suite)


def test_reports_are_whole_and_hold_no_secret(session):
    page = html(session, TESTED)
    assert "<script" not in page
    assert "http" not in page.replace("xmlns", "")
    for text in (page, junit_xml(session, TESTED).decode()):
        assert TEST_PAN not in text
        assert TEST_PAN.encode().hex(" ") not in text
    suite = ElementTree.fromstring(junit_xml(session, TESTED))
    assert suite.get("failures") == "0"
    assert len(suite.findall("testcase")) == len(session.trials) + 1


def test_a_session_repeats(session):
    again = run_session(session.unit, Place.MEMORY, "in memory", lambda: bench_in_memory(session.unit))
    assert [(t.check.name, t.verdict, t.took_ms) for t in again.trials] == [
        (t.check.name, t.verdict, t.took_ms) for t in session.trials
    ]
