"""Between the terminal's words (`kiosk.ports`) and messages: one function each way, no state.

An advice is built from its journalled value and the settings alone, so that a repeat after a restart differs
from the first sending in nothing but its message type and MAC.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from kiosk.host.message import (
    Message,
    MessageError,
    OriginalData,
    counts_text,
    parse_additional_amounts,
    parse_private,
    private,
    replacement,
)
from kiosk.host.settings import HostSettings
from kiosk.host.spec import response
from kiosk.money import CURRENCIES, Money
from kiosk.ports import Advice, AdviceKind, HostAnswered, HostRequest, Original

UNATTENDED: Final = "02"
FORMAT_0_MASTER_SESSION: Final = "0001"  # F53: PIN format 00, key scheme 01
PRIVATE_TEXT_MAX: Final = 300
_ALPHABETIC: Final = {numeric: name for name, (numeric, _) in CURRENCIES.items()}
_MTI: Final = {AdviceKind.COMPLETION: "0220", AdviceKind.REVERSAL: "0420", AdviceKind.EVENT: "0620"}


def local_times(sent_at: str, settings: HostSettings) -> tuple[str, str]:
    """Return F12 and F13 (local hhmmss, MMDD) of an F7 (UTC MMDDhhmmss).

    The year is not in F7; 2000 is a leap year, so every day exists in it.
    """
    month, day, hour, minute, second = (int(sent_at[at : at + 2]) for at in range(0, 10, 2))
    utc = datetime(2000, month, day, hour, minute, second)
    local = utc + timedelta(minutes=settings.utc_offset_minutes)
    return local.strftime("%H%M%S"), local.strftime("%m%d")


def _common(settings: HostSettings, operation: str, amount: Money, stan: int, sent_at: str) -> dict[int, str]:
    if operation not in settings.processing_codes:
        known = ", ".join(sorted(settings.processing_codes))
        raise MessageError(f"operation {operation!r} has no processing code; known: {known}")
    if amount.minor < 0:
        raise MessageError(f"amount {amount} is negative")
    time, date = local_times(sent_at, settings)
    return {
        3: settings.processing_codes[operation],
        4: f"{amount.minor:012d}",
        7: sent_at,
        11: f"{stan:06d}",
        12: time,
        13: date,
        18: settings.merchant_category,
        25: UNATTENDED,
        32: settings.acquirer,
        41: settings.terminal,
        42: settings.acceptor,
        49: CURRENCIES[amount.currency][0],
    }


def request_message(request: HostRequest, settings: HostSettings, pin_key_index: int) -> Message:
    """Return the 0200 of `request`. Raises MessageError."""
    fields = _common(settings, request.operation, request.amount, request.stan, request.sent_at)
    fields |= {22: request.entry_mode, 37: request.rrn, 43: f"{settings.location:<40}"}
    tags = dict(request.private)
    if request.track2 is not None:
        fields[35] = request.track2.reveal()
    if request.mix:
        tags["RQ"] = counts_text({str(denomination): notes for denomination, notes in request.mix.items()})
    if request.pin_block is not None:
        fields[52] = request.pin_block.reveal().upper()
        fields[53] = f"{FORMAT_0_MASTER_SESSION}{pin_key_index:02d}{0:010d}"
    if request.fee:
        fields[28] = f"D{request.fee.minor:08d}"
    if request.from_account:
        fields[102] = request.from_account
    if request.to_account:
        fields[103] = request.to_account
    if request.new_pin_block is not None:
        tags["NP"] = request.new_pin_block.reveal().upper()
    if tags:
        fields[48] = private(tags)
    return Message("0200", fields)


def _original(original: Original | None, settings: HostSettings) -> tuple[dict[int, str], Original]:
    if original is None:
        raise MessageError("a completion or reversal names its original: give `original`")
    data = OriginalData("0200", f"{original.stan:06d}", original.sent_at, settings.acquirer)
    fields = {37: original.rrn, 90: data.encode()}
    if original.business_date:
        fields[15] = original.business_date
    if original.approval:
        fields[38] = original.approval
    return fields, original


def advice_message(advice: Advice, settings: HostSettings) -> Message:
    """Return the first sending of `advice` (0220, 0420, 0620). Raises MessageError.

    A completion of which something else than the original amount stands carries that in F95 (private use of
    the field), as a partial reversal does. A reversal of which everything stands is not a reversal.
    """
    tags = dict(advice.tags)
    if advice.units:
        tags["DN"] = counts_text(advice.units)
    if advice.rejected:
        tags["RT"] = counts_text(advice.rejected)
    if advice.accepted:
        tags["DP"] = counts_text(advice.accepted)
    if advice.owed_minor:
        tags["OW"] = f"{advice.owed_minor}|{advice.owed_to}"
    if advice.suspect:
        tags["SU"] = "1"
    if advice.text:
        tags["TX"] = advice.text.encode("ascii", "replace").decode("ascii")[:PRIVATE_TEXT_MAX]
    if advice.kind is AdviceKind.EVENT:
        return _event(advice, settings, tags)

    if advice.amount is None:
        raise MessageError("a completion or reversal names the original amount: give `amount`")
    fields = _common(settings, advice.operation, advice.amount, advice.stan, advice.sent_at)
    fields[22] = settings.advice_entry_mode
    named, original = _original(advice.original, settings)
    fields |= named
    stands = advice.amount if advice.stands is None else advice.stands
    if advice.kind is AdviceKind.COMPLETION:
        fields[39] = "00"
        fields[38] = original.approval or "000000"
        if stands != advice.amount:
            fields[95] = replacement(stands.minor)
    else:
        if advice.reason is None:
            raise MessageError("a reversal says why: give `reason`")
        code = settings.reversal_codes[advice.reason.value]
        fields[39] = code.response
        tags["RR"] = code.reason
        if advice.stands is not None and advice.stands:
            if advice.stands == advice.amount:
                raise MessageError("a reversal of which everything stands is a completion: advise that")
            fields[95] = replacement(advice.stands.minor)
    fields[48] = private(tags) if tags else private({"VS": "1"})
    return Message(_MTI[advice.kind], fields)


def _event(advice: Advice, settings: HostSettings, tags: dict[str, str]) -> Message:
    time, date = local_times(advice.sent_at, settings)
    fields = {
        7: advice.sent_at,
        11: f"{advice.stan:06d}",
        12: time,
        13: date,
        41: settings.terminal,
        42: settings.acceptor,
        48: private(tags or {"TX": ""}),
    }
    if advice.original is not None:
        fields[37] = advice.original.rrn
    return Message("0620", fields)


def answered(ticket: str, message: Message) -> HostAnswered:
    """Return what a validated 0210 says. Raises MessageError for composite fields that do not parse."""
    currency = _ALPHABETIC.get(message.get(49), "")
    balances: dict[str, Money] = {}
    for group in parse_additional_amounts(message.get(54)):
        if group.currency in _ALPHABETIC:
            balances.setdefault(group.type, Money(group.minor, _ALPHABETIC[group.currency]))
    tries = message.get(44).strip()
    extra = parse_private(message.get(48))
    if message.get(125):
        extra["125"] = message.get(125)
    return HostAnswered(
        ticket=ticket,
        code=message.fields[39],
        amount=Money(int(message.get(4)), currency) if currency and message.get(4) else None,
        approval=message.get(38),
        business_date=message.get(15),
        available=balances.get("02"),
        ledger=balances.get("01"),
        tries_left=int(tries) if tries.isascii() and tries.isdigit() else None,
        text=response(message.fields[39]).word,
        extra=extra,
    )
