"""What is judged after a rehearsal: the money, always; and what the scenario expects.

The truth is taken from the far ends, never from the terminal: what the simulated dispenser let out, and what the bank's
ledger posted. A difference is an error unless it was *declared*: the terminal or the bank says, by reference, that here
is something to be found out (a suspect case, an over-dispense, a cash difference, an advice that the host refused and
that is parked for the operator). A declared difference must not be
larger than what was declared. What moves without notes is judged in `orders.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kiosk.cash import Place
from kiosk.journal.journal import JournalDamaged
from kiosk.rehearsal.orders import order_errors, parked, settled_minor

if TYPE_CHECKING:
    from kiosk.journal.record import Entry
    from kiosk.rehearsal.world import World


def money_errors(world: World) -> list[str]:
    """Return every way in which money is not where it should be; empty if all is well."""
    errors = [f"bank: {violation}" for violation in world.bank.verify()]
    site = world.config.site
    out = world.notes_out()
    out_minor = site.worth(out).minor
    balance = world.bank.balance(world.wallet.account)
    assert balance is not None
    charged = world.opening_minor - balance.ledger_minor
    refused = parked(world)
    declared_items = {item.rrn for item in world.bank.exceptions()} | refused
    parked_minor = sum(
        e.data["amount_minor"] for e in world.entries if e.kind == "case_opened" and e.data["rrn"] in refused
    )
    suspect_minor = sum(
        e.data.get("owed_minor", e.data["stands_minor"] - e.data["paid_minor"])
        for e in world.entries
        if e.kind == "case_closed" and e.data["suspect"]
    )
    over_minor = sum(site.worth(dict(e.data["notes"])).minor for e in world.entries if e.kind == "over_dispensed")
    unvalued = any(e.kind == "case_closed" and e.data.get("unvalued") for e in world.entries)
    over_minor += sum(-e.data["owed_minor"] for e in world.entries if e.kind == "case_closed" and _overpaid(e.data))
    charged += world.notes_in_minor()  # notes that went in are credited, or paid out again in others
    charged -= sum(
        e.data["value_minor"] for e in world.entries if e.kind == "note_withheld" and not e.data["credited"]
    )  # kept as no money: owed to nobody
    charged -= settled_minor(world)  # what went without notes is judged order by order
    difference = charged - out_minor
    if difference > 0 and difference > suspect_minor + parked_minor and not unvalued:
        errors.append(f"customer charged {charged} for {out_minor} in notes, {suspect_minor} of it declared suspect")
    if difference < 0 and not (-difference <= over_minor + parked_minor or suspect_minor or world.bank.exceptions()):
        errors.append(f"bank paid {out_minor} and charged {charged}, {over_minor} of it declared over-dispensed")
    for entry in world.entries:
        if entry.kind == "case_closed" and entry.data["suspect"] and entry.data["case"] not in declared_items:
            errors.append(f"case {entry.data['case']} is suspect at the terminal and unknown to the bank's register")
    if balance.held_minor and not declared_items:
        errors.append(f"{balance.held_minor} still held on the account, with no case open at the bank")
    errors += order_errors(world)
    errors += _cash_errors(world, out)
    errors += _accepted_errors(world) + _withheld_errors(world)
    try:
        world.verify_journal()
    except JournalDamaged as error:
        errors.append(f"journal: {error}")
    return errors


def _overpaid(closed: Mapping[str, Any]) -> bool:
    return bool(closed.get("owed_minor", 0) < 0)


def _withheld_errors(world: World) -> list[str]:
    """Return every kept note that the bank was not told of as the journal has it, and every one that was paid for."""
    records = [e.data for e in world.entries if e.kind == "note_withheld"]
    ours = sorted((r["case"], r["value_minor"], r["classification"], r["credited"]) for r in records)
    theirs = sorted((n.rrn, n.value_minor, n.classification, n.credited) for n in world.bank.withheld_notes())
    errors = [] if ours == theirs else [f"notes withheld: {ours} by the journal, {theirs} at the bank"]
    really, written = world.notes_withheld(), Counter((r["classification"], r["value_minor"]) for r in records)
    claims = any(e.kind == "case_closed" and (e.data["suspect"] or e.data.get("unvalued")) for e in world.entries)
    if really != dict(written) and not claims:
        errors.append(f"notes withheld: {dict(written)} by the journal, really {really}")
    return errors


def _accepted_errors(world: World) -> list[str]:
    """Compare the cash book with the simulated acceptor, value by value."""
    if world.terminal is None or world.terminal.kernel.halted or "note_acceptor" not in world.sims:
        return []
    book, places = world.terminal.kernel.cash, world.acceptor_places()
    errors = []
    unknown = book.by_unit(Place.UNKNOWN)
    for place, names in ((Place.VAULT, ("cashbox", "store")), (Place.ESCROW, ())):
        values = {value for name in names for value in places[name]} | {
            int(unit[2:]) for unit in book.by_unit(place) if unit.startswith("in")
        }
        if place is Place.VAULT:
            values |= {int(unit[2:]) for unit in book.by_unit(Place.WITHHELD)}
        for value in sorted(values):
            booked = book.count(place, f"in{value}")
            if place is Place.VAULT:
                booked += book.count(Place.WITHHELD, f"in{value}")
            real = sum(places[name].get(value, 0) for name in names)
            if abs(booked - real) > unknown.get(f"in{value}", 0):
                errors.append(f"cash book: {booked} notes of {value} at {place.value}, really {real}")
    return errors


def _cash_errors(world: World, out: Mapping[str, int]) -> list[str]:
    """Compare the terminal's cash book with the simulated cassettes, unit by unit."""
    if world.terminal is None or world.terminal.kernel.halted:
        return []
    book, state = world.terminal.kernel.cash, world.dispenser_state()
    unknown = book.by_unit(Place.UNKNOWN)
    declared: dict[str, int] = dict(unknown)
    over: dict[str, int] = {}
    for entry in world.entries:
        if entry.kind == "cash_difference":
            declared[entry.data["unit"]] = declared.get(entry.data["unit"], 0) + entry.data["extra"]
        if entry.kind == "over_dispensed":
            for unit, n in entry.data["notes"].items():
                declared[unit] = declared.get(unit, 0) + n
                over[unit] = over.get(unit, 0) + n
    for unit, n in book.by_unit(Place.REJECT).items():
        # a double pick is one reject to the device and two notes in its tray
        declared[unit] = declared.get(unit, 0) + n
    rejected: Mapping[str, int] = state["reject"]
    in_path: dict[str, int] = {}
    for unit, *_ in state["path"]:
        in_path[unit] = in_path.get(unit, 0) + 1
    places: list[tuple[Place, Mapping[str, int]]] = [
        (Place.CASSETTE, state["units"]),
        (Place.CUSTOMER, out),
        (Place.REJECT, rejected),
        (Place.PATH, in_path),
    ]
    errors = []
    for place, truth in places:
        for unit in world.config.site.notes:
            booked, real = book.count(place, unit), truth.get(unit, 0)
            allowed = unknown.get(unit, 0) + over.get(unit, 0) if place is Place.CUSTOMER else declared.get(unit, 0)
            if place is Place.REJECT:
                allowed += unknown.get(unit, 0)  # two notes pulled as one are one unknown note to the device
            if abs(booked - real) > allowed:
                errors.append(f"cash book: {unit} has {booked} at {place.value}, really {real}")
    return errors


