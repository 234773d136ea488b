"""The bench behind the pages: hands, faults and a look at the live terminal (`kiosk.web.ports.Bench`).

Everything is a job for the terminal's thread, so a page never sees half a step and never touches a part of the
terminal. Only the making of PNGs happens in the caller's thread, on a surface that was handed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, Final, TypeVar

import pygame

from drivers.base.vocabulary import Align, Columns, Document, Feed, QrCode, Rule, Text
from drivers.sim.wire import WireFault
from kiosk.bank.personality import FAULTS as HOST_FAULTS
from kiosk.kernel import Kernel
from kiosk.live import Gone, Live
from kiosk.places import LINE_FAULTS, Place
from kiosk.plain import plain
from kiosk.ports import Input
from kiosk.rehearsal.person import wallet_of
from kiosk.ui.render import png_of
from kiosk.ui.scene import MOVING
from kiosk.ui.screens import ScreenError
from kiosk.ui.words import LANGUAGES, words_of
from kiosk.view import View
from kiosk.web.ports import BenchGone, DemoCard, DevicePanel, Layout, Note, Refused, Tool

LINE_PREFIX: Final = "line:"
LINE_ARGUMENTS: Final = {
    "direction": "to_device or from_device (default to_device)",
    "nth": "n-th chunk from now, 1",
    "match": "only chunks with these hex digits",
    "at": "which byte",
    "by_ms": "how late",
    "times": "how often, 0 until healed",
}
HOST_ARGUMENTS: Final = {"nth": "n-th message from now, 1", "times": "how often, 1"}
NUMBERS: Final = frozenset(
    {"n", "nth", "after", "notes", "mm", "lines", "by_ms", "for_ms", "by_minor", "times", "count", "copies", "mask"}
)
TRUTHS: Final = frozenset({"covered", "stuck", "keeps_keys", "stays"})
CARD_NOTES: Final = {
    "normal": "enough for everything",
    "low_balance": "less than a 100 on it",
    "expired": "expired in June 2024",
    "blocked": "blocked by its holder",
    "stolen": "reported stolen: kept",
    "last_try": "one PIN try left",
    "partial": "takes what there is",
    "limited": "2,000 at a time",
}
ROWS_MAX: Final = 100  # records or messages in one snapshot
POWER_CUT_MAX_MS: Final = 120_000
DARK: Final = (9, 11, 15)

T = TypeVar("T")


class LiveBench:
    """A bench for one live terminal."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._layout = _layout(live)
        self._cards = (
            {str(card["label"]): wallet_of(card) for card in live.config.bank["cards"]} if live.bank is not None else {}
        )

    # ------------------------------------------------------------ seeing

    @property
    def layout(self) -> Layout:
        return self._layout

    def snapshot(self, entries_after: int = 0, messages_after: int = 0) -> Mapping[str, Any]:
        return self._call(lambda: self._snapshot(entries_after, messages_after))

    def listen(self, changed: Callable[[], None]) -> Callable[[], None]:
        return self._live.listen(changed)

    def picture(self) -> bytes:
        return png_of(self._call(self._draw))

    def document(self) -> bytes | None:
        from kiosk.ui.paper import document_png  # brings 7 MB that few pages need

        newest = self._call(lambda: _newest(self._live.places["printer"].state()))
        return None if newest is None else document_png(document_of(newest["elements"]), PAPER_WIDE)

    def _draw(self) -> pygame.Surface:
        live = self._live
        if live.view is not None:
            try:
                return live.renderer.render(live.view, live.clock.now_ms())
            except ScreenError as error:
                live.complain(f"screen {live.view.screen}", error)
        surface = pygame.Surface(live.renderer.size, 0, 32)
        surface.fill(DARK)
        return surface

    def _snapshot(self, entries_after: int, messages_after: int) -> dict[str, Any]:
        live = self._live
        terminal = live.terminal
        standing = terminal.standing.as_data() if terminal else {}
        view = live.view
        return {
            "picture": live.pictures,
            "serial": view.serial if view else 0,
            "screen": ("more_time" if view.asking_more_time else view.screen) if view else "",
            "locale": view.locale if view else "",
            "moving": self._moves(view),
            "powered": live.powered,
            "broken": live.broken,
            "halted": (terminal.kernel.halted or "") if terminal else "",
            "where": terminal.kernel.where() if terminal else "",
            "host": {
                "online": terminal.standing.host_online if terminal else False,
                "key": terminal.standing.pin_key_loaded if terminal else False,
                "waiting": terminal.standing.advices_waiting if terminal else 0,
                "armed": live.bank.personality.armed() if live.bank else [],
                "down": live.bank is not None and not live.bank.personality.link_up,
            },
            "devices": {
                name: _device(place, standing.get(name, {"health": "unknown"})) for name, place in live.places.items()
            },
            "cash": _cash(terminal.kernel) if terminal else [],
            "entries": [
                {"seq": e.seq, "at": e.at, "kind": e.kind, "data": e.data}
                for e in _behind(live.entries, lambda e: e.seq > entries_after)
            ],
            "messages": [plain(m) for m in _behind(live.messages, lambda m: m.number > messages_after)],
        }

    def _moves(self, view: View | None) -> bool:
        if view is None:
            return False
        try:
            return any(node.kind in MOVING for node in self._live.renderer.scene(view).nodes)
        except ScreenError:
            return False

    # ------------------------------------------------------------ hands

    def touch(self, x: int, y: int, serial: int = 0) -> str:
        def job() -> str:
            view = self._live.view
            if view is None or serial not in (0, view.serial):
                return ""
            made = self._live.renderer.hit(view, x, y)
            if made is None:
                return ""
            self._live.touch(made)
            return made.event

        return self._call(job)

    def speak(self, locale: str) -> None:
        if locale not in LANGUAGES:
            raise Refused(f"language {locale!r}: one of {', '.join(LANGUAGES)}")

        def job() -> None:
            if self._live.view is not None:
                self._live.touch(Input("chose_language", locale, self._live.view.serial))

        self._call(job)

    def insert_card(self, label: str, *, wrong_way: bool = False) -> None:
        wallet = self._cards.get(label)
        if wallet is None:
            raise Refused(f"no card {label!r}; there are: {', '.join(self._cards) or 'none without the demo bank'}")
        act = "insert_wrong_way" if wrong_way else "insert_card"
        self._call(lambda: self._live.places["card_reader"].act(act, {"track2": wallet.track2}))

    def act(self, device: str, name: str, arguments: Mapping[str, object]) -> None:
        place = self._place(device)
        if name not in place.acts:
            raise Refused(f"{device}: nobody can {name!r} here; one can: {', '.join(place.acts) or 'nothing'}")
        given = _read(arguments)
        self._call(lambda: place.act(name, given))

    # ------------------------------------------------------------ faults, cables, power

    def strike(self, device: str, name: str, arguments: Mapping[str, object]) -> None:
        given = _read(arguments)
        if device == "host":
            self._call(lambda: self._strike_host(name, given))
            return
        place = self._place(device)
        if name.startswith(LINE_PREFIX):
            wanted = {"effect": name.removeprefix(LINE_PREFIX), "direction": "to_device"} | given
            if isinstance(at := wanted.get("at"), str):
                wanted["at"] = int(at) if at.lstrip("-").isdigit() else 0
            self._call(lambda: place.strike_line(WireFault.from_mapping(wanted)))
        else:
            self._call(lambda: place.strike(name, given))

    def _strike_host(self, name: str, given: Mapping[str, Any]) -> None:
        if self._live.bank is None:
            raise ValueError("the host is not ours: only the embedded bank fails on purpose")
        self._live.bank.personality.strike(name, **given)

    def heal(self, device: str) -> None:
        def job() -> None:
            for name, place in self._live.places.items():
                if device in (name, "all"):
                    place.heal()
            if device in ("host", "all") and self._live.bank is not None:
                self._live.bank.personality.heal()

        if device not in ("host", "all"):
            self._place(device)
        self._call(job)

    def plug(self, device: str, plugged: bool) -> None:
        place = self._place(device)
        self._call(lambda: place.plug(plugged))

    def cut_power(self, for_ms: int) -> None:
        if not 0 < for_ms <= POWER_CUT_MAX_MS:
            raise Refused(f"a power cut lasts 1 to {POWER_CUT_MAX_MS} ms, not {for_ms}")
        self._call(lambda: self._live.cut_power(for_ms))

    # ------------------------------------------------------------ inside

    def _place(self, device: str) -> Place:
        place = self._live.places.get(device)
        if place is None:
            raise Refused(f"no device {device!r}; there are: {', '.join(self._live.places)}")
        return place

    def _call(self, job: Callable[[], T]) -> T:
        try:
            return self._live.call(job)
        except Gone as error:
            raise BenchGone(str(error)) from None
        except (ValueError, TypeError, LookupError) as error:  # TypeError: an argument that the act does not take
            raise Refused(str(error)) from None


