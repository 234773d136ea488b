"""A simulated SZZT ZT598: keys in a safe, a keyboard, and an entry that nobody can look into.

Written from the protocol note, not from the driver. What a pad remembers, and how long:

    keys, their types and check values    through power cuts; not through tamper, a wipe, or an empty battery
    user text, scan codes, limits, mask   through power cuts
    input on, entry under way, block      until the next start, reset or power cut
    authentication                        until reset or power cut
    lock after three failed tries         until somebody with the right papers undoes it (`heal`)

A key has one use, fixed by its type when it is loaded: a PIN key makes PIN blocks, a MAC key makes MACs, a
data key encrypts, a master key loads keys. Asking it for anything else is E5.

Where the note is silent this device decides: Enter is dead until the minimum length is in, digits beyond
the maximum are dead, Clear empties the entry, the time limit counts seconds from the start, at its end the
pad says EE unasked, and the PIN block may be fetched again until the next entry begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from drivers.base.clock import Clock
from drivers.base.secrets import ClearPin, KeyBits
from drivers.pin_pad.framing import Frame, FrameReader, encode
from drivers.sim import pin_pad_crypto as crypto
from drivers.sim.device import Act, Fault, Replies

CAPS: Final = (
    *"0123456789",
    *(".", "00", "cancel", "clear", "enter", "blank"),
    *(f"fdk{number:02d}" for number in range(1, 9)),
)
"""The 24 keys in the order of the scan-code table."""

FACTORY_CODES: Final = b"0123456789.#\x1b\x08\r\x07abcdefgh"

_GOOD, _NO_IMK, _NO_TMK, _KEY_LENGTH, _NO_KEY, _MISMATCH = 0x60, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5
_PARITY, _COMMAND_LENGTH, _DATA, _PARAMETER, _PARAMETER_2 = 0xE6, 0xE8, 0xE9, 0xEA, 0xEB
_UNAUTHENTICATED, _LOCKED, _TIMED_OUT, _GENERAL, _LOW_BATTERY = 0xEC, 0xED, 0xEE, 0xEF, 0xE0
_KCV, _MODULE = 0xE7, range(0xD0, 0xDF)
_TAMPERED, _WRONG_MODE, _REMOVED = 0xDD, 0xF8, 0xFF

_IMK, _TMK_TYPE, _TPK, _TAK, _TDK = "1", "2", "3", "5", "6"
_LENGTHS: Final = {"0": 8, "1": 8, "2": 16, "3": 24}
_STUCK_EVERY_MS: Final = 500
_STUCK_TIMES: Final = 20  # then the keyboard controller itself gives the key up
_KCV_BYTES: Final = 3
_AUTHENTICATION_TRIES: Final = 3


class _Error(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class _Key:
    type: str
    bits: KeyBits
    damaged: bool = False  # a cell of it has flipped: it no longer fits its check value

    @property
    def clear(self) -> bytes:
        return bytes.fromhex(self.bits.reveal())

    @property
    def kcv(self) -> str:
        return crypto.check_value(self.clear)[:_KCV_BYTES].hex().upper()


@dataclass(slots=True)
class _Entry:
    """A PIN on its way in. `digits` is what no byte on the line may show."""

    key: int
    format: str
    account: str
    digits: str = field(default="", repr=False)
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PadLab:
    """What a laboratory may switch: `clear_pin` lets format '@' out, `authentication` demands it first,
    `parity` refuses keys of even parity, `serial_digits` is 4 or 8, `reply_after_ms` how long the pad thinks.
    """

    clear_pin: bool = False
    authentication: bool = False
    parity: bool = False
    serial_digits: int = 8
    reply_after_ms: int = 20


class SimSzztPinPad:
    """Implements `drivers.sim.device.SimDevice`. `tmk` and `uid` were put in where it was made."""

    acts: Mapping[str, Act] = {
        act.name: act
        for act in (
            Act("press", "press one key", {"key": f"one of {', '.join(CAPS)}"}),
            Act(
                "press_pin",
                "key digits one after the other, then Enter",
                {"pin": "the digits", "then": "the key pressed last, empty for none"},
            ),
            Act("tamper", "open the pad's case: it erases its keys"),
            Act("remove_from_mount", "unscrew the pad from the terminal"),
            Act("put_back", "screw the pad back onto its mount"),
            Act(
                "rekey",
                "two custodians put the terminal master key in again",
                {"tmk": "another key, or none"},
            ),
        )
    }
    faults: Mapping[str, Fault] = {
        fault.name: fault
        for fault in (
            Fault("tamper", "the tamper mesh trips at the nth command", {"nth": "1"}, (117,)),
            Fault(
                "security_module",
                "the self-test of the security module fails at the nth command, until healed",
                {"nth": "1", "code": "208 to 222: what it reports, D0 to DE"},
                (117,),
            ),
            Fault(
                "key_damaged", "a cell of a key flips: it no longer fits its check value", {"key": "number, 48"}, (17,)
            ),
            Fault("parity_enforced", "keys of wrong parity are refused, until healed", {}, (17,)),
            Fault("no_tmk", "the terminal master key is lost at the nth command", {"nth": "1"}, (17,)),
            Fault("key_stuck", "the nth key pressed stays down and repeats", {"nth": "1"}),
            Fault(
                "silent", "no answer from the nth command on", {"nth": "1", "count": "commands, 0 for ever"}
            ),
            Fault("reset_mid_entry", "the pad restarts at the nth PIN digit", {"nth": "1"}),
            Fault(
                "low_battery",
                "commands that need keys answer E0",
                {"nth": "1", "keeps_keys": "whether the keys outlive the next power cut"},
            ),
        )
    }

    def __init__(
        self,
        clock: Clock,
        tmk: KeyBits | None,
        *,
        uid: KeyBits | None = None,
        serial: str = "00004711",
        seed: int = 0,
        lab: PadLab | None = None,
    ) -> None:
        self._clock = clock
        self._lab = lab or PadLab()
        self._random = Random(seed)
        self._uid = uid
        self._serial = serial[-self._lab.serial_digits :]
        self._reader = FrameReader()
        self._keys: dict[int, _Key] = {}
        self._made_with = tmk
        if tmk is not None:
            self._keys[0x20] = _Key(_TMK_TYPE, tmk)
        self._user = " " * 50
        self._codes = FACTORY_CODES
        self._items = {"2": 30, "3": ord("*"), "4": 4, "5": 12, "8": 5}
        self._hex_mode = 0x30
        self._powered = True
        self._mounted = True
        self._tampered = False
        self._battery_low = False
        self._keys_outlive_power = True
        self._silent = False
        self._silent_left = 0
        self._module = 0
        self._parity = self._lab.parity
        self._failed = 0
        self._locked = False
        self._armed: dict[str, tuple[int, Mapping[str, object]]] = {}
        self._stuck: str | None = None
        self._stuck_left = 0
        self._stuck_at_ms = 0
        self._entry: _Entry | None = None
        self._limit_at_ms: int | None = None
        self._commands: Mapping[str, Callable[[str], str]] = {
            "1": self._load_plain,
            "2": self._load_encrypted,
            "3": self._user_info,
            "4": self._scan_codes,
            "5": self._control,
            "6": self._start_pin,
            "7": self._get_pin,
            "8": self._mac,
            "9": self._crypt,
            ":": self._authenticate,
            "I": self._key_info,
            "N": self._installation,
        }
        self._restart()

    # ---------------------------------------------------------------- SimDevice

    def receive(self, data: bytes) -> Replies:
        if not self._powered:
            return []
        replies: Replies = []
        for item in self._reader.feed(data):
            if isinstance(item, Frame):
                replies += self._answer(item.data)
        return replies

    def tick(self) -> Replies:
        if not self._powered:
            return []
        replies: Replies = []
        now_ms = self._clock.now_ms()
        if self._limit_at_ms is not None and now_ms >= self._limit_at_ms:
            self._end_entry()
            replies.append((0, encode(bytes((_TIMED_OUT,)))))
        if self._stuck is not None and now_ms >= self._stuck_at_ms:
            replies += self._down(self._stuck)
            self._stuck_left -= 1
            self._stuck_at_ms = now_ms + _STUCK_EVERY_MS
            if not self._stuck_left:
                self._stuck = None
        return replies

    def next_deadline_ms(self) -> int | None:
        if not self._powered:
            return None
        stuck_at_ms = self._stuck_at_ms if self._stuck is not None else None
        return min((at for at in (self._limit_at_ms, stuck_at_ms) if at is not None), default=None)

    def act(self, name: str, **arguments: object) -> Replies:
        if name == "press":
            return self._press(_word(arguments, "key"))
        if name == "press_pin":
            pin = arguments.get("pin", "")
            digits = pin.reveal() if isinstance(pin, ClearPin) else str(pin)
            if not digits.isdecimal():
                raise ValueError("a PIN is keyed as digits")
            last = str(arguments.get("then", "enter"))
            return [reply for key in (*digits, *([last] if last else [])) for reply in self._press(key)]
        if name == "tamper":
            return self._trip()
        if name == "remove_from_mount":
            if not self._mounted:
                raise ValueError("the pad is already off its mount")
            self._mounted = False
            self._end_entry()
            return self._say(bytes((_REMOVED,))) if self._powered else []
        if name == "put_back":
            if self._mounted:
                raise ValueError("the pad is on its mount")
            self._mounted = True
            return []
        if name == "rekey":
            tmk = arguments.get("tmk", self._made_with)
            if self._tampered or not isinstance(tmk, KeyBits):
                raise ValueError("a tampered pad takes no key" if self._tampered else "which key?")
            self._keys[0x20] = _Key(_TMK_TYPE, tmk)
            return []
        raise ValueError(f"no act {name!r}; hands can: {', '.join(self.acts)}")

    def strike(self, name: str, **arguments: object) -> None:
        if name not in self.faults:
            raise ValueError(f"no fault {name!r}; there are: {', '.join(self.faults)}")
        nth = arguments.get("nth", 1)
        if not isinstance(nth, int) or nth < 1:
            raise ValueError("nth counts from 1")
        if name == "parity_enforced":
            self._parity = True
            return
        if name == "key_damaged":
            self._damage(arguments.get("key", 0x30))
            return
        if name == "security_module" and arguments.get("code", _MODULE[0]) not in _MODULE:
            raise ValueError("the module reports 208 to 222 (D0 to DE)")
        self._armed[name] = (nth, arguments)

    def heal(self) -> None:
        """Undo what was struck or done to the pad. Keys that are gone are gone until ``rekey`` and a load."""
        self._armed.clear()
        self._silent = self._tampered = self._battery_low = self._locked = False
        self._module = self._failed = 0
        self._parity = self._lab.parity
        self._keys_outlive_power = self._mounted = True
        self._stuck = None

    def power(self, on: bool) -> Replies:
        if self._powered and not on and not self._keys_outlive_power:
            self._keys.clear()
        if on != self._powered:
            self._restart()
        self._powered = on
        return []

    def state(self) -> Mapping[str, object]:
        entry = self._entry
        return {
            "powered": self._powered,
            "mounted": self._mounted,
            "tampered": self._tampered,
            "battery": "low" if self._battery_low else "good",
            "input_on": self._input_on,
            "entry": "none" if entry is None else "done" if entry.done else "open",
            "digits": len(entry.digits) if entry is not None else 0,
            "keys": [
                {"number": f"{number:02X}", "type": key.type, "kcv": key.kcv}
                for number, key in sorted(self._keys.items())
            ],
        }

    # ---------------------------------------------------------------- the keyboard

    def _press(self, key: str) -> Replies:
        if key not in CAPS:
            raise ValueError(f"the pad has no key {key!r}; it has: {', '.join(CAPS)}")
        if self._due("key_stuck") is not None:
            self._stuck, self._stuck_left = key, _STUCK_TIMES
            self._stuck_at_ms = self._clock.now_ms() + _STUCK_EVERY_MS
        return self._down(key)

    def _down(self, key: str) -> Replies:
        if not (self._powered and self._input_on and self._alive):
            return []
        entry = self._entry
        code = self._codes[CAPS.index(key)]
        if entry is None or entry.done:
            return [(0, bytes((code,)))]
        if key.isdecimal():
            if len(entry.digits) + len(key) > self._items["5"]:
                return []
            if self._due("reset_mid_entry") is not None:
                self._restart()
                return []
            entry.digits += key
            return [(0, bytes((self._items["3"],)))] * len(key)
        if key == "enter":
            if len(entry.digits) < self._items["4"]:
                return []
            entry.done = True
            self._limit_at_ms = None
        elif key == "clear":
            entry.digits = ""
        elif key == "cancel":
            self._end_entry()
        else:
            return []
        return [(0, bytes((code,)))]

    # ---------------------------------------------------------------- the line

    @property
    def _alive(self) -> bool:
        return self._mounted and not self._tampered

    def _answer(self, data: bytes) -> Replies:
        if self._due("tamper") is not None:
            self._trip()
        module = self._due("security_module")
        if module is not None:
            code = module.get("code", _MODULE[0])
            self._module = code if isinstance(code, int) else _MODULE[0]
        if self._due("no_tmk") is not None:
            self._keys.pop(0x20, None)
        battery = self._due("low_battery")
        if battery is not None:
            self._battery_low = True
            self._keys_outlive_power = bool(battery.get("keeps_keys", True))
        silence = self._due("silent")
        if silence is not None:
            count = silence.get("count", 0)
            self._silent, self._silent_left = True, count if isinstance(count, int) else 0
        if self._silent:
            self._silent_left -= 1
            self._silent = self._silent_left != 0
            return []
        return self._say(self._carry_out(data))

    def _carry_out(self, data: bytes) -> bytes:
        if self._tampered:
            return bytes((_TAMPERED,))
        if self._module:
            return bytes((self._module,))
        if not self._mounted:
            return bytes((_REMOVED,))
        try:
            text = data.decode("ascii")
            command = self._commands.get(text[0])
            if command is None:
                raise _Error(_GENERAL)
            if self._locked and text[0] not in "35":
                raise _Error(_LOCKED)
            if self._lab.authentication and not self._authenticated and text[0] not in "3:5":
                raise _Error(_UNAUTHENTICATED)
            if self._battery_low and text[0] in "126789":
                raise _Error(_LOW_BATTERY)
            return bytes((_GOOD,)) + command(text[1:]).encode("ascii")
        except UnicodeDecodeError:
            return bytes((_DATA,))
        except _Error as error:
            return bytes((error.code,))

    def _say(self, data: bytes) -> Replies:
        return [(self._lab.reply_after_ms, encode(data))]

    def _due(self, name: str) -> Mapping[str, object] | None:
        """Count one occasion of an armed fault; return its arguments when it is the one."""
        armed = self._armed.get(name)
        if armed is None:
            return None
        left, arguments = armed
        if left > 1:
            self._armed[name] = (left - 1, arguments)
            return None
        del self._armed[name]
        return arguments

    def _trip(self) -> Replies:
        self._tampered = True
        self._keys.clear()
        self._end_entry()
        return self._say(bytes((_TAMPERED,))) if self._powered else []

    def _restart(self) -> None:
        self._input_on = False
        self._entry = None
        self._limit_at_ms = None
        self._authenticated = False
        self._offered = b""
        self._challenge = b""
        self._reader.forget()

    def _end_entry(self) -> None:
        self._entry = None
        self._limit_at_ms = None
        self._input_on = False

    # ---------------------------------------------------------------- commands

    def _load_plain(self, text: str) -> str:
        number, type_, length, bits = _hex_byte(text[:2]), text[2:3], text[3:4], text[4:]
        return self._store(number, type_, length, _hex_bytes(bits))

    def _load_encrypted(self, text: str) -> str:
        under, number, type_, length = _hex_byte(text[:2]), _hex_byte(text[2:4]), text[4:5], text[5:6]
        if (type_, length) == ("0", "0"):
            if self._keys.pop(number, None) is None:
                raise _Error(_NO_KEY)
            return ""
        master = self._keys.get(under)
        if master is None:
            raise _Error(_NO_IMK if under == 0x80 else _NO_TMK if under == 0x20 else _NO_KEY)
        if master.type not in (_IMK, _TMK_TYPE) or length == "0":
            raise _Error(_MISMATCH if length != "0" else _KEY_LENGTH)
        cryptogram = _hex_bytes(text[6:])
        if len(cryptogram) != _LENGTHS.get(length):
            raise _Error(_KEY_LENGTH)
        return self._store(number, type_, length, crypto.decrypt(master.clear, cryptogram))

    def _store(self, number: int, type_: str, length: str, clear: bytes) -> str:
        if len(clear) != _LENGTHS.get(length):
            raise _Error(_KEY_LENGTH)
        allowed = _IMK if number == 0x80 else _TMK_TYPE if number < 0x30 else _TPK + _TAK + _TDK + "789"
        if number > 0x80 or not type_ or type_ not in allowed:
            raise _Error(_PARAMETER)
        if self._parity and not crypto.odd_parity(clear):
            raise _Error(_PARITY)
        key = _Key(type_, KeyBits(clear.hex().upper()))
        self._keys[number] = key
        return key.kcv

    def _user_info(self, text: str) -> str:
        if text:
            if len(text) != 50:
                raise _Error(_COMMAND_LENGTH)
            self._user = text
            return ""
        flags = (0 if 0x80 in self._keys else 1) | (2 if self._input_on else 0) | 4
        items = self._items
        settings = (
            flags,
            0,
            items["2"],
            items["3"],
            items["4"],
            items["5"],
            0x33,
            self._hex_mode,
            items["8"],
            0,
        )
        table = self._codes.hex().upper()
        return f"{self._user}{table}{bytes(settings).hex().upper()}00000000ZT598 H02S140912{self._serial}"

    def _scan_codes(self, text: str) -> str:
        codes = _hex_bytes(text)
        if len(codes) != len(CAPS):
            raise _Error(_COMMAND_LENGTH)
        self._codes = codes
        return ""

    def _control(self, text: str) -> str:
        if len(text) != 3:
            raise _Error(_COMMAND_LENGTH)
        item, value = text[0], _hex_byte(text[1:])
        if item == "0":
            self._misc(value)
        elif item == "6" and value in (0x30, 0x37):
            self._hex_mode = value
        elif item in self._items:
            self._items[item] = value
        else:
            raise _Error(_PARAMETER_2)
        return ""

    def _misc(self, value: int) -> None:
        if value == 0x30:
            self._restart()
        elif value == 0x31:
            self._keys.clear()
            self._end_entry()
        elif value == 0x32:
            self._end_entry()
        elif value == 0x33:
            self._input_on = True
        elif value not in (0x34, 0x35, 0x3D):
            raise _Error(_PARAMETER)

    def _start_pin(self, text: str) -> str:
        if len(text) != 18:
            raise _Error(_COMMAND_LENGTH)
        number, format_, account = _hex_byte(text[:2]), text[2], text[6:]
        if not text[3:].isdecimal():
            raise _Error(_DATA)
        if format_ not in " !#" and not (format_ == "@" and self._lab.clear_pin):
            raise _Error(_PARAMETER)
        if not 4 <= self._items["4"] <= self._items["5"] <= 12:
            raise _Error(_PARAMETER_2)
        self._key_for(number, _TPK)
        self._entry = _Entry(number, format_, account)
        self._limit_at_ms = self._clock.now_ms() + self._items["2"] * 1_000
        return ""

    def _get_pin(self, text: str) -> str:
        entry = self._entry
        if entry is None or not entry.done:
            raise _Error(_WRONG_MODE)
        if text and text != f"{entry.key:02X}{entry.format}{entry.account}":
            raise _Error(_PARAMETER)
        key = self._key_for(entry.key, _TPK).clear
        if entry.format == "@":
            return f"00{len(entry.digits):02d}" + entry.digits.ljust(16, "F")
        block = {
            " ": lambda: crypto.pin_block_iso0(entry.digits, entry.account),
            "!": lambda: crypto.pin_block_iso1(entry.digits, self._random),
            "#": lambda: crypto.pin_block_iso3(entry.digits, entry.account, self._random),
        }[entry.format]()
        return "0016" + crypto.encrypt(key, block).hex().upper()

    def _mac(self, text: str) -> str:
        key = self._key_for(_hex_byte(text[:2]), _TAK)
        if text[2:3] != "3":
            raise _Error(_PARAMETER)
        if len(key.clear) != 16:
            raise _Error(_KEY_LENGTH)
        return crypto.retail_mac(key.clear, _hex_bytes(text[3:])).hex().upper()

    def _crypt(self, text: str) -> str:
        key = self._key_for(_hex_byte(text[:2]), _TDK).clear
        data = _hex_bytes(text[4:])
        if not data or len(data) % 8:
            raise _Error(_COMMAND_LENGTH)
        how = {
            "31": crypto.encrypt,
            "41": crypto.decrypt,
            "32": crypto.encrypt_cbc,
            "42": crypto.decrypt_cbc,
        }.get(text[2:4])
        if how is None:
            raise _Error(_PARAMETER)
        return how(key, data).hex().upper()

    def _authenticate(self, text: str) -> str:
        step, data = text[:2], _hex_bytes(text[2:])
        if step == "A0" and len(data) == 16:
            self._offered = self._random.randbytes(16)
            return self._offered.hex().upper()
        if step == "20" and data == self._offered and self._offered:
            self._offered, self._challenge = b"", self._random.randbytes(8)
            return self._challenge.hex().upper()
        if step == "90" and self._challenge and self._uid is not None:
            uid = bytes.fromhex(self._uid.reveal())
            expected, self._challenge = crypto.encrypt(uid, self._challenge), b""
            if data == expected:
                self._authenticated, self._failed = True, 0
                return crypto.encrypt(uid, expected).hex().upper()
        self._failed += 1
        self._locked = self._failed >= _AUTHENTICATION_TRIES
        raise _Error(_UNAUTHENTICATED)

    def _key_info(self, text: str) -> str:
        key = self._keys.get(_hex_byte(text))
        if key is None:
            raise _Error(_NO_KEY)
        return f"{key.type}{len(key.clear) // 8}{key.kcv}"

    def _installation(self, text: str) -> str:
        if text:
            raise _Error(_COMMAND_LENGTH)
        return "1"

    def _key_for(self, number: int, use: str) -> _Key:
        """Return the key, if this is what it is for."""
        key = self._keys.get(number)
        if key is None:
            raise _Error(_NO_TMK if 0x20 not in self._keys else _NO_KEY)
        if key.type != use:
            raise _Error(_MISMATCH)
        if key.damaged:
            raise _Error(_KCV)
        return key

    def _damage(self, number: object) -> None:
        key = self._keys.get(number) if isinstance(number, int) else None
        if key is None:
            raise ValueError(f"no key {number} is loaded; there are: {', '.join(map(str, sorted(self._keys)))}")
        self._keys[int(str(number))] = replace(key, damaged=True)


def _hex_byte(text: str) -> int:
    if len(text) != 2:
        raise _Error(_COMMAND_LENGTH)
    return _hex_bytes(text)[0]


def _hex_bytes(text: str) -> bytes:
    if any(digit not in "0123456789ABCDEF" for digit in text):
        raise _Error(_DATA)
    if len(text) % 2:
        raise _Error(_COMMAND_LENGTH)
    return bytes.fromhex(text)


def _word(arguments: Mapping[str, object], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str):
        raise ValueError(f"which {name}?")
    return value
