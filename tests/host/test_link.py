"""The line over real sockets, loopback only. Time here is real; every wait has an end."""

from __future__ import annotations

import itertools
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from drivers.base.clock import MonotonicClock, WallCalendar
from drivers.base.secrets import PinBlock, Track2
from kiosk.bank.bank import Bank
from kiosk.bank.storage import SqliteStore
from kiosk.bank.tcp import BankServer, serve
from kiosk.host.client import HostClient
from kiosk.host.link import TcpLink
from kiosk.hostdesk import HostDesk
from kiosk.money import Money
from kiosk.ports import Advice, AdviceAnswered, AdviceKind, HostAnswered, HostOnline, HostReport, HostRequest, Original
from tests.bank import sample
from tests.host.world import settings

WAIT_S = 5.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[BankServer]:
    bank = Bank(
        SqliteStore(tmp_path / "bank.db"), sample.sample_bank(), MonotonicClock(), WallCalendar(), sample.seeded(1)
    )
    server = serve(bank)
    yield server
    server.stop()
    assert bank.verify() == []
    bank.close()


class Terminal:
    """A host client pumped over a real link until something is told."""

    def __init__(self, server: BankServer, tls: ssl.SSLContext | None = None) -> None:
        self.woken = threading.Event()
        self.link = TcpLink("127.0.0.1", server.port, on_data=self.woken.set, back_off_first_s=0.02, tls=tls)
        stans = itertools.count(500_000)
        self.client = HostClient(MonotonicClock(), WallCalendar(), settings(settle_ms=0), lambda: next(stans))
        self.desk = HostDesk(self.client, self.link)
        self.reports: list[HostReport] = []

    def until(self, done: Callable[[HostReport], bool]) -> HostReport:
        clock = MonotonicClock()
        end = clock.now_ms() + int(WAIT_S * 1000)
        while clock.now_ms() < end:
            self.woken.clear()
            reports = self.desk.pump()
            self.reports += reports
            for report in reports:
                if done(report):
                    return report
            self.woken.wait(0.02)
        raise AssertionError(f"nothing within {WAIT_S} s; told so far: {self.reports}; link: {self.link.last_error}")


def is_a(kind: type[HostReport]) -> Callable[[HostReport], bool]:
    return lambda report: isinstance(report, kind)


def test_a_withdrawal_over_sockets(server: BankServer) -> None:
    terminal = Terminal(server)
    try:
        terminal.until(is_a(HostOnline))
        assert server.terminals() == [sample.TERMINAL]
        request = HostRequest(
            ticket="t1",
            stan=1,
            rrn="632603000001",
            sent_at="1122031500",
            operation="withdrawal",
            amount=Money(10_000, "CNY"),
            track2=Track2(sample.track2(sample.STOLEN)),
            pin_block=PinBlock("0" * 16),
        )
        terminal.client.request(request)
        answer = terminal.until(is_a(HostAnswered))
        assert isinstance(answer, HostAnswered)
        assert answer.code == "43"
        original = Original(stan=1, rrn="632603000001", sent_at="1122031500")
        terminal.client.advise(
            Advice(
                id="a1",
                stan=2,
                sent_at="1122031501",
                kind=AdviceKind.COMPLETION,
                amount=Money(10_000, "CNY"),
                original=original,
            )
        )
        told = terminal.until(is_a(AdviceAnswered))
        assert told == AdviceAnswered(id="a1", code="94", settled=True)
        assert [item.kind for item in server.bank.exceptions()] == ["completion_of_declined"]
    finally:
        terminal.desk.close()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of server and terminal around a certificate of the test's own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test bank")])
    now = WallCalendar().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(Encoding.PEM)
    file = folder / "bank.pem"
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.minimum_version = ssl.TLSVersion.TLSv1_3
    server.load_cert_chain(file)
    terminal = ssl.create_default_context(cadata=pem.decode())
    return server, terminal


def test_the_same_over_tls_and_no_stranger_is_believed(tmp_path: Path) -> None:
    with_key, trusting = certificate(tmp_path)
    bank = Bank(SqliteStore(), sample.sample_bank(), MonotonicClock(), WallCalendar(), sample.seeded(1))
    server = serve(bank, tls=with_key)
    terminal = Terminal(server, trusting)
    try:
        terminal.until(is_a(HostOnline))
        terminal.client.advise(Advice(id="e1", stan=9, sent_at="1122031501", kind=AdviceKind.EVENT, text="hello"))
        terminal.until(is_a(AdviceAnswered))
    finally:
        terminal.desk.close()
    woken = threading.Event()
    doubting = TcpLink("127.0.0.1", server.port, tls=ssl.create_default_context(), on_data=woken.set)
    try:
        for _ in range(int(WAIT_S / 0.02)):
            if doubting.last_error:
                break
            woken.wait(0.02)
        assert "certificate" in doubting.last_error.lower()
        assert not doubting.connected
    finally:
        doubting.close()
        server.stop()
        bank.close()


def test_the_link_comes_back(server: BankServer) -> None:
    terminal = Terminal(server)
    try:
        terminal.until(is_a(HostOnline))
        first = terminal.link.connection
        terminal.link.drop()
        terminal.until(is_a(HostOnline))
        assert terminal.link.connection > first
    finally:
        terminal.desk.close()


def test_the_server_stops_cleanly_with_terminals_on(server: BankServer) -> None:
    terminal = Terminal(server)
    try:
        terminal.until(is_a(HostOnline))
        server.stop()
        assert not any(t.name.startswith("bank ") for t in threading.enumerate())
    finally:
        terminal.desk.close()
    assert not any(t.name.startswith("host line ") for t in threading.enumerate())
