"""The message set as tables: fields, message types, processing codes, response codes, reversal reasons.

ISO 8583:1987, ASCII: bitmaps and binary fields are upper-case hex, lengths are decimal digits. Legality lives
here (`FIELDS`, `MESSAGES`); codec, validation, terminal and bank only ask. Codes that differ between networks
are the defaults of `HostSettings` and may be replaced there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

MESSAGE_BYTES_MAX: Final = 4096  # the frame's limit, mutual agreement of both ends


@dataclass(frozen=True, slots=True)
class Field:
    """One data element: `length_digits` 0 means fixed `size`; otherwise `size` is the maximum."""

    number: int
    name: str
    pattern: re.Pattern[str]
    form: str
    length_digits: int
    size: int
    secret: bool = False


_CONTENT: Final = {
    "n": r"[0-9]",
    "an": r"[A-Za-z0-9 ]",
    "ans": r"[ -~]",
    "z": r"[0-9=D]",
    "b": r"[0-9A-F]",
    "x+n": r"[0-9]",
    "pan": r"[0-9*]",
}


def _field(number: int, name: str, kind: str, size: int, length_digits: int = 0, *, secret: bool = False) -> Field:
    if kind == "x+n":
        pattern = rf"[CD][0-9]{{{size - 1}}}"
    elif length_digits:
        pattern = rf"{_CONTENT[kind]}{{1,{size}}}"
    else:
        pattern = rf"{_CONTENT[kind]}{{{size}}}"
    form = f"{kind}{'..' if length_digits else ''}{size}"
    return Field(number, name, re.compile(pattern), form, length_digits, size, secret)


FIELDS: Final[Mapping[int, Field]] = {
    f.number: f
    for f in (
        _field(2, "PAN", "pan", 19, 2, secret=True),
        _field(3, "processing code", "n", 6),
        _field(4, "amount", "n", 12),
        _field(7, "transmission date and time", "n", 10),
        _field(11, "STAN", "n", 6),
        _field(12, "local time", "n", 6),
        _field(13, "local date", "n", 4),
        _field(15, "settlement date", "n", 4),
        _field(18, "merchant category", "n", 4),
        _field(22, "entry mode", "n", 3),
        _field(23, "PAN sequence number", "n", 3),
        _field(25, "condition code", "n", 2),
        _field(28, "fee", "x+n", 9),
        _field(32, "acquirer", "n", 11, 2),
        _field(35, "track 2", "z", 37, 2, secret=True),
        _field(37, "retrieval reference", "an", 12),
        _field(38, "approval code", "an", 6),
        _field(39, "response code", "an", 2),
        _field(41, "terminal", "ans", 8),
        _field(42, "card acceptor", "ans", 15),
        _field(43, "name and location", "ans", 40),
        _field(44, "additional response data", "ans", 25, 2),
        _field(48, "private data", "ans", 999, 3, secret=True),
        _field(49, "currency", "n", 3),
        _field(50, "settlement currency", "n", 3),
        _field(52, "PIN block", "b", 16, secret=True),
        _field(53, "security control", "n", 16),
        _field(54, "additional amounts", "an", 120, 3),
        _field(55, "ICC data", "b", 510, 3, secret=True),
        _field(64, "MAC", "b", 16),
        _field(66, "settlement code", "n", 1),
        _field(70, "network management code", "n", 3),
        _field(74, "credits, number", "n", 10),
        _field(75, "credits reversed, number", "n", 10),
        _field(76, "debits, number", "n", 10),
        _field(77, "debits reversed, number", "n", 10),
        _field(78, "transfers, number", "n", 10),
        _field(80, "inquiries, number", "n", 10),
        _field(86, "credits, amount", "n", 16),
        _field(87, "credits reversed, amount", "n", 16),
        _field(88, "debits, amount", "n", 16),
        _field(89, "debits reversed, amount", "n", 16),
        _field(90, "original data", "n", 42),
        _field(95, "replacement amounts", "an", 42),
        _field(97, "net settlement", "x+n", 17),
        _field(102, "from account", "ans", 28, 2),
        _field(103, "to account", "ans", 28, 2),
        _field(125, "statement", "ans", 999, 3),
        _field(128, "MAC", "b", 16),
    )
}

_FIXED: Final = {"data_enc": "ascii", "len_enc": "ascii", "len_type": 0}

# The same table in the words of pyiso8583.
CODEC_SPEC: Final[Mapping[str, Mapping[str, Any]]] = {
    "h": {**_FIXED, "max_len": 0, "desc": "no header"},
    "t": {**_FIXED, "max_len": 4, "desc": "message type"},
    "p": {**_FIXED, "max_len": 16, "desc": "primary bitmap"},
    "1": {**_FIXED, "max_len": 16, "desc": "secondary bitmap"},
    **{
        str(f.number): {**_FIXED, "len_type": f.length_digits, "max_len": f.size, "desc": f.name}
        for f in FIELDS.values()
    },
}


@dataclass(frozen=True, slots=True)
class MessageType:
    """Which fields a message type must and may carry; the MAC belongs to every one."""

    name: str
    mandatory: frozenset[int]
    optional: frozenset[int]


def _type(name: str, mandatory: tuple[int, ...], optional: tuple[int, ...] = ()) -> MessageType:
    return MessageType(name, frozenset(mandatory), frozenset(optional))


_REQUEST = _type(
    "financial request",
    (3, 4, 7, 11, 12, 13, 18, 22, 25, 32, 37, 41, 42, 43, 49),
    (2, 23, 28, 35, 48, 52, 53, 55, 102, 103),
)
_RESPONSE = _type(
    "financial response",
    (3, 4, 7, 11, 12, 13, 15, 32, 37, 39, 41, 42, 49),
    (2, 23, 28, 38, 44, 48, 54, 55, 102, 103, 125),
)
_COMPLETION = _type(
    "completion advice",
    (3, 4, 7, 11, 12, 13, 18, 22, 25, 32, 37, 38, 39, 41, 42, 48, 49, 90),
    (15, 23, 28, 43, 55, 95, 102, 103),
)
_REVERSAL = _type(
    "reversal advice",
    (3, 4, 7, 11, 12, 13, 18, 22, 25, 32, 37, 39, 41, 42, 48, 49, 90),
    (15, 23, 28, 38, 43, 55, 95, 102, 103),
)
_ADVICE_RESPONSE = _type("advice response", (3, 4, 7, 11, 12, 13, 32, 37, 39, 41, 42, 49), (15, 28, 44, 48, 102, 103))
_TOTALS = _type(
    "settlement advice",
    (7, 11, 15, 37, 41, 42, 50, 74, 75, 76, 77, 78, 80, 86, 87, 88, 89, 97),
    (48,),
)
_TOTALS_RESPONSE = _type(
    "settlement response",
    (7, 11, 15, 37, 39, 41, 42, 66),
    (48, 50, 74, 75, 76, 77, 78, 80, 86, 87, 88, 89, 97),
)
_EVENT = _type("event advice", (7, 11, 12, 13, 41, 42, 48), (15, 37))
_EVENT_RESPONSE = _type("event response", (7, 11, 39, 41, 42), (12, 13, 15, 37, 48))
_NETWORK = _type("network management", (7, 11, 37, 41, 42, 70), (15, 48, 53))
_NETWORK_RESPONSE = _type("network response", (7, 11, 37, 39, 41, 42, 70), (15, 44, 48, 53))

MESSAGES: Final[Mapping[str, MessageType]] = {
    "0200": _REQUEST,
    "0210": _RESPONSE,
    "0220": _COMPLETION,
    "0221": _COMPLETION,
    "0230": _ADVICE_RESPONSE,
    "0420": _REVERSAL,
    "0421": _REVERSAL,
    "0430": _ADVICE_RESPONSE,
    "0520": _TOTALS,
    "0521": _TOTALS,
    "0530": _TOTALS_RESPONSE,
    "0620": _EVENT,
    "0621": _EVENT,
    "0630": _EVENT_RESPONSE,
    "0800": _NETWORK,
    "0810": _NETWORK_RESPONSE,
}

# Sensitive authentication data never rides in an advice (PCI DSS 3.3.1).
NEVER_IN_ADVICE: Final = frozenset({2, 35, 52, 53})

# What a refusal of an unreadable message may leave out.
REFUSAL_MINIMUM: Final = frozenset({7, 11, 39, 41})

# F48 tags of this specification; others are carried and ignored.
PRIVATE_TAGS: Final[Mapping[str, str]] = {
    "NC": "dispenser nonce",
    "ET": "end-to-end token",
    "RQ": "note mix asked for",
    "DN": "notes dispensed per unit",
    "RT": "notes rejected or retracted per unit",
    "DP": "notes accepted per denomination",
    "KS": "key serial number",
    "P4": "AES PIN block",
    "NP": "new PIN block",
    "KB": "key under its transport key",
    "KC": "key check value",
    "RR": "reversal reason",
    "BL": "partner, and what is asked or bought of it, parted by |",
    "CC": "cardless code",
    "LA": "linked accounts",
    "PN": "payee's masked name, UTF-8 in hex",
    "RM": "remittance: way, bank, number, purpose",
    "RF": "reference of an earlier order",
    "FE": "fee in minor units",
    "AR": "when a remittance arrives",
    "ST": "state of a remittance or of a payment to a partner",
    "AM": "amount in minor units",
    "VS": "software version",
    "JA": "journal anchor",
    "DU": "due date of a bill",
    "PR": "the partner's receipt number",
    "CT": "catalogue: id, local time, price, places left, name in hex",
    "LG": "language of names",
    "HD": "hold on seats",
    "SE": "seats",
    "TN": "ticket numbers",
    "CL": "claim code of tickets",
    "PM": "how a partner is paid, where not from the account: CASH",
    "OW": "notes kept and neither paid for anything nor given back: minor units, and to whom they are credited",
    "CG": "complaint: category, reference of the order, due date, session, parted by |",
    "DE": "how a complaint was decided",
    "OV": "overdue",
    "SW": "notes wanted: source, target, until when, parted by |; or told",
    "WN": "withheld note: value, what it is taken for, whether credited by rule, session, parted by |",
    "SU": "suspect: the terminal does not know whether the customer has the notes",
    "TX": "what happened, in words",
}


class Network(Enum):
    """F70."""

    SIGN_ON = "001"
    SIGN_OFF = "002"
    KEY_CHANGE_PIN = "101"
    KEY_CHANGE_MAC = "102"
    KEY_CONFIRM = "103"
    CUT_OVER = "201"
    CUT_OVER_DONE = "202"
    ECHO = "301"
    ORDER_IN_SERVICE = "902"
    ORDER_OUT_OF_SERVICE = "903"


@dataclass(frozen=True, slots=True)
class Operation:
    """`code` is F3; `two_phase` operations post at the 0220, the others at the 0210."""

    name: str
    code: str
    two_phase: bool = False
    moves_money: bool = True


OPERATIONS: Final[Mapping[str, Operation]] = {
    o.name: o
    for o in (
        Operation("withdrawal", "010000", two_phase=True),
        Operation("cardless_withdrawal", "014000", two_phase=True),
        Operation("purchase", "000000", two_phase=True),
        Operation("deposit", "210000", two_phase=True),
        Operation("cheque_deposit", "240000", two_phase=True),
        Operation("inquiry", "310000", moves_money=False),
        Operation("statement", "380000", moves_money=False),
        Operation("linked_accounts", "390000", moves_money=False),
        Operation("payee_lookup", "330000", moves_money=False),
        Operation("remittance_status", "340000", moves_money=False),
        Operation("case_status", "950000", moves_money=False),
        Operation("remittance_revoke", "940000", moves_money=False),
        Operation("bill_check", "350000", moves_money=False),
        Operation("top_up_check", "360000", moves_money=False),
        Operation("ticket_catalogue", "370000", moves_money=False),
        Operation("ticket_hold", "320000", moves_money=False),
        Operation("ticket_release", "930000", moves_money=False),
        Operation("partner_status", "300000", moves_money=False),
        Operation("claim_payout", "280000", two_phase=True),
        Operation("transfer", "400000"),
        Operation("remittance", "410000"),
        Operation("payment", "500000"),
        Operation("top_up", "510000"),
        Operation("pin_change", "920000", moves_money=False),
    )
}


@dataclass(frozen=True, slots=True)
class Response:
    """What an F39 says: a word for guards and screens, and whether the card is to be kept."""

    code: str
    word: str
    retain_card: bool = False


RESPONSES: Final[Mapping[str, Response]] = {
    r.code: r
    for r in (
        Response("00", "approved"),
        Response("05", "refused"),
        Response("10", "partly_approved"),
        Response("12", "invalid_transaction"),
        Response("13", "invalid_amount"),
        Response("14", "unknown_card"),
        Response("25", "original_unknown"),
        Response("30", "format_error"),
        Response("33", "expired_card_retain", retain_card=True),
        Response("34", "suspected_fraud_retain", retain_card=True),
        Response("35", "contact_acquirer_retain", retain_card=True),
        Response("36", "restricted_card_retain", retain_card=True),
        Response("38", "pin_tries_exceeded_retain", retain_card=True),
        Response("41", "lost_card_retain", retain_card=True),
        Response("43", "stolen_card_retain", retain_card=True),
        Response("51", "insufficient_funds"),
        Response("54", "expired_card"),
        Response("55", "wrong_pin"),
        Response("61", "over_amount_limit"),
        Response("62", "blocked_card"),
        Response("63", "mac_error"),
        Response("65", "over_count_limit"),
        Response("68", "late"),
        Response("75", "pin_tries_exceeded"),
        Response("76", "unknown_account"),
        Response("81", "pin_key_error"),
        Response("90", "cut_over_in_progress"),
        Response("91", "host_down"),
        Response("94", "duplicate"),
        Response("96", "host_error"),
        Response("B1", "unknown_number"),
        Response("B2", "nothing_due"),
        Response("B3", "payment_in_process"),
        Response("B4", "sold_out"),
        Response("B5", "hold_expired"),
        Response("B6", "partner_down"),
        Response("B7", "partner_refused"),
        Response("B8", "out_of_limits"),
        Response("B9", "weak_pin"),
        Response("BA", "already_released"),
    )
}


def response(code: str) -> Response:
    """Return what F39 `code` says; a code this table does not know is a refusal."""
    return RESPONSES.get(code) or Response(code, "refused")


ADVICE_SETTLED: Final = frozenset({"00", "25", "94"})


@dataclass(frozen=True, slots=True)
class ReversalCode:
    """F39 of the 0420 and F48 RR, by the name of the terminal's reason."""

    response: str
    reason: str


REVERSAL_CODES: Final[Mapping[str, ReversalCode]] = {
    "no_answer": ReversalCode("68", "4021"),
    "late_answer": ReversalCode("68", "4006"),
    "bad_answer": ReversalCode("20", "4020"),
    "customer_cancelled": ReversalCode("17", "4000"),
    "nothing_dispensed": ReversalCode("22", "4017"),
    "short_dispensed": ReversalCode("32", "4004"),
    "retracted": ReversalCode("22", "4018"),
    "card_declined": ReversalCode("22", "4007"),
    "card_removed": ReversalCode("22", "4019"),
    "card_retained": ReversalCode("22", "4019"),
    "restart": ReversalCode("22", "4002"),
}


def answer_to(mti: str) -> str:
    """Return the message type that answers `mti`: ``"0221"`` -> ``"0230"``, ``"0200"`` -> ``"0210"``."""
    return f"{mti[:2]}{int(mti[2]) + 1}0"


def message_class(mti: str) -> str:
    """Return `mti` with its repeat digit zeroed."""
    return f"{mti[:3]}0"