# ---------------------------------------------------------------- what is there


def _layout(live: Live) -> Layout:
    site = live.config.site
    words = words_of("en")
    cards: tuple[DemoCard, ...] = ()
    if live.bank is not None:
        holders = {str(a["number"]): str(a["holder"]) for a in live.config.bank["accounts"]}
        cards = tuple(
            DemoCard(
                str(c["label"]), CARD_NOTES.get(str(c["label"]), ""), holders.get(str(c["account"]), ""),
                str(c["pan"])[-4:], str(c["pin"]),
            )
            for c in live.config.bank["cards"]
        )  # fmt: skip
    return Layout(
        terminal=site.terminal_id,
        bank=site.bank_name.get("en") or next(iter(site.bank_name.values())),
        location=site.location,
        size=live.renderer.size,
        languages=tuple((locale, LANGUAGES[locale][1]) for locale in site.languages if locale in LANGUAGES),
        notes=tuple(Note(u.id, u.value_minor, words.money(site.money(u.value_minor))) for u in site.cash.units),
        devices=tuple(_panel(live, name, place) for name, place in live.places.items()),
        host_faults=tuple(
            Tool(
                f.name, f.does, {**{k: f"default {v}" for k, v in f.arguments.items()}, **HOST_ARGUMENTS}, f.edge_cases
            )
            for f in HOST_FAULTS.values()
        )
        if live.bank is not None
        else (),
        cards=cards,
        codes=_codes(live) if live.bank is not None else (),
    )


