"""The terminal's end of the host line, as a machine without I/O.

    down ──connected──> signing on ──0810──> waiting for keys ──0800/102──> usable ──settled──> online
      ^                     │ no answer            │ none come                 │ echo, MAC, link
      └─────────────────────┴──────────────────────┴───────────────────────────┘

*Usable* means signed on with a session MAC key: advices flow. *Online* adds two conditions for requests: a
line that had dropped held for `settle_ms` (a flapping link opens no session), and the host has not ordered
the terminal out of service.

Every question ends: a request by its answer, its time or the loss of the link; an advice by an answer only.
What cannot be trusted (MAC, form, amount) ends a request as `HostMismatch`: whoever sent it, the customer
cannot be served on it. Whatever comes later is `HostLate`, and never anything more.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from kiosk.host.framing import FrameReader
from kiosk.host.keyring import Keyring
from kiosk.host.message import (
    Message,
    MessageError,
    decode,
    parse_private,
    private,
    validate,
)
from kiosk.host.requests import advice_message, answered, request_message
from kiosk.host.saf import StoreAndForward
from kiosk.host.settings import HostSettings
from kiosk.host.spec import ADVICE_SETTLED, Network, answer_to
from kiosk.money import CURRENCIES
from kiosk.ports import (
    Advice,
    AdviceAnswered,
    Calendar,
    Clock,
    CutOver,
    HostAnswered,
    HostLate,
    HostMismatch,
    HostOffline,
    HostOnline,
    HostReport,
    HostRequest,
    HostSilent,
    WorkingKey,
)

REMEMBERED_MAX: Final = 1_000  # ended requests whose late answers are still told apart from noise
MAC_ERROR: Final = "63"
PIN_KEY_ERROR: Final = "81"
NOT_NOW: Final = frozenset({MAC_ERROR, "90", "91"})  # no verdict on the advice: it is sent again
PIN_KEY: Final = "TPK"

_Key = tuple[str, str]  # F7, F11: with F41 checked, what ties an answer to its question


@dataclass(frozen=True, slots=True)
class _InFlight:
    request: HostRequest
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class _Asked:
    code: Network
    deadline_ms: int


@dataclass(frozen=True, slots=True)
class _KeyLoading:
    message: Message
    check_value: str
    index: int
    deadline_ms: int


@dataclass(slots=True)
class HostCounters:
    """What a technician's page shows of the line."""

    sent: int = 0
    received: int = 0
    unreadable: int = 0
    bad_macs: int = 0
    unmatched: int = 0
    late: int = 0


