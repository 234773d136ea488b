"""Whatever a rehearsal leaves behind is searched for what must not be there: PAN, track, PIN, PIN block."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers.base.secrets import PinBlock, Track2
from kiosk.config import ROOT, load_config
from kiosk.journal.journal import Journal
from kiosk.journal.record import canonical
from kiosk.ports import HostRequest
from kiosk.rehearsal import describe
from kiosk.rehearsal.scenario import load_scenario
from kiosk.rehearsal.world import World
from kiosk.words import catalogue

CONFIG = load_config(None)
FOLDER = ROOT / "models" / "scenarios" / "withdrawal"
PIN, PAN = "402917", "6225887391846275194"  # numbers that nothing else is made of
NAMES = ("plain", "card_stolen", "card_expired", "pin_wrong_then_right", "cut_while_dispensing", "host_malformed",
         "answer_with_bad_mac", "english", "host_answers_late", "pin_pad_loses_keys")  # fmt: skip


def forms(secret: str) -> list[bytes]:
    """The ways in which digits may hide in text, hex dumps and packed bytes."""
    plain = secret.encode()
    found = [plain, plain.hex(" ").encode(), plain.hex().encode(), plain.hex(" ").upper().encode()]
    if len(secret) >= 10 and re.fullmatch("([0-9A-F]{2})+", secret):  # three packed bytes would be found by chance
        found += [bytes.fromhex(secret), bytes.fromhex(secret).hex(" ").encode(), secret.lower().encode()]
    return found


class Blocks:
    """Takes the PIN blocks out of the requests that pass, to search for them later."""

    def __init__(self, world: World) -> None:
        self.seen: list[str] = []
        assert world.terminal is not None
        host = world.terminal.host.host
        request = host.request

        def passing(asked: HostRequest) -> None:
            assert isinstance(asked.pin_block, PinBlock)
            assert isinstance(asked.track2, Track2)
            self.seen.append(asked.pin_block.reveal())
            request(asked)

        host.request = passing  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_behind(name: str, tmp_path: Path) -> None:
    file = tmp_path / "journal.db"
    scenario = load_scenario(FOLDER / f"{name}.yaml")
    mine = scenario.person.card
    cards = [{**card, "pin": PIN, **({"pan": PAN} if card["label"] == mine else {})} for card in CONFIG.bank["cards"]]
    config = replace(CONFIG, bank={**CONFIG.bank, "cards": cards})
    world = World(scenario, config, words=catalogue(), journal_file=file, transcript=True)
    world.start_terminal()
    blocks = Blocks(world)
    world.run_on()
    left: dict[str, bytes] = {
        "transcript": "\n".join(map(repr, world.transcript)).encode(),
        "views": repr(world.views).encode(),
        "entries": repr(world.entries).encode(),
        "bank": world.bank._store._connection.serialize(),  # type: ignore[attr-defined]
        "export": "\n".join(canonical(entry.as_data()) for entry in world.entries).encode(),
        "json": json.dumps([e.as_data() for e in world.entries]).encode(),
        "terminal": repr((world.terminal, world.terminal and vars(world.terminal.kernel))).encode(),
    }
    track2 = world.wallet.track2
    world.close()
    Journal(file, bytes.fromhex(config.host.keys.journal)).close()
    left |= {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert len(left["journal.db"]) > 4_096
    assert all(left.values())
    pan, rest = track2.split("=")
    secrets = {"PAN": pan, "PAN middle": pan[5:15], "track": track2, "rest of the track": rest[:10], "PIN": PIN}
    secrets |= {f"PIN block {i}": block for i, block in enumerate(blocks.seen)}
    for what, secret in secrets.items():
        for where, data in left.items():
            for form in forms(secret):
                assert form not in data, f"{what} is in {where}"
    if name in ("plain", "english"):
        assert len(blocks.seen) == 1, "there was a PIN block to search for"


def test_a_transcript_describes_without_showing() -> None:
    track = b"\x10\x02P6200" + b"6225880000000001000=29122060000000000" + b"\x10\x03\x66"
    assert describe.frame("card_reader", "<-", track) == "<- P62 read ISO 2: track data, not shown"
    written = b"\x10\x02C72" + b"6225880000000001000" + b"\x10\x03\x66"
    assert "622588*********1000" in str(describe.frame("card_reader", "->", written))
    assert describe.frame("pin_pad", "->", b"\x02001" + b"6307880000000010" + b"\x0300") == "-> start PIN"
    assert describe.frame("pin_pad", "<-", bytes(20)) == "<- keys: 20"
    assert "unreadable" in describe.host("->", b"\x00\x05hello")


def secret_in(data: Any) -> bool:
    return any(form in data for form in forms("6225880000000001000"))


def test_the_canary_sings() -> None:
    """The search finds what it looks for, in every form it knows."""
    pan = b"6225880000000001000"
    assert secret_in(b"x" + pan)
    assert secret_in(pan.hex(" ").encode())
    assert not secret_in(b"622588******1000")
