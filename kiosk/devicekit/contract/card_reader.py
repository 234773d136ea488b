"""The contract of a card reader (XFS4IoT CardReader): cards come in, are read, go back, or are kept."""

from __future__ import annotations

from typing import Final

from drivers.base.vocabulary import (
    AcceptCard,
    CardInserted,
    CardTaken,
    DenyCard,
    DeviceLost,
    EjectCard,
    Health,
    HealthChanged,
    Outcome,
    Reset,
    RetainCard,
)
from kiosk.devicekit.bench import Bench
from kiosk.devicekit.check import Need, Steps, expect
from kiosk.devicekit.contract.common import make_suite

TEST_TRACK: Final = "4761739001010010=27122011000012345678"  # a published test card, no real account
TEST_PAN: Final = TEST_TRACK.partition("=")[0]
READ_WITHIN_MS: Final = 15_000

SUITE: Final = make_suite(lambda ticket: DenyCard(ticket=ticket))


def insert(
    bench: Bench, *, prompt: str = "Insert a test card, stripe down and to the right.", **made_of: object
) -> Steps[CardInserted]:
    """Open the gate, put a card in, and wait for what was read."""
    result = yield from bench.do(AcceptCard(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE, "the gate did not open: {}", result)
    first = bench.mark
    bench.hand("insert_card", prompt, **{"track2": TEST_TRACK, **made_of})
    return (yield from bench.happens(CardInserted, first, bench.patience_ms + READ_WITHIN_MS))


def give_back(bench: Bench) -> Steps[None]:
    """Eject the card and let it be taken."""
    result = yield from bench.do(EjectCard(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE, "the card did not come out: {}", result)
    first = bench.mark
    bench.hand("take_card", "Take the card.")
    yield from bench.happens(CardTaken, first)


@SUITE.check("The gate opens and closes; neither says more than that.")
def gate_opens_and_closes(bench: Bench) -> Steps[None]:
    for command in (AcceptCard(ticket=bench.ticket()), DenyCard(ticket=bench.ticket())):
        result = yield from bench.do(command)
        expect(result.outcome is Outcome.DONE, "{}: {}", command.verb, result)
    expect(not bench.seen(CardInserted), "a card was reported though none was there")


@SUITE.check("A card is drawn in, read once, given back and taken.", Need.HANDS)
def reads_and_returns_a_card(bench: Bench) -> Steps[None]:
    inserted = yield from insert(bench)
    expect(inserted.track2 is not None, "track 2 was not read: {} {}", inserted.error, inserted.detail)
    expect(len(bench.seen(CardInserted)) == 1, "the card was reported {} times", len(bench.seen(CardInserted)))
    yield from give_back(bench)
    yield from bench.pause(2_000)
    expect(len(bench.seen(CardTaken)) == 1, "taken was reported {} times", len(bench.seen(CardTaken)))


@SUITE.check("What was read is what is on the card, and no report prints the number.", Need.HANDS, Need.FAULTS)
def tells_the_number_to_nobody(bench: Bench) -> Steps[None]:
    inserted = yield from insert(bench)
    expect(inserted.track2 is not None and inserted.track2.pan.last_four == TEST_PAN[-4:], "another number was read")
    told = " ".join([repr(bench.reports), *(f"{entry.name} {entry.hex}" for entry in bench.entries)])
    expect(TEST_PAN not in told, "the number stands in a report or in the trace")
    expect(TEST_PAN.encode().hex(" ") not in told, "the number stands in the trace as hex")
    yield from give_back(bench)


@SUITE.check("Ejecting without a card is refused: noMedia.")
def refuses_to_eject_nothing(bench: Bench) -> Steps[None]:
    result = yield from bench.do(EjectCard(ticket=bench.ticket()))
    expect((result.outcome, result.error) == (Outcome.REFUSED, "noMedia"), "{}", result)


@SUITE.check("Capturing without a card is refused, and the counter stays.")
def refuses_to_retain_nothing(bench: Bench) -> Steps[None]:
    result = yield from bench.do(RetainCard(ticket=bench.ticket()))
    expect((result.outcome, result.error) == (Outcome.REFUSED, "noMedia"), "{}", result)


@SUITE.check("A closed gate keeps a card out.", Need.HANDS, Need.FAULTS)
def keeps_cards_out(bench: Bench) -> Steps[None]:
    yield from bench.do(DenyCard(ticket=bench.ticket()))
    try:
        bench.hand("insert_card", "Try to insert a card.", track2=TEST_TRACK)
    except ValueError:
        yield from bench.pause(3_000)
        expect(not bench.seen(CardInserted), "a card was reported behind a closed gate")
        return
    expect(False, "the card went in through a closed gate")


@SUITE.check("A card whose stripe cannot be read is told as such, and comes back.", Need.FAULTS)
def tells_an_unreadable_card(bench: Bench) -> Steps[None]:
    bench.strike("read_error", code="42")
    inserted = yield from insert(bench)
    expect(inserted.track2 is None and inserted.error is not None, "an unreadable card was read: {}", inserted)
    yield from give_back(bench)


@SUITE.check("A card that is too short is not read, goes back, and the reader serves on.", Need.FAULTS)
def returns_a_short_card(bench: Bench) -> Steps[None]:
    inserted = yield from insert(bench, length="short")
    expect(inserted.error == "cardTooShort", "told {}", inserted)
    yield from give_back(bench)
    again = yield from insert(bench)
    expect(again.track2 is not None, "the next card was not read: {}", again)
    yield from give_back(bench)


@SUITE.check("A card that is inside is captured, and the counter goes up by one.", Need.HANDS, Need.VALUE)
def retains_a_card(bench: Bench) -> Steps[None]:
    yield from bench.agree("This captures the test card into the reader's bin. Go on?")
    first = yield from bench.do(RetainCard(ticket=bench.ticket()))
    yield from insert(bench)
    result = yield from bench.do(RetainCard(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE, "{}", result)
    before, after = first.retained_total, result.retained_total
    if before is not None and after is not None:
        expect(after == (before + 1) % 1_000, "the counter went from {} to {}", before, after)
    if bench.hands is not None:
        expect(len(bench.hands.state()["bin"]) == 1, "the bin holds {}", bench.hands.state()["bin"])


@SUITE.check("A card left at the exit is captured.", Need.HANDS, Need.VALUE)
def retains_a_forgotten_card(bench: Bench) -> Steps[None]:
    yield from bench.agree("This captures the test card from the exit. Insert it, then do not take it. Go on?")
    yield from insert(bench)
    yield from bench.do(EjectCard(ticket=bench.ticket()))
    yield from bench.pause(2_000)
    result = yield from bench.do(RetainCard(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE, "{}", result)


@SUITE.check("A card that the customer took in time is not captured: mediaTaken.", Need.HANDS)
def sees_a_faster_customer(bench: Bench) -> Steps[None]:
    yield from insert(bench)
    yield from bench.do(EjectCard(ticket=bench.ticket()))
    first = bench.mark
    bench.hand("take_card", "Take the card now.")
    if not bench.simulated:
        yield from bench.happens(CardTaken, first)
    result = yield from bench.do(RetainCard(ticket=bench.ticket()))
    expect(result.outcome is Outcome.REFUSED, "{}", result)
    expect(result.error in ("mediaTaken", "noMedia"), "refused with {}", result.error)
    yield from bench.pause(2_000)
    expect(len(bench.seen(CardTaken)) == 1, "taken was reported {} times", len(bench.seen(CardTaken)))


@SUITE.check("A reset gives the card back, keeps it or captures it, as it is told.", Need.HANDS, Need.FAULTS)
def resets_as_told(bench: Bench) -> Steps[None]:
    yield from insert(bench)
    held = yield from bench.do(Reset(ticket=bench.ticket(), media="hold"))
    expect(held.outcome is Outcome.DONE and held.card_inside is True, "hold: {}", held)
    out = yield from bench.do(Reset(ticket=bench.ticket(), media="exit"))
    expect(out.outcome is Outcome.DONE and out.card_inside is False, "exit: {}", out)
    first = bench.mark
    bench.hand("take_card", "Take the card.")
    yield from bench.happens(CardTaken, first)
    yield from insert(bench)
    kept = yield from bench.do(Reset(ticket=bench.ticket(), media="retain"))
    expect(kept.outcome is Outcome.DONE and kept.retained, "retain: {}", kept)


@SUITE.check("A jam at the exit is refused as mediaJam, stops the reader, and a reset clears it.", Need.FAULTS)
def stops_at_a_jam(bench: Bench) -> Steps[None]:
    yield from insert(bench)
    bench.strike("jam", at="eject")
    result = yield from bench.do(EjectCard(ticket=bench.ticket()))
    expect((result.outcome, result.error) == (Outcome.REFUSED, "mediaJam"), "{}", result)
    expect(bench.driver.health is Health.STOP, "the health is {}", bench.driver.health)
    result = yield from bench.do(Reset(ticket=bench.ticket(), media="exit"))
    expect(result.outcome is Outcome.DONE, "reset: {}", result)
    expect(bench.driver.health is Health.OK, "after the reset the health is {}", bench.driver.health)


@SUITE.check("A card that sticks on its way to the bin is in doubt, and said to be.", Need.FAULTS)
def is_unsure_of_a_card_in_the_rear(bench: Bench) -> Steps[None]:
    yield from insert(bench)
    bench.strike("capture_fails")
    result = yield from bench.do(RetainCard(ticket=bench.ticket()))
    expect(result.outcome is Outcome.UNKNOWN, "{}", result)
    changed = bench.seen(HealthChanged)
    expect(bool(changed) and changed[-1].health is Health.STOP, "no health change to stop")


@SUITE.check("A lost answer to a capture does not capture twice, and the counter tells.", Need.FAULTS, Need.MEMORY)
def captures_once(bench: Bench) -> Steps[None]:
    yield from insert(bench)
    before = (yield from bench.do(DenyCard(ticket=bench.ticket()))).outcome
    expect(before is Outcome.DONE, "deny: {}", before)
    yield from bench.pause(1_000)
    bench.damage("from_device", "drop", skip=3, count=1)
    result = yield from bench.do(RetainCard(ticket=bench.ticket()))
    expect(result.outcome is Outcome.DONE, "{}", result)
    expect(len(bench.sim.state()["bin"]) == 1, "the bin holds {}", bench.sim.state()["bin"])


@SUITE.check("A reader that restarts by itself in mid-motion is lost, and its card is found again.", Need.FAULTS)
def finds_the_card_after_a_power_drop(bench: Bench) -> Steps[None]:
    yield from insert(bench)
    bench.strike("power_drop")
    result = yield from bench.do(EjectCard(ticket=bench.ticket()))
    expect(result.outcome in (Outcome.UNKNOWN, Outcome.REFUSED), "{}", result)
    if not bench.seen(DeviceLost):
        yield from bench.happens(DeviceLost, 0)
    yield from bench.start()
    yield from bench.pause(1_000)
    yield from give_back(bench)
