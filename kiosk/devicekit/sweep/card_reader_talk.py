"""Speaking to a card reader over its link alone: one command, one answer, and what the answer has to be."""

from __future__ import annotations

from typing import Any

from drivers.base.errors import RemoteProtocolError
from drivers.base.vocabulary import Repeat
from drivers.card_reader.commands import COMMANDS, ERRORS, CommandSpec
from drivers.card_reader.link import Answer, Ask, Link
from drivers.card_reader.orders import NOT_ORDERED, decode, encode
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Steps
from kiosk.devicekit.coverage import NEW_DEVICE
from kiosk.devicekit.sweep.base import Speaker

_PERSON_MS = 10_000


class Heard:
    """What the rounds of a sweep heard: commands answered well, errors, and answers that were others than due."""

    def __init__(self) -> None:
        self.well: set[str] = set()
        self.errors: set[str] = set()
        self.wrong: list[str] = []

    def findings(self) -> list[str]:
        """Return what is wrong, and what was left out."""
        never = [f"{c} {spec.name}: was never answered well" for c, spec in COMMANDS.items() if c not in self.well]
        absent = [f"{c} {error.text}: no state leads to it" for c, error in ERRORS.items() if c not in self.errors]
        return [*self.wrong, *never, *absent]


class Talk:
    """Takes the bench's line for itself."""

    def __init__(self, bench: Bench, heard: Heard) -> None:
        self.bench, self.heard = bench, heard
        link = Link(bench.clock, 5_020)

        def take_out() -> bytes:
            out, link.out = link.out, b""
            return out

        self._link = link
        self._speaker = Speaker(link.receive, link.tick, take_out, lambda: link.deadline_ms)
        bench.party = self._speaker

    def ask(self, code: str, error: str = "", params: bytes | None = None, **values: Any) -> Steps[Answer | None]:
        """Say a command with its `values`, or with bare `params`; `error` is what has to come, "" for a good one."""
        return (yield from self._ask(code, error, params, values, None))

    def ask_while(self, code: str, hand: str, error: str = "", card: object = None, **values: Any) -> Steps[None]:
        """Say a command, and let hands do something while the reader waits."""
        yield from self._ask(code, error, None, values, (hand, {} if card is None else {"card": card}))

    def _ask(
        self,
        code: str,
        error: str,
        params: bytes | None,
        values: dict[str, object],
        hand: tuple[str, dict[str, object]] | None,
    ) -> Steps[Answer | None]:
        spec = COMMANDS.get(code) or CommandSpec(code, "no command", "", 1_000, Repeat.SAFE)
        said = encode(code, values) if params is None else params
        if error:
            self.bench.note(f"said: {code} {spec.name}")
        before = len(self._speaker.replies)
        self._link.start(Ask(spec, said, _PERSON_MS))
        if hand is not None:
            yield from self.bench.pause(500)
            self.bench.hand(hand[0], "", **hand[1])
        yield from self.bench.until(lambda: len(self._speaker.replies) > before, 400_000)
        reply = self._speaker.replies[-1] if len(self._speaker.replies) > before else None
        yield from self.bench.pause(50)
        self.bench.entries.append(NEW_DEVICE)  # what was done so far does not explain what the next command meets
        return self._judged(code, error, reply)

    def _judged(self, code: str, error: str, reply: object) -> Answer | None:
        if not isinstance(reply, Answer):
            self.heard.wrong.append(f"C{code}: {reply}")
            return None
        (self.heard.well if reply.good else self.heard.errors).add(code if reply.good else reply.code)
        if reply.good is bool(error) or (error and reply.code != error):
            told = f"{'P' if reply.good else 'N'}{code}{reply.code}"
            self.heard.wrong.append(f"C{code}: {told} where {'N' + code + error if error else 'P' + code} is due")
        elif reply.good and code not in NOT_ORDERED:
            try:
                decode(code, reply.data)
            except RemoteProtocolError as reason:
                self.heard.wrong.append(f"C{code}: {reason}")
        return reply
