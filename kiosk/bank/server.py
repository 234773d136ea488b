"""One connection of a terminal, as a machine without I/O: bytes in, (delay, bytes) out.

Order of trust for each message: frame, form, terminal, MAC, fields. What fails before the MAC has no effect
and, where the sender can be told, is refused: 63 for a wrong MAC, 30 for wrong fields.

After a sign-on the host sends new working keys: the session MAC key (102) and the PIN key (101). Each becomes
the key in force when the terminal's answer repeats its check value; until then the former one is still used.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Final

from kiosk.bank.bank import PIN_KEYS_KEPT, Bank, Terminal
from kiosk.bank.case import mmdd
from kiosk.bank.partners import Fault
from kiosk.bank.personality import Personality, Struck
from kiosk.host.framing import FrameReader, frame
from kiosk.host.mac import Mac, check_value, make_mac, wrap
from kiosk.host.message import (
    MAC_HEX,
    Decoded,
    Message,
    MessageError,
    decode,
    encode,
    parse_private,
    private,
    validate,
)
from kiosk.host.spec import MESSAGES, Network, answer_to

Replies = list[tuple[int, bytes]]

KEYS_EVERY_MS: Final = 24 * 3_600_000
_ACTS_NOT: Final = frozenset({"silent", "advice_lost"})
_ANSWERS_NOT: Final = frozenset({"silent_after_posting", "advice_unanswered"})


class BankSession:
    """The host's end of one connection. `counters` are what a technician's page shows."""

    def __init__(self, bank: Bank, personality: Personality | None = None) -> None:
        self._bank = bank
        self._clock = bank.clock
        self.personality = personality or Personality(bank.clock)
        self._reader = FrameReader()
        self._terminal: Terminal | None = None
        self._told_date = ""
        self._keys_due_ms: int | None = None
        self._withheld: list[tuple[int, bytes]] = []
        self._offered: dict[str, Network] = {}
        self._offered_check: dict[str, str] = {}
        self.wants_close = False
        self.counters = {"received": 0, "sent": 0, "unreadable": 0, "bad_macs": 0, "invalid": 0, "faults": 0}

    @property
    def link_up(self) -> bool:
        """False once this connection must end, or while the line is down."""
        return not self.wants_close and self.personality.link_up

    @property
    def terminal(self) -> str:
        """The F41 that signed on here, or an empty text."""
        return self._terminal.data.id if self._terminal else ""

    def receive(self, data: bytes) -> Replies:
        """Take bytes of the terminal; return the answers and after how many milliseconds each is sent."""
        if not self.personality.link_up:
            self.wants_close = True
            return []
        try:
            messages = self._reader.feed(data)
        except MessageError:
            self.counters["unreadable"] += 1
            self.wants_close = True
            return []
        replies: Replies = []
        for raw in messages:
            self.counters["received"] += 1
            replies += self._received(raw)
        return replies

    def tick(self) -> Replies:
        """Return what the host sends of itself: keys that fell due, a new business date, withheld answers."""
        if not self.personality.link_up:
            self.wants_close = True
        terminal = self._terminal
        if terminal is None or self.wants_close:
            return []
        now = self._clock.now_ms()
        replies: Replies = []
        if self._withheld:
            replies += [(0, raw) for due, raw in self._withheld if due <= now]
            self._withheld = [(due, raw) for due, raw in self._withheld if due > now]
        if self._keys_due_ms is not None and self._keys_due_ms <= now:
            replies += self._offer_keys(terminal)
        today = self._bank.business_date
        if self._told_date and today != self._told_date:
            self._told_date = today
            replies.append((0, self._originate(terminal, Network.CUT_OVER, {15: mmdd(today)})))
        return replies

    def next_deadline_ms(self) -> int | None:
        if not self._withheld:
            return self._keys_due_ms
        instants = [due for due, _ in self._withheld]
        if self._keys_due_ms is not None:
            instants.append(self._keys_due_ms)
        return min(instants)

    def order(self, *, in_service: bool) -> Replies:
        """Order the terminal in or out of service (902, 903). Nothing goes out before it signed on."""
        if self._terminal is None:
            return []
        code = Network.ORDER_IN_SERVICE if in_service else Network.ORDER_OUT_OF_SERVICE
        return [(0, self._originate(self._terminal, code, {}))]

    def offer_keys(self) -> Replies:
        """Begin a key change now."""
        return [] if self._terminal is None else self._offer_keys(self._terminal)

    # ------------------------------------------------------------ one message

    def _received(self, raw: bytes) -> Replies:
        try:
            decoded = decode(raw)
        except MessageError as error:
            self.counters["unreadable"] += 1
            return self._refuse(Message(error.mti, error.known), "30")
        message = decoded.message
        terminal = self._bank.terminals.get(message.get(41))
        if terminal is None:
            self.counters["invalid"] += 1
            return []
        if not _authentic(terminal, decoded):
            self.counters["bad_macs"] += 1
            return self._refuse(message, "63")
        try:
            validate(message)
        except MessageError:
            self.counters["invalid"] += 1
            return self._refuse(message, "30")
        if message.mti == "0800":
            return self._network(terminal, message)
        if message.mti == "0810":
            self._network_answered(terminal, message)
            return []
        if message.mti[2] not in "02":
            self.counters["invalid"] += 1
            return []
        return self._financial(terminal, message)

    def _refuse(self, message: Message, code: str) -> Replies:
        """Answer what had no effect, as far as it can be named and the answer authenticated."""
        terminal = self._bank.terminals.get(message.get(41))
        mti = message.mti
        if terminal is None or mti not in MESSAGES or mti[2] not in "02" or not {7, 11} <= message.fields.keys():
            return []
        answer_mti = answer_to(mti)
        kind = MESSAGES[answer_mti]
        fields = {n: v for n, v in message.fields.items() if n in kind.mandatory and n != 39}
        fields[39] = code
        if 15 in kind.mandatory:
            fields.setdefault(15, mmdd(self._bank.business_date))
        answer = Message(answer_mti, fields)
        if _answer_mac(terminal, answer) is None:
            return []
        return [(0, self._seal(terminal, answer))]

    def _financial(self, terminal: Terminal, message: Message) -> Replies:
        fault = self.personality.met(message)
        if fault is None:
            answer = self._bank.handle(message)
            return [(0, self._seal(terminal, answer)), *self._release()]
        self.counters["faults"] += 1
        if fault.name in _ACTS_NOT:
            return []
        if self.personality.faults[fault.name].operations:
            at_partner = Fault(fault.name, fault.arguments)
            return [(0, self._seal(terminal, self._bank.handle(message, partner_fault=at_partner)))]
        if fault.name == "advice_refused":
            return self._refuse(message, fault.text("code"))
        answer = self._bank.handle(message, forced_code=fault.text("code") if fault.name == "decline" else "")
        if fault.name in _ANSWERS_NOT:
            return []
        return self._spoiled(terminal, answer, fault)

    def _spoiled(self, terminal: Terminal, answer: Message, fault: Struck) -> Replies:
        match fault.name:
            case "late":
                return [(fault.number("by_ms"), self._seal(terminal, answer))]
            case "duplicate":
                raw = self._seal(terminal, answer)
                return [(0, raw), (fault.number("by_ms"), raw)]
            case "out_of_order":
                due = self._clock.now_ms() + fault.number("by_ms")
                self._withheld.append((due, self._seal(terminal, answer)))
                return []
            case "wrong_amount":
                amount = int(answer.get(4) or 0) + fault.number("by_minor")
                answer = Message(answer.mti, {**answer.fields, 4: f"{amount:012d}"})
            case "wrong_stan":
                stan = int(answer.get(11)) % 999_999 + 1
                answer = Message(answer.mti, {**answer.fields, 11: f"{stan:06d}"})
            case "malformed":
                answer = Message(answer.mti, {n: v for n, v in answer.fields.items() if n != 39})
            case "bad_mac":
                raw = self._seal(terminal, answer)
                spoiled = "0" if raw[-1:] != b"0" else "1"
                return [(0, raw[:-1] + spoiled.encode())]
            case "approve_then_offline":
                self.personality.take_down(fault.number("for_ms"))
                self.wants_close = True
        return [(0, self._seal(terminal, answer))]

    def _release(self) -> Replies:
        released: Replies = [(0, raw) for _, raw in self._withheld]
        self._withheld.clear()
        return released

    # ------------------------------------------------------------ network management

    def _network(self, terminal: Terminal, message: Message) -> Replies:
        code = message.get(70)
        if code == Network.SIGN_ON.value:
            self._terminal = terminal
            terminal.signed_on = True
            self._told_date = self._bank.business_date
            answer = self._answer(terminal, message, "00", {15: mmdd(self._told_date)})
            return [(0, answer), *self._offer_keys(terminal)]
        if code in (Network.KEY_CHANGE_MAC.value, Network.KEY_CHANGE_PIN.value) and self._terminal is terminal:
            return [(0, self._answer(terminal, message, "00")), *self._offer_keys(terminal)]
        if code == Network.SIGN_OFF.value:
            terminal.signed_on = False
        elif code not in (Network.ECHO.value, Network.CUT_OVER_DONE.value, Network.KEY_CONFIRM.value):
            return [(0, self._answer(terminal, message, "12"))]
        return [(0, self._answer(terminal, message, "00"))]

    def _network_answered(self, terminal: Terminal, message: Message) -> None:
        code = self._offered.pop(message.get(11), None)
        check = self._offered_check.pop(message.get(11), "")
        if code is None or code.value != message.get(70) or message.get(39) != "00":
            return
        if parse_private(message.get(48)).get("KC") != check:
            return
        if code is Network.KEY_CHANGE_MAC and terminal.offered_mac is not None:
            terminal.former_mac, terminal.mac = terminal.mac, terminal.offered_mac
            terminal.offered_mac = None
        elif code is Network.KEY_CHANGE_PIN and terminal.offered_pin_key is not None:
            index, key = terminal.offered_pin_key
            terminal.offered_pin_key = None
            terminal.pin_keys.pop(index, None)
            terminal.pin_keys[index] = key
            for old in list(terminal.pin_keys)[:-PIN_KEYS_KEPT]:
                del terminal.pin_keys[old]

    def _offer_keys(self, terminal: Terminal) -> Replies:
        self._keys_due_ms = self._clock.now_ms() + KEYS_EVERY_MS
        keys = terminal.data.keys
        mac_key, pin_key = self._new_key(), self._new_key()
        terminal.key_index = terminal.key_index % 99 + 1
        terminal.offered_mac = make_mac(self._bank.data.mac_algorithm, mac_key)
        terminal.offered_pin_key = (terminal.key_index, pin_key)
        return [
            (0, self._offer(terminal, Network.KEY_CHANGE_MAC, mac_key, keys.mac_transport_key)),
            (0, self._offer(terminal, Network.KEY_CHANGE_PIN, pin_key, keys.pin_master_key)),
        ]

    def _offer(self, terminal: Terminal, code: Network, key: str, under: str) -> bytes:
        check = check_value(key)
        fields = {
            48: private({"KB": wrap(key, under), "KC": check}),
            53: f"0001{terminal.key_index:02d}{0:010d}",
        }
        raw = self._originate(terminal, code, fields)
        stan = f"{terminal.stan:06d}"
        self._offered[stan], self._offered_check[stan] = code, check
        return raw

    def _new_key(self) -> str:
        """Return a double-length key with odd parity, hex; the halves differ."""
        while True:
            key = bytes(_odd(byte) for byte in self._bank.entropy(16))
            if key[:8] != key[8:]:
                return key.hex().upper()

    def _originate(self, terminal: Terminal, code: Network, more: Mapping[int, str]) -> bytes:
        now = self._bank.calendar.now().astimezone(UTC)
        stan = f"{terminal.next_stan():06d}"
        fields = {
            7: now.strftime("%m%d%H%M%S"),
            11: stan,
            37: f"{now.year % 10}{now:%j%H}{stan}",
            41: terminal.data.id,
            42: "BANK".ljust(15),
            70: code.value,
            **more,
        }
        return self._seal(terminal, Message("0800", fields))

    def _answer(self, terminal: Terminal, message: Message, code: str, more: Mapping[int, str] | None = None) -> bytes:
        fields = {n: message.fields[n] for n in (7, 11, 37, 41, 42, 70)}
        return self._seal(terminal, Message("0810", {**fields, 39: code, **(more or {})}))

    def _seal(self, terminal: Terminal, message: Message) -> bytes:
        raw, covered = encode(message)
        mac = _answer_mac(terminal, message)
        assert mac is not None, "a terminal that passed the MAC check has a key"
        self.counters["sent"] += 1
        return frame(raw[:-MAC_HEX] + mac.sign(covered).encode())


def _odd(byte: int) -> int:
    return byte & 0xFE | (bin(byte >> 1).count("1") + 1) % 2


def _authentic(terminal: Terminal, decoded: Decoded) -> bool:
    if decoded.message.mti.startswith("08"):
        return terminal.link_mac.fits(decoded.covered, decoded.mac)
    if terminal.mac is not None and terminal.mac.fits(decoded.covered, decoded.mac):
        terminal.former_mac = None
        return True
    return terminal.former_mac is not None and terminal.former_mac.fits(decoded.covered, decoded.mac)


def _answer_mac(terminal: Terminal, message: Message) -> Mac | None:
    return terminal.link_mac if message.mti.startswith("08") else terminal.mac
