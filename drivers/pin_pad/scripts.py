"""The device meaning: what each command does to the pad, step by step, as generators.

A script yields `Ask` (a question for the pad), `Listen` (wait for keys) or `Tell` (a happening for the
service), is sent what came of it, and returns its result. It knows no bytes, no frames and no repeats.
Where the pad answers with a fault, `Refused` is thrown into it; it never leaves this package. A pad that
falls silent closes the script instead: there is nobody left to tidy up with.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from drivers.base.clock import Clock
from drivers.base.secrets import Pan, PinBlock
from drivers.base.vocabulary import (
    EnterData,
    EnterDataResult,
    EnterPin,
    EnterPinResult,
    Happening,
    Identity,
    LoadKey,
    LoadKeyResult,
    Outcome,
    PinDigits,
    Reset,
    ResetResult,
    StopKeys,
    StopKeysResult,
)
from drivers.pin_pad import commands, extra
from drivers.pin_pad.commands import Item, KeySlot, Spec
from drivers.pin_pad.settings import ClearKey, GetPinLayout, InputOn, LengthField, PinPadSettings

KCV_DIGITS_MIN: Final = 4
_USER_DIGITS, _TABLE_DIGITS, _SETTINGS_DIGITS, _FUNCTION_DIGITS = 50, 48, 20, 8


class Refused(Exception):
    """The pad, or the driver on its behalf, says no: XFS4IoT `word` and the device's own `detail`."""

    def __init__(self, word: str, detail: str) -> None:
        super().__init__(word, detail)
        self.word = word
        self.detail = detail


class Ended(Enum):
    """How listening ended without a key."""

    DEADLINE = "deadline"
    TIMED_OUT = "timed out"  # the pad says so
    STOPPED = "stopped"  # StopKeys was given


@dataclass(frozen=True, slots=True)
class Ask:
    spec: Spec
    parameters: str = ""


@dataclass(frozen=True, slots=True)
class Listen:
    until_ms: int


@dataclass(frozen=True, slots=True)
class Tell:
    happening: Happening


@dataclass(frozen=True, slots=True, repr=False)
class Raw:
    """A key byte, unread: in PIN mode it must not become anything but a count."""

    code: int


Step = Ask | Listen | Tell
Heard = str | Raw | Ended | None
T = TypeVar("T")
Script = Generator[Step, Heard, T]


@dataclass(frozen=True, slots=True)
class UserInfo:
    """The answer to user info, cut up."""

    scan_table: str
    flags: int
    hex_mode: int
    identity: Identity


def ask(spec: Spec, parameters: str = "") -> Script[str]:
    """Ask and return the answer's data after the status byte."""
    answer = yield Ask(spec, parameters)
    assert isinstance(answer, str)
    return answer


def control(item: Item, value: int) -> Script[None]:
    yield from ask(commands.CONTROL, f"{item.value}{value:02X}")


def user_info() -> Script[UserInfo]:
    """Read who it is and how it is set. Raises Refused for an answer of another shape."""
    data = yield from ask(commands.USER_INFO)
    head = _USER_DIGITS + _TABLE_DIGITS + _SETTINGS_DIGITS
    rest = data[head + _FUNCTION_DIGITS :]
    try:
        settings = bytes.fromhex(data[head - _SETTINGS_DIGITS : head])
    except ValueError:
        settings = b""
    if len(settings) != _SETTINGS_DIGITS // 2 or len(rest) not in (20, 24):
        raise Refused("hardwareError", f"user info of {len(data)} characters")
    return UserInfo(
        scan_table=data[_USER_DIGITS : _USER_DIGITS + _TABLE_DIGITS].upper(),
        flags=settings[0],
        hex_mode=settings[7],
        identity=Identity(
            model=rest[:6].strip(),
            serial=rest[16:].strip(),
            firmware=f"{rest[9:12].strip()} of {rest[12:16].strip()}, hardware {rest[6:9].strip()}",
        ),
    )


