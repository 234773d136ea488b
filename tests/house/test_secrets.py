"""Secrets mask themselves, whatever is done to them, and few places may look inside."""

from __future__ import annotations

import ast
import copy
import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from drivers.base.secrets import ClearPin, KeyBits, Pan, PinBlock, Secret, Track2
from drivers.base.vocabulary import CardInserted, EnterPin, EnterPinResult, Outcome

ROOT = Path(__file__).parents[2]

MAY_REVEAL = {
    "drivers/pin_pad/scripts.py": "twelve account digits go to the pad for PIN block formats 0 and 3",
    "kiosk/devicekit/contract/chip.py": "the bench is the application that speaks to a test card",
    "kiosk/host/keyring.py": "the link key and the transport key of the session MAC key are used, never passed on",
    "kiosk/host/requests.py": "track 2 and the PIN block go into the request's fields 35 and 52",
    "kiosk/services/entering.py": "the number that a customer shows as a code is what he would key: it goes on so",
    "drivers/card_reader/chip.py": "an APDU goes to the reader, which says it to the chip",
    "drivers/card_reader/orders.py": "a track that is to be written goes to the reader",
    "drivers/card_reader/tracks.py": "a track that is to be written goes to the reader",
    "drivers/sim/pin_pad.py": "the pad's own safe: keys work, and a simulated person's PIN is keyed",
}
"""Files that call `.reveal()`, each with its reason. A new entry is a decision; say why here."""

PAN, TRACK, HIDDEN = "4761739001010010", "4761739001010010=27122011000012345678", "8402179999"
SECRETS = [
    pytest.param(Pan(PAN), PAN[6:12], id="Pan"),
    pytest.param(Track2(TRACK), TRACK[6:12], id="Track2"),
    pytest.param(Track2(TRACK), TRACK[17:], id="Track2 rest"),
    pytest.param(PinBlock(HIDDEN), HIDDEN, id="PinBlock"),
    pytest.param(ClearPin(HIDDEN), HIDDEN, id="ClearPin"),
    pytest.param(KeyBits(HIDDEN), HIDDEN, id="KeyBits"),
    pytest.param(Secret(HIDDEN), HIDDEN, id="Secret"),
]


def reveals(source: str) -> list[int]:
    """Return the lines that name an attribute ``reveal`` or the content behind it."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute) and node.attr in {"reveal", "_content"}
    ]


def test_only_listed_files_reveal():
    found: dict[str, list[int]] = {}
    for place in ("kiosk", "drivers", "semantics"):
        for path in sorted((ROOT / place).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            lines = reveals(path.read_text(encoding="utf-8"))
            if lines and name != "drivers/base/secrets.py":
                found[name] = lines
    strangers = [f"{name}:{lines[0]}" for name, lines in found.items() if name not in MAY_REVEAL]
    assert not strangers, (
        f"{strangers} look inside a secret: pass it on whole, or give the reason in MAY_REVEAL"
    )
    idle = sorted(set(MAY_REVEAL) - set(found))
    assert not idle, f"{idle} reveal nothing any more: take them off the list"


@pytest.mark.parametrize(
    "sample", ["pan.reveal()", "f = pan.reveal", "pan._content", "x = [s.reveal() for s in y]"]
)
def test_the_rule_catches(sample):
    assert reveals(sample) == [1]


@pytest.mark.parametrize(("secret", "hidden"), SECRETS)
def test_text_is_masked(secret, hidden, caplog):
    logging.getLogger("kiosk").warning("%s %r", secret, secret)
    texts = [
        str(secret),
        repr(secret),
        f"{secret} {secret!r} {secret!s} {secret!a} {secret:>40}",
        "{} {!r}".format(secret, secret),  # noqa: UP032 - this way of formatting is what is tested
        "%s %r" % (secret, secret),  # noqa: UP031
        format(secret),
        str([secret]),
        str({"a": secret, secret: 1}),
        secret.masked,
        caplog.text,
    ]
    assert all(texts)
    for text in texts:
        assert hidden not in text


@pytest.mark.parametrize(("secret", "hidden"), SECRETS)
def test_nothing_stores_it(secret, hidden):
    with pytest.raises(TypeError) as refused:
        json.dumps({"secret": secret})
    assert hidden not in str(refused.value)
    assert hidden not in json.dumps({"secret": secret}, default=str)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not stored"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError, match="not stored"):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        vars(secret)


@pytest.mark.parametrize(("secret", "hidden"), SECRETS)
def test_a_traceback_with_locals_does_not_show_it(secret, hidden):
    def fail(held: Secret) -> None:
        raise ValueError(held)

    try:
        fail(secret)
    except ValueError as error:
        shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "held = " in shown
    frames_of_fail = shown[shown.index("held = ") :]
    assert hidden not in frames_of_fail


@pytest.mark.parametrize("wrong", ["47617390010100x0", "1234567890123456789012"])
def test_refusing_a_number_does_not_show_it(wrong):
    for kind in (Pan, Track2):
        with pytest.raises(ValueError) as refused:
            kind(wrong)
        assert wrong not in str(refused.value)


def test_words_that_carry_secrets_do_not_show_them():
    carried = [
        EnterPin(ticket="T", pan=Pan(PAN), key="TPK"),
        EnterPinResult(ticket="T", outcome=Outcome.DONE, block=PinBlock(HIDDEN)),
        CardInserted(track2=Track2(TRACK)),
    ]
    shown = repr(carried) + str(carried)
    assert PAN not in shown
    assert HIDDEN not in shown
    assert TRACK not in shown


def test_secrets_compare_by_content_and_kind():
    assert PinBlock("A") == PinBlock("A")
    assert PinBlock("A") != PinBlock("B")
    assert PinBlock("A") != KeyBits("A")
    assert PinBlock("A") != "A"
    assert len({PinBlock("A"), PinBlock("A"), KeyBits("A")}) == 2
