"""What eSSP hides is read on one's own bench, and stays hidden on anybody else's line."""

from __future__ import annotations

from kiosk.devicekit.decode.note_acceptor import SspDecoder
from kiosk.devicekit.keyring import KeyRing
from kiosk.devicekit.session import bench_in_memory
from kiosk.devicekit.units import UNITS


def connected():
    bench = bench_in_memory(UNITS["essp"])
    bench.run(bench.start())
    bench.close()
    return bench


def test_the_bench_reads_its_own_line():
    names = [entry.name for entry in connected().entries]
    assert "05 setup request (sealed)" in names
    assert "F0 OK, slave reset, disabled (sealed)" in names


def test_without_the_secrets_of_the_driver_packets_stay_closed():
    raw = connected().raw
    for decoder in (SspDecoder(), SspDecoder(KeyRing())):
        names = [entry.name for at_ms, direction, data in raw for entry in decoder.feed(at_ms, direction, data)]
        assert "4C request key exchange" in names
        assert any(name.startswith("encrypted: ") for name in names)
        assert not any("setup" in name or "sealed" in name for name in names)


def test_a_damaged_packet_stays_closed():
    ring = KeyRing()
    channel = ring.channel(5, 23, 0, 7)
    assert channel is None, "none of our secrets makes a public number of nought"
