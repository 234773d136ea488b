"""The wording that services ask for: money and the lines of receipts, in the languages of the screens.

Screens have catalogues of their own (`kiosk/ui/locales`); what a receipt says is short and stands here as one table, a
line for every text and language.
"""

from __future__ import annotations

from typing import Final

from kiosk.money import Money
from kiosk.turn import Words
from kiosk.ui.words import words_of

RECEIPT: Final[dict[str, dict[str, str]]] = {
    "receipt_title_withdrawal": {"en": "Cash withdrawal", "zh-CN": "取款凭条"},
    "receipt_title_capture": {"en": "Card retained", "zh-CN": "吞卡凭条"},
    "receipt_date": {"en": "Date", "zh-CN": "日期"},
    "receipt_terminal": {"en": "Terminal", "zh-CN": "终端号"},
    "receipt_card": {"en": "Card", "zh-CN": "卡号"},
    "receipt_reference": {"en": "Reference", "zh-CN": "参考号"},
    "receipt_requested": {"en": "Requested", "zh-CN": "申请金额"},
    "receipt_charged": {"en": "Charged", "zh-CN": "已扣金额"},
    "receipt_paid": {"en": "Paid out", "zh-CN": "付出金额"},
    "receipt_notes": {"en": "{count} × {amount}", "zh-CN": "{amount} × {count} 张"},
    "receipt_not_charged": {"en": "Not charged", "zh-CN": "未扣金额"},
    "receipt_claim_title": {"en": "Please keep this slip", "zh-CN": "请保管好本凭条"},
    "receipt_claim_text": {
        "en": "We could not see whether you received the notes. The bank counts the cash and corrects your account if "
        "you did not. Reference {reference}, telephone {contact}.",
        "zh-CN": "本机无法确认您是否取到现金。银行将清点核对，如未取到将退回您的账户。"
        "参考号 {reference}，电话 {contact}。",
    },
    "receipt_short_text": {
        "en": "You were paid less than you asked for; only what was paid is charged. Telephone {contact}.",
        "zh-CN": "实付金额少于申请金额，仅扣实付部分。电话 {contact}。",
    },
    "receipt_not_charged_text": {
        "en": "Nothing was paid out and nothing is charged. Telephone {contact}.",
        "zh-CN": "本次未付出现金，账户未扣款。电话 {contact}。",
    },
    "receipt_card_retained": {
        "en": "Your card was kept for your safety. Please call {contact}.",
        "zh-CN": "为保障安全，您的卡片已被保留，请致电 {contact}。",
    },
    "receipt_thanks": {"en": "Thank you", "zh-CN": "谢谢惠顾"},
}


def catalogue() -> Words:
    """Return the wording. Asked for a text it does not have, it raises LookupError naming it."""

    def say(locale: str, text: str, **values: object) -> str:
        words = words_of(locale)
        if text == "money":
            amount = values["amount"]
            assert isinstance(amount, Money)
            return words.money(amount)
        if text not in RECEIPT:
            raise LookupError(f"no wording for {text!r} in kiosk/words.py")
        worded = {name: words.money(v) if isinstance(v, Money) else v for name, v in values.items()}
        return RECEIPT[text][locale].format_map(worded)

    return say
