"""PyPI emv over pyscard, pcscd and the virtual reader, against our chip card; PyPI pyemv on its cryptograms."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drivers.sim.chip_card import ChipCardData, SimChipCard
from tests.peers.devices import DEVICES
from tests.peers.environment import PeerMissing, debian_peer, python_peer
from tests.peers.session import CLIENTS, RECORD, Note, have, run_client
from tests.peers.transcript import PLACE, Transcript, replay, step_of

PEER = "emv 1.0.14 over pyscard 2.0.5 and vpcd 3.3"
ORACLE = "pyemv 1.5.0"
DEVICE = "chip_card"
ROOT = Path(__file__).parents[2]
PACKAGES = (
    "vsmartcard-vpcd=3.3+dfsg-2",
    "pcscd=1.9.9-2",
    "libpcsclite1=1.9.9-2",
    "libqrencode4=4.1.1-1",
    "python3-pyscard=2.0.5-1+b2",
)

pytestmark = pytest.mark.peers


def packages() -> Path:
    unshare = shutil.which("unshare")
    if unshare is None or os.geteuid() != 0:
        raise PeerMissing("a name space of its own needs unshare and root")
    if sys.version_info[:2] != (3, 11):
        raise PeerMissing("the packaged pyscard is built for Python 3.11")
    if subprocess.run([unshare, "-n", "-m", "true"], capture_output=True, check=False).returncode:
        raise PeerMissing("no name space may be made here")
    return debian_peer("vpcd", *PACKAGES)


def test_emv_reads_the_card_through_a_pcsc_reader(record_property: Note) -> None:
    root = have(PEER, packages, record_property)
    python = have(
        PEER, lambda: python_peer("emv", "emv==1.0.14", "pycountry==24.6.1", dependencies=False), record_property
    )
    command = ["unshare", "-n", "-m", sys.executable, "-m", "tests.peers.vpcd_session"]
    done = subprocess.run(
        [*command, str(root), str(python), str(CLIENTS / "chip_client.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    said = told["client"]
    card = SimChipCard()
    assert said["reader"].startswith("Virtual PCD")
    assert said["atr"] == card.atr.hex()
    assert said["applications"] == ["a000000333010101"]
    assert said["before"] == {"pin_retries": 3, "atc": 0, "last_online_atc": 0}
    assert said["aip"] == "1c00"
    assert said["pan"] == card.data.pan
    assert said["expiry"] == "301231"
    assert "counter is 2" in said["wrong"]
    assert said["after_wrong"] == {"pin_retries": 2, "atc": 1, "last_online_atc": 0}
    assert said["right"] == "Process completed"
    assert said["cryptogram"].startswith("800001")
    assert "conditions of use" in said["again"]  # a second ARQC in one transaction
    assert said["after"]["pin_retries"] == 3
    steps = [step_of(entry) for entry in told["steps"]]
    kept = Transcript(
        PEER, DEVICE, "directory, application, records, PIN, ARQC", steps, {"pin_tries_left": 3, "atc": 1}
    )
    if os.environ.get(RECORD):
        replay(kept, DEVICES[DEVICE])
        kept.save(PLACE / "emv-session.yaml")


@pytest.mark.parametrize(("pan", "sequence", "atc"), [("6225880012345678", "01", 1), ("6225887712345671", "00", 513)])
def test_pyemv_agrees_on_the_cryptograms(record_property: Note, pan: str, sequence: str, atc: int) -> None:
    try:
        python = python_peer("pyemv", "pyemv==1.5.0")
    except PeerMissing as missing:
        record_property("peer", f"{ORACLE}: its answers are vectors, because {missing}")
        pytest.skip(f"{ORACLE} cannot be had: {missing}; tests/vectors/chip_card.yaml holds its answers")
    record_property("peer", f"{ORACLE}: ran")
    data = ChipCardData(pan=pan, sequence=sequence)
    card = SimChipCard(data, "1")
    card.atc = atc - 1
    card.exchange(bytes.fromhex("00A4040008A00000033301010100"))
    card.exchange(bytes.fromhex("80A8000002830000"))
    transaction = "0000000123450000000000000156000000000001562612310100C0FFEE"
    answer = card.exchange(bytes.fromhex(f"80AE80001D{transaction}00"))
    issuer_data = answer[13:20]
    told = run_client(
        [
            python,
            CLIENTS / "pyemv_client.py",
            data.issuer_key.hex(),
            pan,
            sequence,
            atc,
            transaction + data.aip.hex() + f"{atc:04x}" + issuer_data.hex(),
        ]
    )
    assert answer[5:13].hex() == told["arqc"]
    issuer = card.exchange(bytes.fromhex(f"008200000A{told['arpc']}3030"))
    assert issuer == b"\x90\x00"
    assert card.exchange(bytes.fromhex(f"80AE40001F3030{transaction}00"))[2] == 0x40