def _codes(live: Live) -> tuple[str, ...]:
    """Return what the codes on the bills of the simulated partners say."""
    partners = live.config.partners["simulated"].items()
    return tuple(f"{code}/{bill['number']}" for code, partner in partners for bill in partner.get("bills", ()))


def _panel(live: Live, name: str, place: Place) -> DevicePanel:
    faults = [Tool(f.name, f.does, f.arguments, f.edge_cases) for f in place.faults.values()]
    if place.line_faults:
        faults += [Tool(LINE_PREFIX + effect, does, LINE_ARGUMENTS) for effect, does in LINE_FAULTS.items()]
    acts = tuple(Tool(a.name, a.does, a.arguments) for a in place.acts.values())
    return DevicePanel(name, live.config.devices.of(name).family, place.kind, place.path, acts, tuple(faults))


def _device(place: Place, standing: Mapping[str, Any]) -> dict[str, Any]:
    state = dict(place.state())
    documents = state.pop("documents", None)
    if isinstance(documents, list):
        newest = documents[-1] if documents else None
        state["document"] = {"where": newest["where"], "lines": len(newest["lines"])} if newest else None
        state["printed"] = len(documents)
    return {**standing, "plugged": place.plugged, "sim": state}


def _newest(state: Mapping[str, Any]) -> Mapping[str, Any] | None:
    documents = state.get("documents") or ()
    return documents[-1] if documents else None


def _cash(kernel: Kernel) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = plain(kernel.cash.as_data())
    return rows


def _behind(rows: Iterable[T], wanted: Callable[[T], bool]) -> list[T]:
    found = [row for row in rows if wanted(row)]
    return list(islice(found, max(0, len(found) - ROWS_MAX), None))


def _read(arguments: Mapping[str, object]) -> dict[str, Any]:
    """Return what a form sent as the simulators take it: numbers as numbers, empty fields left out."""
    given: dict[str, Any] = {}
    for name, value in arguments.items():
        if value is None or value == "":
            continue
        if name in NUMBERS and not isinstance(value, int):
            try:
                given[name] = int(str(value))
            except ValueError:
                raise Refused(f"{name} is a number, not {value!r}") from None
        elif name in TRUTHS:
            given[name] = value in (True, "true", "yes", "1")
        else:
            given[name] = str(value)
    return given


PAPER_WIDE = 600  # pixels: a printed line of 48 characters fits


def _line(text: str, align: Align, bold: bool, scale: int) -> Text | Columns | Rule:
    """Return a printed line; what the printer set left and right with blanks between is two columns again."""
    if text and set(text) == {"-"}:
        return Rule()
    left, gap, right = text.strip().rpartition("  ")
    if gap and align is Align.LEFT and scale == 1:
        return Columns(left.strip(), right.strip(), bold)
    if align is Align.LEFT and text.startswith("    ") and scale == 1:
        return Columns("", text.strip(), bold)
    return Text(text, align, bold, scale)


def document_of(elements: Iterable[Mapping[str, Any]]) -> Document:
    """Return what a simulated printer put on paper as a document that `paper` draws."""
    document: list[Text | Columns | Rule | Feed | QrCode] = []
    for element in elements:
        match element["kind"]:
            case "text":
                scale = min(2, max(1, int(element.get("scale", 1))))
                document.append(_line(element["text"], Align(element["align"]), bool(element.get("bold")), scale))
            case "feed":
                document.append(Feed(int(element["lines"])))
            case "qr":
                document.append(QrCode(str(element["content"])))
            case kind:
                document.append(Text(f"[{kind}]", Align.CENTER))
    return tuple(document)
