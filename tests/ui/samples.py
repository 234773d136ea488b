"""Sample views: every screen with usual and with extreme values."""

from __future__ import annotations

from dataclasses import replace

from kiosk.money import Money
from kiosk.view import Option, Value, View


def yuan(amount: int) -> Money:
    return Money(amount * 100, "CNY")


def amounts(*values: int) -> tuple[Option, ...]:
    return tuple(Option("chose_amount", str(value * 100), yuan(value)) for value in values)


SERVICES = ("withdrawal", "deposit", "transfer", "balance", "exchange", "bill_payment", "top_up", "ticket")
CARDLESS = (
    Option("chose_service", "exchange", "idle.without_card", {"name": "Change notes"}),
    Option("chose_service", "complaint", "idle.without_card", {"name": "投诉与查询"}),
    Option("chose_without_card", "", "idle.cardless"),
)
MENU = tuple(Option("chose_service", name, f"service.{name}") for name in SERVICES)
MIXES = (
    Option("chose_mix", "10000x5", "mix.large", {"10000": 5}),
    Option("chose_mix", "10000x4,5000x2", "mix.mixed", {"10000": 4, "5000": 2}),
    Option("chose_mix", "5000x10", "mix.small", {"10000": 3, "5000": 3, "1000": 5}),
)
RECEIPT = (
    "示范银行 Example Bank", "-", "日期 Date\t2026-11-22 10:42", "终端 Terminal\tT0000001",
    "卡号 Card\t622848******1234", "-", "业务 Service\t取款 Withdrawal", "金额 Amount\t¥500", "手续费 Fee\t¥0",
    "余额 Balance\t¥12,345.67", "-", "参考号 Reference\t632610000417", "-", "谢谢使用 Thank you",
)  # fmt: skip
OWN = (
    Option("chose_one", "0", "option.named", {"name": "储蓄账户 **** 0001"}),
    Option("chose_one", "1", "option.named", {"name": "活期账户 **** 0101"}),
)
MOVEMENTS = (
    "11-22 转账\t−¥500", "11-22 取款\t−¥1,000", "11-21 手续费\t−¥5", "11-20 汇款\t−¥500", "11-19 存款\t+¥2,000",
    "11-19 冲正\t+¥500", "11-18 转账\t−¥500", "11-17 缴费\t−¥126.40", "11-16 转账\t+¥12,000", "11-01 开户\t+¥12,865.40",
)  # fmt: skip
WAYS = tuple(Option("chose_one", name, f"option.remit_{name}") for name in ("bank", "person", "status"))
LONG = "20261122-T0000001-000417"

SHORTAGE = (
    Option("chose_one", "nearest", "option.named", {"name": "5 × ¥20"}),
    Option("chose_one", "tell_me_when", "option.tell_me_when"),
)

