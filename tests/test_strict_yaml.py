"""YAML as people mean it: the traps of YAML 1.1, places, and errors that their reader can mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from kiosk.strict_yaml import DEPTH_MAX, DocumentError, load, load_text


@pytest.mark.parametrize(("text", "value"), [
    ("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("y", "y"), ("NO", "NO"),
    ("12:30:00", "12:30:00"), ("1:20", "1:20"), ("2026-11-22", "2026-11-22"),
    ("1_000", "1_000"), ("0b11", "0b11"), ("017", 17), ("08", 8), ("0o17", 15), ("0x1F", 31),
    ("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue"),
    ("null", None), ("~", None), ("", None), ("nULL", "nULL"),
    ("12", 12), ("-7", -7), ("+7", 7), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("5.", 5.0),
    ("'12'", "12"), ('"no"', "no"), ("'null'", "null"), (".inf", ".inf"), (".nan", ".nan"), ("1.2.3", "1.2.3"),
    ("!!python/object/apply:os.system [x]", ["x"]), ("!!int '12'", "12"), ("<<", "<<"),
])  # fmt: skip
def test_scalars(text: str, value: object) -> None:
    got = load_text(text).data
    assert (type(got), got) == (type(value), value)


def test_there_is_no_merging() -> None:
    """`<<` is a key like any other: what it says stands where it says it."""
    data = load_text("base: &b {a: 1}\nhere: {<<: *b, c: 2}\n").data
    assert data["here"] == {"<<": {"a": 1}, "c": 2}


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdef", min_size=1), inner, max_size=3),
    max_leaves=15,
))  # fmt: skip
def test_reads_json(data: Any) -> None:
    import json

    assert load_text(json.dumps(data)).data == data


def mistakes(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load_text(text, "norms.yaml")
    return str(caught.value).splitlines()


def test_a_repeated_key_is_refused_at_its_place() -> None:
    assert mistakes("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n") == [
        "norms.yaml:4:3: 'c' stands twice; remove one of them",
        "norms.yaml:5:1: 'a' stands twice; remove one of them",
    ]


@pytest.mark.parametrize("key", ["1.5", "true", "null", "~", "[a, b]", "{a: b}"])
def test_keys_are_words_or_whole_numbers(key: str) -> None:
    assert mistakes(f"? {key}\n: x\n") == ["norms.yaml:1:3: a key is a word or a whole number; quote it"]


@pytest.mark.parametrize("text", ["a: [1, 2", "a: 'x", "a: b: c", "\tx: 1", "a: *nowhere", "--- 1\n--- 2\n", "a: \x00"])
def test_what_is_not_one_document_is_refused_with_its_place(text: str) -> None:
    (line,) = mistakes(text)
    assert line.startswith("norms.yaml:")
    assert ": is not YAML: " in line


def test_a_document_that_is_too_deep() -> None:
    assert load_text("[" * DEPTH_MAX + "]" * DEPTH_MAX).data
    assert mistakes("[" * (DEPTH_MAX + 2) + "]" * (DEPTH_MAX + 2))[0].endswith(f"is nested deeper than {DEPTH_MAX}")


@pytest.mark.parametrize("text", ["[" * 20_000 + "]" * 20_000, "{a: " * 20_000 + "}" * 20_000])
def test_a_document_that_is_absurdly_deep_is_refused_and_crashes_nobody(text: str) -> None:
    assert "deeper" in mistakes(text)[0]


def test_a_document_that_contains_itself() -> None:
    assert mistakes("a: &a [*a]\n")[0].endswith(f"is nested deeper than {DEPTH_MAX}")


def test_a_document_that_multiplies_itself_comes_to_an_end() -> None:
    """Nine lines of nine aliases are a billion values; nobody writes that by mistake."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert "aliases" in mistakes("\n".join(lines))[0]


def test_places() -> None:
    document = load_text("flow: x\nstates:\n  idle: {screen: idle}\nlist:\n  - a\n  - {b: 1}\n")
    assert document.place(("flow",)) == (1, 7)
    assert document.place(("states", "idle", "screen")) == (3, 18)
    assert document.place(("list", 1, "b")) == (6, 9)
    assert document.place(("list", 1, "gone", "deeper")) == (6, 5), "the nearest thing around it"
    assert document.place(("nowhere",)) == (1, 1)
    assert str(document.error(("list", 0), "is wrong")) == "<text>:5:5: is wrong"


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("a: 1\n", encoding="utf-8")
    assert load(file).data == {"a": 1}
    with pytest.raises(DocumentError, match=r"b\.yaml:1:1: cannot be read: No such file"):
        load(tmp_path / "b.yaml")
    file.write_bytes(b"a: \xff")
    with pytest.raises(DocumentError, match="is not UTF-8 at byte 3"):
        load(file)
    file.write_bytes(b"")
    assert load(file).data is None


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Inner(Strict):
    screen: str = ""
    within_ms: int = Field(default=1, gt=0)
    else_: str = Field(default="", alias="else")


class Outer(Strict):
    name: str
    kind: Literal["red", "green"] = "red"
    parts: list[Inner] = []
    by_name: dict[str, Inner] = {}
    perhaps: Inner | None = None


def model_mistakes(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        load_text(text, "f.yaml").as_model(Outer)
    return str(caught.value).splitlines()


def test_models() -> None:
    made = load_text("name: x\nparts: [{screen: a, else: b}]\n").as_model(Outer)
    assert made.parts[0].else_ == "b"


def test_every_mistake_is_listed_with_its_place() -> None:
    lines = model_mistakes("kind: blue\nparts:\n  - {screen: 1}\n  - {within_ms: 0}\n")
    assert [line.split(": ")[0] for line in lines] == ["f.yaml:1:1", "f.yaml:1:7", "f.yaml:3:14", "f.yaml:4:17"]
    assert lines[0] == "f.yaml:1:1: 'name' is missing"
    assert "kind: Input should be 'red' or 'green'" in lines[1]


def test_a_misspelt_word_gets_the_nearest_right_one() -> None:
    assert model_mistakes("name: x\nparts:\n  - {scren: a}\n") == [
        "f.yaml:3:13: parts.0.scren: 'scren' is not known here; did you mean 'screen'?"
    ]
    assert model_mistakes("name: x\nby_name:\n  one: {scren: a}\n") == [
        "f.yaml:3:16: by_name.one.scren: 'scren' is not known here; did you mean 'screen'?"
    ]
    assert model_mistakes("name: x\nperhaps: {esle: a}\n") == [
        "f.yaml:2:17: perhaps.esle: 'esle' is not known here; did you mean 'else'?"
    ]
    assert model_mistakes("name: x\nnaem: y\n") == [
        "f.yaml:2:7: naem: 'naem' is not known here; did you mean 'name'?"
    ]


def test_an_unknown_word_gets_the_known_ones() -> None:
    assert model_mistakes("name: x\nparts:\n  - {qqqq: a}\n") == [
        "f.yaml:3:12: parts.0.qqqq: 'qqqq' is not known here; known here: else, screen, within_ms"
    ]


def test_an_empty_document_is_no_model() -> None:
    assert model_mistakes("")[0].startswith("f.yaml:1:1: ")
