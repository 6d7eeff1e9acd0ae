"""What a spreadsheet would compute gets an apostrophe; all other text stays as it is."""

import time

import pytest

from featlib.engine.csv_text import safe_cell

SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫−"
BEFORE = {
    "nothing": "",
    "spaces": "   ",
    "a space that does not break": "\xa0",
    "an ideographic space": "\u3000",
    "a space of no width": "\u200b",
    "a mark of byte order": "\ufeff",
    "a mark of direction": "\u202e",
    "a soft hyphen": "\xad",
    "a null character": "\0",
    "a joiner": "\u034f",
    "a variation selector": "\ufe0f",
    "a filler of Hangul": "\u3164",
    "an empty Braille": "\u2800",
    "half a character": "\ud83d",
    "no character yet": "\U000e0fff",
    "a tab after a space": " \t",
    "a line break after a space": " \r\n ",
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("sign", SIGNS)
def test_a_formula_gets_an_apostrophe(before, sign):
    cell = safe_cell(f"{before}{sign}1+cmd|' /C calc'!A0")
    assert cell.startswith("'")
    assert safe_cell(cell) == cell, "an apostrophe is enough"


@pytest.mark.parametrize("text", ["\t1", "\r1", "\n1", "\t", "\r\n"])
def test_a_break_at_the_beginning_gets_an_apostrophe(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("separator", [";", "\t", "\n", "\r\n", "; ", ";;"])
def test_a_formula_after_another_separator_gets_an_apostrophe(separator):
    start = separator.rstrip(" ")
    space = separator[len(start) :]
    assert safe_cell(f"cat{separator}=1") == f"cat{start}'{space}=1"


@pytest.mark.parametrize(
    "text",
    ["", " ", "cat", "a = b", "1-2", "me@example.org", "1, -2", "ad\xa0a", "é", "; a", "5 × 3"],
)
def test_other_text_stays_as_it_is(text):
    assert safe_cell(text) == text


def test_long_text_takes_no_longer_than_its_length():
    before = time.perf_counter()
    for text in (" " * 1_000_000 + "=", "\t" * 1_000_000, ";=" * 500_000, " ;" * 500_000):
        safe_cell(text)
    assert time.perf_counter() - before < 30