class HostClient:
    """Implements `kiosk.ports.HostPort`. `next_stan` gives the STAN (1 to 999999) of its own messages."""

    def __init__(self, clock: Clock, calendar: Calendar, settings: HostSettings, next_stan: Callable[[], int]) -> None:
        self._clock = clock
        self._calendar = calendar
        self._settings = settings
        self._next_stan = next_stan
        self._keys = Keyring(settings)
        self._pin_key_index = 0
        self._saf = StoreAndForward(settings.advice_retry_ms, settings.advices_max)
        self._reader = FrameReader()
        self._out: list[tuple[str, bytes]] = []
        self._reports: list[HostReport] = []
        self._in_flight: dict[_Key, _InFlight] = {}
        self._ended: OrderedDict[_Key, str] = OrderedDict()
        self._asked: dict[_Key, _Asked] = {}
        self._loading: _KeyLoading | None = None
        self._connected = False
        self._signed_on = False
        self._keyed = False
        self._ordered_out = False
        self._told: bool | None = None  # what was last reported: online, offline, nothing yet
        self._dropped_once = False
        self._drop_reason = ""
        self._settled_at_ms = 0
        self._keys_by_ms: int | None = None
        self._sign_on_at_ms: int | None = None
        self._heard_ms = 0
        self._echo_misses = 0
        self._bad_macs = 0
        self._asked_for_key = False
        self._business_date = ""
        self.wants_close = False
        self.counters = HostCounters()
        self._due_ms: int | None = None
        self._asks = True  # something was done since `_due_ms` was found

    # ------------------------------------------------------------ what the terminal asks

    @property
    def online(self) -> bool:
        return self._told is True

    @property
    def advices_waiting(self) -> int:
        return len(self._saf)

    def state(self) -> Mapping[str, object]:
        """Return what a page may show of the line: JSON-able, no secrets."""
        return {
            "connected": self._connected,
            "drop_reason": self._drop_reason,
            "signed_on": self._signed_on,
            "keyed": self._keyed,
            "online": self.online,
            "ordered_out": self._ordered_out,
            "in_flight": len(self._in_flight),
            "advices_waiting": len(self._saf),
            "business_date": self._business_date,
            **{name: getattr(self.counters, name) for name in HostCounters.__slots__},
        }

    def connected(self) -> None:
        self._asks = True
        self._connected = True
        self._reader = FrameReader()
        self._out.clear()
        self.wants_close = False
        self._heard_ms = self._clock.now_ms()
        self._sign_on()

    def disconnected(self, reason: str) -> list[HostReport]:
        """End what hung on the connection. `reason` is the link's own word for it, shown by `state`."""
        self._asks = True
        self._connected = False
        self._drop_reason = reason
        self._offline("link")
        return self._take_reports()

    def request(self, request: HostRequest) -> None:
        """Send `request` now. Raises MessageError for one that cannot be expressed (a mistake of ours).

        When not online, or with `in_flight_max` under way, it answers `HostSilent(sent=False)`.
        """
        self._asks = True
        message = request_message(request, self._settings, self._pin_key_index)
        validate(message)
        if not self.online or len(self._in_flight) >= self._settings.in_flight_max:
            self._reports.append(HostSilent(ticket=request.ticket, sent=False))
            return
        key = _key(message)
        if key in self._in_flight or key in self._ended:
            raise MessageError(f"STAN {message.get(11)} at {message.get(7)} was used before: a number is never reused")
        self._in_flight[key] = _InFlight(request, self._clock.now_ms() + request.answer_within_ms)
        self._send(message, ticket=request.ticket)

    def advise(self, advice: Advice, *, repeat: bool = False) -> None:
        """Queue `advice`. Raises MessageError for one that cannot be expressed, OverflowError when full."""
        self._asks = True
        message = advice_message(advice, self._settings)
        validate(message)
        self._saf.put(advice.id, message, repeat=repeat)

    def key_loaded(self, name: str, *, loaded: bool) -> None:
        """Answer the host's key change. Ignored when none waits (its time was over)."""
        self._asks = True
        loading = self._loading
        if loading is None or name != PIN_KEY:
            return
        self._loading = None
        if loaded:
            self._pin_key_index = loading.index
        self._answer_network(loading.message, "00" if loaded else "96", {"KC": loading.check_value} if loaded else {})

    def receive(self, data: bytes) -> list[HostReport]:
        self._asks = True
        try:
            messages = self._reader.feed(data)
        except MessageError:
            self.counters.unreadable += 1
            self._drop("link")
            return self._take_reports()
        for raw in messages:
            self._received(raw)
        return self._take_reports()

    def tick(self) -> list[HostReport]:
        now = self._clock.now_ms()
        if not self._asks and (self._due_ms is None or now < self._due_ms):
            return []
        self._asks = True
        for key, flight in list(self._in_flight.items()):
            if flight.deadline_ms <= now:
                self._end(key)
                self._reports.append(HostSilent(ticket=flight.request.ticket, sent=True))
        if self._loading is not None and self._loading.deadline_ms <= now:
            self.key_loaded(PIN_KEY, loaded=False)
        for key, asked in list(self._asked.items()):
            if asked.deadline_ms <= now:
                del self._asked[key]
                self._unanswered(asked.code)
        if self._keys_by_ms is not None and self._keys_by_ms <= now:
            self._drop("sign_on")
        if self._connected and self._sign_on_at_ms is not None and self._sign_on_at_ms <= now:
            self._sign_on()
        if self._usable and not self._echo_asked() and now - self._heard_ms >= self._settings.echo_idle_ms:
            self._ask(Network.ECHO, self._settings.echo_within_ms)
        self._tell_online()
        return self._take_reports()

    def data_to_send(self) -> bytes:
        if not self._asks:
            return b""
        if self._usable:
            now = self._clock.now_ms()
            message = self._saf.due(now)
            if message is not None:
                self._saf.sent(now)
                self._send(message)
        data = b"".join(raw for _, raw in self._out)
        self._out.clear()
        return data

    def next_deadline_ms(self) -> int | None:
        if self._asks:
            self._due_ms = self._next_deadline_ms()
            self._asks = False
        return self._due_ms

    def _next_deadline_ms(self) -> int | None:
        now = self._clock.now_ms()
        if self._reports or self._out:
            return now
        instants = [flight.deadline_ms for flight in self._in_flight.values()]
        instants += [asked.deadline_ms for asked in self._asked.values()]
        if self._loading is not None:
            instants.append(self._loading.deadline_ms)
        if self._keys_by_ms is not None:
            instants.append(self._keys_by_ms)
        if self._connected and self._sign_on_at_ms is not None:
            instants.append(self._sign_on_at_ms)
        if self._usable:
            if len(self._saf):
                due = self._saf.next_deadline_ms()
                instants.append(now if due is None else due)
            if not self._echo_asked():
                instants.append(self._heard_ms + self._settings.echo_idle_ms)
            if not self._ordered_out and self._told is not True:
                instants.append(max(now, self._settled_at_ms))
        return min(instants, default=None)

    # ------------------------------------------------------------ sending

    @property
    def _usable(self) -> bool:
        return self._connected and self._signed_on and self._keyed and not self.wants_close

    def _send(self, message: Message, ticket: str = "") -> None:
        self._out.append((ticket, self._keys.seal(message)))
        self.counters.sent += 1

    def _ask(self, code: Network, within_ms: int) -> None:
        now = self._calendar.now().astimezone(UTC)
        stan = f"{self._next_stan():06d}"
        message = Message(
            "0800",
            {
                7: now.strftime("%m%d%H%M%S"),
                11: stan,
                37: f"{now.year % 10}{now:%j%H}{stan}",
                41: self._settings.terminal,
                42: self._settings.acceptor,
                70: code.value,
            },
        )
        self._asked[_key(message)] = _Asked(code, self._clock.now_ms() + within_ms)
        self._send(message)

    def _answer_network(self, message: Message, response: str, tags: Mapping[str, str] | None = None) -> None:
        if not self._connected:
            return
        fields = {n: message.fields[n] for n in (7, 11, 15, 37, 41, 42, 53, 70) if n in message.fields}
        fields[39] = response
        if tags:
            fields[48] = private(tags)
        self._send(Message("0810", fields))

    # ------------------------------------------------------------ up and down

    def _sign_on(self) -> None:
        self._signed_on = self._keyed = False
        self._sign_on_at_ms = None
        self._ask(Network.SIGN_ON, self._settings.sign_on_within_ms)

    def _tell_online(self) -> None:
        if not self._usable or self._ordered_out or self._told is True:
            return
        if self._clock.now_ms() >= self._settled_at_ms:
            self._told = True
            self._reports.append(HostOnline(business_date=self._business_date))

    def _tell_offline(self, reason: str) -> None:
        if self._told is not False:
            self._told = False
            self._reports.append(HostOffline(reason=reason))

    def _offline(self, reason: str) -> None:
        unsent = {ticket for ticket, _ in self._out if ticket}
        for key, flight in list(self._in_flight.items()):
            self._end(key)
            self._reports.append(HostSilent(ticket=flight.request.ticket, sent=flight.request.ticket not in unsent))
        self._out.clear()
        self._asked.clear()
        self._loading = None
        self._signed_on = self._keyed = False
        self._keys_by_ms = self._sign_on_at_ms = None
        self._echo_misses = 0
        self._bad_macs = 0
        self._asked_for_key = False
        self._dropped_once = True
        self._tell_offline(reason)

    def _drop(self, reason: str) -> None:
        """Give the connection up; the link closes it and comes back."""
        self.wants_close = True
        self._offline(reason)

    def _became_usable(self) -> None:
        self._settled_at_ms = self._clock.now_ms() + (self._settings.settle_ms if self._dropped_once else 0)
        self._saf.hurry()
        self._tell_online()

    def _unanswered(self, code: Network) -> None:
        if code is Network.SIGN_ON:
            self._tell_offline("sign_on")
            self._sign_on_at_ms = self._clock.now_ms() + self._settings.sign_on_again_ms
        elif code is Network.ECHO:
            self._echo_misses += 1
            if self._echo_misses >= self._settings.echo_misses_max:
                self._drop("echo")
            else:
                self._ask(Network.ECHO, self._settings.echo_within_ms)

    def _echo_asked(self) -> bool:
        return any(asked.code is Network.ECHO for asked in self._asked.values())

    # ------------------------------------------------------------ receiving

    def _received(self, raw: bytes) -> None:
        self.counters.received += 1
        try:
            decoded = decode(raw)
        except MessageError as error:
            self.counters.unreadable += 1
            self._mismatched(Message(error.mti, error.known), "malformed")
            return
        message = decoded.message
        if message.get(41) != self._settings.terminal:
            self.counters.unmatched += 1
            return
        if not self._keys.authentic(decoded):
            self.counters.bad_macs += 1
            self._mismatched(message, "mac")
            self._bad_mac()
            return
        if not message.mti.startswith("08"):
            self._bad_macs = 0
            self._asked_for_key = False
        try:
            validate(message)
        except MessageError:
            self.counters.unreadable += 1
            self._mismatched(message, "malformed")
            return
        self._heard_ms = self._clock.now_ms()
        self._echo_misses = 0
        if message.mti == "0210":
            self._request_answered(message)
        elif message.mti in ("0230", "0430", "0530", "0630"):
            self._advice_answered(message)
        elif message.mti == "0810":
            self._network_answered(message)
        elif message.mti == "0800":
            self._ordered(message)
        else:
            self.counters.unmatched += 1

    def _bad_mac(self) -> None:
        self._bad_macs += 1
        if self._bad_macs < self._settings.bad_macs_max:
            return
        self._bad_macs = 0
        if self._asked_for_key:
            self._drop("mac")
        else:
            self._ask_for_key(Network.KEY_CHANGE_MAC)

    def _ask_for_key(self, code: Network) -> None:
        if self._usable and not any(asked.code is code for asked in self._asked.values()):
            self._asked_for_key = self._asked_for_key or code is Network.KEY_CHANGE_MAC
            self._ask(code, self._settings.keys_within_ms)

    def _end(self, key: _Key) -> None:
        flight = self._in_flight.pop(key)
        self._ended[key] = flight.request.ticket
        if len(self._ended) > REMEMBERED_MAX:
            self._ended.popitem(last=False)

    def _mismatched(self, message: Message, why: str) -> None:
        """End the request this untrusted message claims to answer; for an advice it counts as silence."""
        key = _key(message)
        flight = self._in_flight.get(key) if message.mti == "0210" else None
        if flight is None:
            return
        self._end(key)
        self._reports.append(HostMismatch(ticket=flight.request.ticket, why=why))

    def _request_answered(self, message: Message) -> None:
        key = _key(message)
        flight = self._in_flight.get(key)
        if flight is None:
            ticket = self._ended.get(key)
            if ticket is None:
                self.counters.unmatched += 1
            else:
                self.counters.late += 1
                self._reports.append(HostLate(ticket=ticket, code=message.get(39)))
            return
        self._end(key)
        request = flight.request
        try:
            answer = answered(request.ticket, message)
        except MessageError:
            self._reports.append(HostMismatch(ticket=request.ticket, why="malformed"))
            return
        if not _amount_agrees(request, answer, message):
            self._reports.append(HostMismatch(ticket=request.ticket, why="amount"))
            return
        if answer.business_date:
            self._business_date = answer.business_date
        if answer.code == MAC_ERROR:
            self._ask_for_key(Network.KEY_CHANGE_MAC)
        elif answer.code == PIN_KEY_ERROR:
            self._ask_for_key(Network.KEY_CHANGE_PIN)
        self._reports.append(answer)

    def _advice_answered(self, message: Message) -> None:
        head = self._saf.head
        if (
            head is None
            or head.attempts == 0
            or answer_to(head.message.mti) != message.mti
            or _key(head.message) != _key(message)
        ):
            self.counters.unmatched += 1
            return
        code = message.get(39)
        if code in NOT_NOW:
            if code == MAC_ERROR:
                self._ask_for_key(Network.KEY_CHANGE_MAC)
            return
        self._reports.append(AdviceAnswered(id=self._saf.answered(), code=code, settled=code in ADVICE_SETTLED))

    def _network_answered(self, message: Message) -> None:
        asked = self._asked.pop(_key(message), None)
        if asked is None or asked.code.value != message.get(70):
            self.counters.unmatched += 1
            return
        if asked.code is Network.SIGN_ON:
            if message.get(39) != "00":
                self._unanswered(Network.SIGN_ON)
                return
            self._signed_on = True
            self._business_date = message.get(15) or self._business_date
            self._keys_by_ms = self._clock.now_ms() + self._settings.keys_within_ms

    # ------------------------------------------------------------ the host's orders

    def _ordered(self, message: Message) -> None:
        code = message.get(70)
        if code == Network.KEY_CHANGE_MAC.value:
            self._take_mac_key(message)
        elif code == Network.KEY_CHANGE_PIN.value:
            self._pass_pin_key(message)
        elif code == Network.CUT_OVER.value:
            self._cut_over(message)
        elif code == Network.ORDER_OUT_OF_SERVICE.value:
            self._answer_network(message, "00")
            self._ordered_out = True
            self._tell_offline("ordered")
        elif code == Network.ORDER_IN_SERVICE.value:
            self._answer_network(message, "00")
            self._ordered_out = False
            self._tell_online()
        elif code in (Network.ECHO.value, Network.KEY_CONFIRM.value):
            self._answer_network(message, "00")
        else:
            self._answer_network(message, "12")

    def _take_mac_key(self, message: Message) -> None:
        tags = parse_private(message.get(48))
        if not self._keys.take_session_key(tags.get("KB", ""), tags.get("KC", "")):
            self._answer_network(message, "96")
            return
        self._answer_network(message, "00", {"KC": tags["KC"]})
        if self._signed_on and not self._keyed:
            self._keyed = True
            self._keys_by_ms = None
            self._became_usable()

    def _pass_pin_key(self, message: Message) -> None:
        tags = parse_private(message.get(48))
        index = message.get(53)[4:6]
        if "KB" not in tags or "KC" not in tags or not index:
            self._answer_network(message, "30")
            return
        if self._loading is not None:
            self.key_loaded(PIN_KEY, loaded=False)
        deadline = self._clock.now_ms() + self._settings.key_load_within_ms
        self._loading = _KeyLoading(message, tags["KC"], int(index), deadline)
        self._reports.append(WorkingKey(name=PIN_KEY, cryptogram=tags["KB"], kcv=tags["KC"]))

    def _cut_over(self, message: Message) -> None:
        if not message.get(15):
            self._answer_network(message, "30")
            return
        self._answer_network(message, "00")
        self._business_date = message.get(15)
        self._reports.append(CutOver(business_date=message.get(15)))

    def _take_reports(self) -> list[HostReport]:
        reports, self._reports = self._reports, []
        return reports


def _key(message: Message) -> _Key:
    return message.get(7), message.get(11)


def _amount_agrees(request: HostRequest, answer: HostAnswered, message: Message) -> bool:
    """Tell whether the answer speaks of the money asked for: its currency, its amount or approved part."""
    if answer.code == "30":
        return True  # a refusal of what it could not read need not repeat it
    if message.get(49) != CURRENCIES[request.amount.currency][0] or answer.amount is None:
        return False
    if answer.code == "10":
        return 0 < answer.amount.minor < request.amount.minor
    return answer.amount == request.amount