USUAL: dict[str, dict[str, Value]] = {
    "starting": {},
    "out_of_service": {"reason": "host_offline"},
    "idle": {"call": "card", "about": "card", "services": SERVICES, "cardless": CARDLESS[:2]},
    "card_reading": {},
    "card_returned": {"reason": "unreadable"},
    "enter_pin": {"digits": 3},
    "menu": {"options": (*MENU[:5], replace(MENU[5], why_not="host_offline"))},
    "choose_amount": {"options": amounts(100, 200, 300, 500, 1000, 2000), "available": Money(1234567, "CNY")},
    "other_amount": {"typed": yuan(350), "multiple": yuan(50), "most": yuan(3000)},
    "choose_mix": {"amount": yuan(500), "options": MIXES[:2]},
    "not_payable": {"amount": yuan(370), "options": amounts(350, 400)},
    "lower_offer": {"asked": yuan(2000), "offered": yuan(1500), "reason": "insufficient_funds"},
    "partial_offer": {"asked": yuan(2000), "approved": yuan(1000)},
    "no_receipt": {},
    "please_wait": {"what": "authorising"},
    "take_card": {"next": "notes"},
    "counting": {"amount": yuan(500)},
    "take_notes": {"amount": yuan(500), "picks": {"10000": 4, "5000": 2}},
    "printing": {},
    "take_receipt": {},
    "take_ticket": {},
    "check_ticket": {},
    "reprint_ticket": {},
    "payment_returned": {
        "how": "account", "amount": yuan(50), "fee": yuan(1), "partner": "联信通信", "reference": "632610000417",
    },
    "receipt_on_screen": {"lines": RECEIPT, "reference": "632610000417"},
    "another": {},
    "refused": {"reason": "insufficient_funds"},
    "not_charged": {"reference": "632610000417", "amount": yuan(500), "reason": "no_answer"},
    "short_paid": {"paid": yuan(300), "not_charged": yuan(200), "reference": "632610000417"},
    "suspect_case": {"about": "notes_out", "reference": "632610000417", "amount": yuan(500), "how": "recount"},
    "card_retained": {"reference": "632610000417", "reason": "forgotten"},
    "goodbye": {"scores": tuple(Option("chose_rating", n, "option.named", {"name": n}) for n in "12345")},
    "cancelled": {"reason": "customer"},
    "more_time": {},
    "choose_one": {"what": "account", "options": OWN},
    "enter_digits": {"what": "account_number", "typed": "6217 0000 0000", "hint": "account_number"},
    "enter_amount": {"what": "transfer_amount", "typed": yuan(500), "most": yuan(50000)},
    "confirm_order": {
        "what": "transfer", "amount": yuan(500), "name": "*伟", "to": "**** 0003",
    },
    "completed": {
        "what": "transfer", "amount": yuan(500), "name": "*伟", "to": "**** 0003", "reference": "632610000417",
        "available": Money(1236540, "CNY"),
    },
    "unconfirmed": {"amount": yuan(500), "reference": "632610000417"},
    "balance": {
        "account": "储蓄账户 **** 0001", "available": Money(1286540, "CNY"), "ledger": Money(1296540, "CNY"),
        "paper": True,
    },
    "statement": {
        "account": "储蓄账户 **** 0001", "available": Money(1286540, "CNY"), "lines": MOVEMENTS[:5], "paper": True,
    },
    "new_pin": {"what": "new_pin", "digits": 3},
    "pin_unknown": {"reference": "632610000417"},
    "insert_notes": {"what": "deposit", "highest": yuan(100), "total": yuan(150), "finish": True},
    "cash_enough": {
        "amount": Money(26612, "CNY"), "received": yuan(300), "change": yuan(30), "credit": Money(388, "CNY"),
        "credit_to": "slip", "partner": "城市供电公司", "reference": "632610000417",
    },
    "cash_owed": {
        "change": yuan(200), "credit": yuan(5), "credit_to": "slip", "reference": "632610000417",
        "contact": "95500",
    },
    "note_offer": {"amount": yuan(100), "total": yuan(250)},
    "note_withheld": {"amount": yuan(100), "counted": "not_counted", "reference": "632610000417"},
    "moving_note": {},
    "take_back_notes": {"amount": yuan(100)},
    "exchange_offer": {"amount": yuan(100), "picks": {"5000": 2}},
    "exchange_shortage": {"options": SHORTAGE},
    "another_note": {},
}  # fmt: skip

HALF_CLOSED = tuple(replace(item, why_not="host_offline" if n % 2 else "") for n, item in enumerate(MENU))
HUGE = Money(99999999, "CNY")
PHONE = "+86 400-000-0000"