class Scripts:
    """The scripts of one pad: its settings, its clock, and the check values of keys loaded through us."""

    def __init__(self, settings: PinPadSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.kcvs: dict[str, str] = {}

    def introduce(self) -> Script[Identity]:
        """Bring a pad just found, or just reset, to the state the other scripts expect; input is off."""
        info = yield from user_info()
        if info.hex_mode != commands.HEX_MODE:
            yield from control(Item.COMMUNICATION, commands.HEX_MODE)
        yield from self._authenticate()
        if info.scan_table != self._settings.scan_table:
            yield from ask(commands.SCAN_CODES, self._settings.scan_table)
        yield from control(Item.MASK, self._settings.mask)
        yield from control(Item.MISC, commands.INPUT_OFF)
        return info.identity

    def _authenticate(self) -> Script[None]:
        authenticator = self._settings.authenticator
        if authenticator is None:
            return
        random = yield from ask(commands.AUTHENTICATE, "A0" + authenticator.nonce().hex().upper())
        challenge = yield from ask(commands.AUTHENTICATE, f"{self._settings.authentication_key:02X}{random}")
        try:
            ours = authenticator.encrypt(bytes.fromhex(challenge))
        except ValueError:
            raise Refused("accessDenied", "unreadable challenge") from None
        theirs = yield from ask(commands.AUTHENTICATE, "90" + ours.hex().upper())
        if theirs.upper() != authenticator.encrypt(ours).hex().upper():
            raise Refused("accessDenied", "the pad does not know its UID")

    def reset(self, command: Reset) -> Script[ResetResult]:
        yield from control(Item.MISC, commands.RESET)
        yield from self.introduce()
        return ResetResult(ticket=command.ticket, outcome=Outcome.DONE)

    def enter_data(self, command: EnterData) -> Script[EnterDataResult]:
        yield from control(Item.MISC, commands.INPUT_ON)
        return EnterDataResult(ticket=command.ticket, outcome=Outcome.DONE)

    def stop_keys(self, command: StopKeys) -> Script[StopKeysResult]:
        yield from control(Item.MISC, commands.INPUT_OFF)
        return StopKeysResult(ticket=command.ticket, outcome=Outcome.DONE)

    def load_key(self, command: LoadKey) -> Script[LoadKeyResult]:
        """Load, compare the check value, and erase the key again if it is not the one that was meant."""
        key, under = self._slot(command.key), self._slot(command.under)
        length = commands.KEY_LENGTH_DIGITS.get(len(command.cryptogram))
        if length is None or (length == "1" and not self._settings.single_length_keys):
            raise Refused("invalidKeyLength", f"{len(command.cryptogram)} hex digits")
        if not _is_hex(command.cryptogram):
            raise Refused("invalidData", "the cryptogram is not hex")
        self.kcvs.pop(command.key, None)
        kcv = yield from ask(
            commands.LOAD_KEY,
            f"{under.number:02X}{key.number:02X}{key.type}{length}{command.cryptogram.upper()}",
        )
        if command.kcv and not _same_kcv(command.kcv, kcv):
            yield from self._erase(key)
            raise Refused("invalidData", f"key check value {kcv} instead of {command.kcv}; key erased")
        self.kcvs[command.key] = kcv
        return LoadKeyResult(ticket=command.ticket, outcome=Outcome.DONE, kcv=kcv)

    def enter_pin(self, command: EnterPin) -> Script[EnterPinResult]:
        """Run one entry. However it ends, but for silence, input is off afterwards."""
        key = self._slot(command.key)
        form = commands.PIN_FORMATS.get(command.format)
        if form is None:
            raise Refused("formatNotSupported", command.format)
        parameters = f"{key.number:02X}{form}"
        account = _account_digits(command.pan)
        try:
            yield from self._let_pin_in(command, f"{parameters}{self._settings.hint}", account)
            yield from self._collect(command)
            with_key = self._settings.get_pin is GetPinLayout.WITH_KEY
            data = yield from ask(commands.GET_PIN, parameters + account if with_key else "")
        except Refused:
            yield from self._input_off()
            raise
        yield from self._input_off()
        block = data[4:]
        if len(block) != 16 or not _is_hex(block):
            raise Refused("hardwareError", f"get PIN answered {len(data)} characters")
        return EnterPinResult(
            ticket=command.ticket,
            outcome=Outcome.DONE,
            block=PinBlock(block.upper()),
            key_kcv=self.kcvs.get(command.key, ""),
        )

    def _let_pin_in(self, command: EnterPin, head: str, account: str) -> Script[None]:
        settings = self._settings
        limit = -(-command.within_ms // settings.time_limit_unit_ms)
        yield from control(Item.MISC, commands.INPUT_OFF)
        yield from control(Item.TIME_LIMIT, max(1, min(limit, 0xFF)))
        yield from control(Item.LENGTH_MIN, command.digits_min)
        yield from control(Item.LENGTH_MAX, command.digits_max)
        if settings.input_on is InputOn.BEFORE_START:
            yield from control(Item.MISC, commands.INPUT_ON)
        length = command.digits_max if settings.length_field is LengthField.MAX else 0
        yield from ask(commands.START_PIN, f"{head}{length:02d}{account}")
        if settings.input_on is InputOn.AFTER_START:
            yield from control(Item.MISC, commands.INPUT_ON)

    def _collect(self, command: EnterPin) -> Script[None]:
        """Count mask bytes until Enter. Raises Refused for every other end."""
        until_ms = self._clock.now_ms() + command.within_ms + self._settings.entry_grace_ms
        count = 0
        while True:
            heard = yield Listen(until_ms)
            if heard is Ended.STOPPED:
                raise Refused("cancelled", "stopped")
            if not isinstance(heard, Raw):
                raise Refused("entryTimeout", "EE input timed out" if heard is Ended.TIMED_OUT else "no end")
            if heard.code == self._settings.mask:
                count += 1
                yield Tell(PinDigits(count=count))
                continue
            key = self._settings.key_of(heard.code)
            if key == "cancel":
                raise Refused("cancelled", "cancel key")
            if key == "enter":
                return
            if key == "clear":
                count = 0 if self._settings.clear_key is ClearKey.ALL else max(0, count - 1)
                yield Tell(PinDigits(count=count))
            elif key is not None and not key.startswith("fdk"):
                raise Refused("hardwareError", "an unmasked key came during PIN entry")

    def _input_off(self) -> Script[None]:
        """Close the keys after an entry; a pad that refuses has none open."""
        try:
            yield from control(Item.MISC, commands.INPUT_OFF)
        except Refused as refusal:
            if refusal.word == commands.TAMPERED:
                raise

    def erase_key(self, command: extra.EraseKey) -> Script[extra.EraseKeyResult]:
        yield from self._erase(self._slot(command.key))
        self.kcvs.pop(command.key, None)
        return extra.EraseKeyResult(ticket=command.ticket, outcome=Outcome.DONE)

    def wipe_keys(self, command: extra.WipeKeys) -> Script[extra.WipeKeysResult]:
        self.kcvs.clear()
        yield from control(Item.MISC, commands.WIPE_KEYS)
        return extra.WipeKeysResult(ticket=command.ticket, outcome=Outcome.DONE)

    def generate_mac(self, command: extra.GenerateMac) -> Script[extra.GenerateMacResult]:
        slot = self._slot(command.key)
        mac = yield from ask(
            commands.MAC, f"{slot.number:02X}{self._settings.mac_type}{command.data.hex().upper()}"
        )
        return extra.GenerateMacResult(ticket=command.ticket, outcome=Outcome.DONE, mac=mac)

    def crypt_data(self, command: extra.CryptData) -> Script[extra.CryptDataResult]:
        slot = self._slot(command.key)
        data = yield from ask(
            commands.CRYPT, f"{slot.number:02X}{command.mode.value}{command.data.hex().upper()}"
        )
        if not _is_hex(data):
            raise Refused("hardwareError", "crypt did not answer hex")
        return extra.CryptDataResult(ticket=command.ticket, outcome=Outcome.DONE, data=bytes.fromhex(data))

    def get_key_detail(self, command: extra.GetKeyDetail) -> Script[extra.GetKeyDetailResult]:
        slot = self._slot(command.key)
        answer = yield from ask(commands.KEY_INFO, f"{slot.number:02X}")
        return extra.GetKeyDetailResult(ticket=command.ticket, outcome=Outcome.DONE, answer=answer)

    def get_installation(self, command: extra.GetInstallation) -> Script[extra.GetInstallationResult]:
        answer = yield from ask(commands.INSTALLATION)
        return extra.GetInstallationResult(ticket=command.ticket, outcome=Outcome.DONE, answer=answer)

    def _erase(self, key: KeySlot) -> Script[None]:
        yield from ask(commands.LOAD_KEY, f"00{key.number:02X}{commands.ERASE}{commands.ERASE}")

    def _slot(self, name: str) -> KeySlot:
        slot = self._settings.keys.get(name)
        if slot is None:
            raise Refused("keyNotFound", f"no key is called {name}")
        return slot


def _account_digits(pan: Pan) -> str:
    """Return the twelve right-most digits before the check digit (ISO 9564-1, formats 0 and 3)."""
    return pan.reveal()[:-1][-12:].rjust(12, "0")


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and all(digit in "0123456789ABCDEFabcdef" for digit in text)


def _same_kcv(expected: str, answered: str) -> bool:
    shown = min(len(expected), len(answered))
    return shown >= KCV_DIGITS_MIN and expected[:shown].upper() == answered[:shown].upper()