def unmet(world: World) -> list[str]:
    """Return what the scenario expects and did not get."""
    expect, found = world.scenario.expect, []
    site = world.config.site

    def check(name: str, wanted: Any, got: Any) -> None:
        if wanted != got:
            found.append(f"{name}: expected {wanted!r}, was {got!r}")

    if expect.ending:
        check("ending", expect.ending, world.ending())
    if expect.screens and not _in_order(expect.screens, world.screens):
        found.append(f"screens: expected {' > '.join(expect.screens)}, were {' > '.join(world.screens)}")
    for screen in expect.never:
        if screen in world.screens:
            found.append(f"screen {screen!r} was shown and never should be")
    if expect.customer_minor is not None:
        check("customer_minor", expect.customer_minor, site.worth(world.notes_out()).minor)
    if expect.charged_minor is not None:
        balance = world.bank.balance(world.wallet.account)
        check("charged_minor", expect.charged_minor, world.opening_minor - (balance.ledger_minor if balance else 0))
    if expect.vaulted_minor is not None:
        vault = world.acceptor_places()["cashbox"]
        check("vaulted_minor", expect.vaulted_minor, sum(value * n for value, n in vault.items()))
    if expect.returned_minor is not None:
        places = world.acceptor_places()
        back = sum(v * n for name in ("customer", "mouth") for v, n in places[name].items())
        check("returned_minor", expect.returned_minor, back)
    if expect.card:
        check("card", expect.card, world.card_place())
    if expect.suspect is not None:
        check("suspect", expect.suspect, any(e.kind == "case_closed" and e.data["suspect"] for e in world.entries))
    if expect.advices is not None:
        check("advices", expect.advices, list(_advices(world.entries)))
    if expect.dispensed_orders is not None:
        check("dispensed_orders", expect.dispensed_orders, sum(e.kind == "dispense_ordered" for e in world.entries))
    if expect.journal and not _in_order(expect.journal, [e.kind for e in world.entries]):
        found.append(f"journal: expected {' > '.join(expect.journal)} in this order")
    if expect.receipt:
        check("receipt", expect.receipt, world.receipt())
    if expect.reason:
        reasons = [str(v.values.get("reason", "")) for v in world.views]
        if expect.reason not in reasons:
            found.append(f"reason: expected {expect.reason!r} on a screen, were {sorted(set(reasons) - {''})}")
    last = world.screens[-1] if world.screens else ""
    check("out_of_service", expect.out_of_service, last == "out_of_service")
    return found


def violations(world: World) -> list[str]:
    """Return every violated norm that the scenario does not expect, and every expected one that was kept."""
    seen = [e.data for e in world.entries if e.kind == "violation"]
    expected = set(world.scenario.expect.violations)
    found = [f"violated by {v['by']}: {v['says']}" for v in seen if v["norm"] not in expected]
    kept = expected - {v["norm"] for v in seen}
    return found + [f"{norm}: the scenario expects it violated, and it was kept" for norm in sorted(kept)]


def _advices(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield the kinds of the advices about orders; what the terminal tells of its own state is not among them."""
    of_its_state = False
    for e in entries:
        if e.kind == "advice_queued" and not of_its_state:
            yield e.data["kind"]
        of_its_state = e.kind in ("fault_reported", "cassette_low")


def _in_order(wanted: list[str], got: list[str]) -> bool:
    rest = iter(got)
    return all(item in rest for item in wanted)
