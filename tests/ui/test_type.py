"""Breaking lines."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.ui.type import Type, tokens

TYPE = Type()
LETTERS = st.text("请取走您的卡，。（）《》 abc DEF 1,234.50 ¥%!?", min_size=1, max_size=80)


def test_marks_stay_with_their_words() -> None:
    assert tokens("请取卡，谢谢。") == ("请", "取", "卡，", "谢", "谢。")
    assert tokens("按“确认”键") == ("按", "“确", "认”", "键")
    assert tokens("付 ¥1,234.50 元") == ("付", " ", "¥1,234.50", " ", "元")


@settings(max_examples=200, deadline=None)
@given(text=LETTERS, width=st.integers(60, 900))
def test_wrapping_keeps_the_text_and_the_width(text: str, width: int) -> None:
    lines = TYPE.wrap(text, "regular", 30, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        one = len(tokens(line.strip())) <= 1
        assert one or TYPE.width(line, "regular", 30) <= width + 4


@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.sampled_from(["请取走", "您的卡", "，", "。", "（工行）", "¥500", "》"]), max_size=30))
def test_no_line_begins_with_a_closing_mark(words: list[str]) -> None:
    text = "卡" + "".join(words)
    for line in TYPE.wrap(text, "regular", 30, 240)[1:]:
        assert line[0] not in "，。）》"
        assert line[-1] != "（"


def test_a_line_ends_rather_after_a_mark() -> None:
    text = "清点通常在一个工作日内完成，您无需再次申报。"
    assert TYPE.wrap(text, "regular", 30, 560) == ("清点通常在一个工作日内完成，", "您无需再次申报。")


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_nothing_is_no_trouble(text: str) -> None:
    assert "".join(TYPE.wrap(text, "regular", 30, 200)).strip() == ""