EXTREME: dict[str, dict[str, Value]] = {
    "idle": {
        "call": "cardless", "about": "cardless", "services": (*SERVICES, "remittance", "pin_change", "complaint"),
        "notice": "large_notes_only", "cardless": CARDLESS,
    },
    "enter_pin": {"digits": 12, "digits_max": 12, "tries_left": 1},
    "menu": {"options": HALF_CLOSED},
    "choose_amount": {"options": amounts(100, 200, 300, 500, 1000, 2000, 3000, 10000), "available": HUGE * 999},
    "other_amount": {"typed": HUGE, "multiple": yuan(100), "most": yuan(20000), "error": "not_multiple"},
    "choose_mix": {"amount": yuan(20000), "options": (*MIXES, replace(MIXES[2], label=""))},
    "not_payable": {"amount": yuan(99999), "options": amounts(100, 200, 300, 500, 99900, 99950)},
    "lower_offer": {"asked": yuan(100000), "offered": yuan(99999), "reason": "over_count"},
    "partial_offer": {"asked": yuan(100000), "approved": yuan(99999)},
    "take_notes": {"amount": yuan(20000), "picks": {"10000": 100, "5000": 200, "2000": 10, "1000": 9}, "confirm": True},
    "goodbye": {"thanks": "rated"},
    "refused": {"reason": "pin_tries_exceeded", "reference": LONG},
    "not_charged": {"reference": LONG, "amount": HUGE, "reason": "cannot_dispense"},
    "short_paid": {"paid": HUGE, "not_charged": HUGE, "reference": LONG},
    "suspect_case": {"about": "notes_in", "reference": LONG, "amount": HUGE, "how": "recount", "contact": PHONE},
    "card_retained": {"reference": LONG, "reason": "pin_tries_exceeded", "contact": PHONE},
    "receipt_on_screen": {"lines": RECEIPT + RECEIPT[2:8], "reference": LONG},
    "choose_one": {"what": "remit", "options": WAYS},
    "enter_digits": {
        "what": "remit_account", "typed": "6217 0000 0000 0000 003", "hint": "account_number", "error": "incomplete",
    },
    "enter_amount": {
        "what": "remit_amount", "typed": HUGE, "most": yuan(50000), "available": HUGE, "error": "above_most",
    },
    "confirm_order": {
        "what": "remittance", "amount": HUGE, "fee": yuan(50), "total": HUGE, "name": "J*** C*****",
        "to": "东海银行 **** 0041", "purpose": "goods", "arrival": "two_hours",
    },
    "completed": {
        "what": "remittance", "amount": HUGE, "name": "J*** C*****", "to": "东海银行 **** 0041",
        "reference": LONG, "arrival": "two_hours", "note": "pickup",
    },
    "payment_returned": {
        "how": "cash", "amount": HUGE,
        "fee": yuan(50), "partner": "City Stage Tickets", "receipt": "ST1A2B3C4D", "reference": LONG,
        "paid_back": HUGE, "credit": HUGE,
    },
    "unconfirmed": {"amount": HUGE, "reference": LONG, "contact": PHONE},
    "balance": {"account": "Savings **** 0001", "available": HUGE, "ledger": HUGE},
    "statement": {"account": "Current **** 0101", "available": HUGE, "lines": MOVEMENTS},
    "new_pin": {"what": "new_pin_again", "digits": 12, "digits_max": 12, "error": "same_as_old"},
    "pin_unknown": {"reference": LONG, "contact": PHONE},
    "insert_notes": {
        "what": "cash_payment", "highest": yuan(100), "due": HUGE, "paid_in": HUGE, "remaining": HUGE,
        "reference": LONG, "notice": "unread",
    },
    "note_withheld": {"amount": yuan(100), "counted": "credited", "reference": LONG, "contact": PHONE},
    "cash_enough": {
        "amount": HUGE, "received": HUGE, "change": yuan(90), "credit": Money(999, "CNY"), "credit_to": "partner",
        "partner": "City Stage Tickets", "reference": LONG,
    },
    "cash_owed": {
        "change": HUGE, "credit": HUGE, "credit_to": "slip", "reference": LONG, "contact": PHONE,
    },
    "note_offer": {"amount": HUGE, "total": HUGE},
    "take_back_notes": {"amount": HUGE, "confirm": True},
    "exchange_offer": {"amount": yuan(100), "picks": {"2000": 3, "1000": 3, "500": 2}},
    "exchange_shortage": {"options": SHORTAGE[-1:]},
}  # fmt: skip


def view(screen: str, locale: str = "zh-CN", values: dict[str, Value] | None = None, serial: int = 1) -> View:
    return View(serial, screen, locale, USUAL[screen] if values is None else values, since_ms=0, until_ms=30_000)


def every() -> list[View]:
    """Return each screen in each language with each set of values."""
    return [
        view(name, locale, values)
        for locale in ("zh-CN", "en")
        for table in (USUAL, EXTREME)
        for name, values in table.items()
    ]
