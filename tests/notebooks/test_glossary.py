"""The glossary of notebook 12: each term is in the lesson, where the glossary says it is."""

import re
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
_LINE = re.compile(r"- \*\*(.+?)\*\* \(\[(\d\d)\]\((\S+?\.ipynb)\)\): (.+)")


def sources(name):
    cells = nbformat.read(NOTEBOOKS / name, as_version=4).cells
    return [cell.source for cell in cells]


def glossary():
    [text] = [text for text in sources("12_review.ipynb") if text.startswith("## Glossary\n")]
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    found = [_LINE.fullmatch(line) for line in lines]
    assert all(found), "each term in one line, with its notebook"
    return [match.groups() for match in found]


ENTRIES = glossary()


def test_it_is_in_alphabetic_order_and_names_each_term_once():
    terms = [term.lower() for term, *_ in ENTRIES]
    assert len(terms) >= 30
    assert terms == sorted(set(terms))


@pytest.mark.parametrize(("term", "number", "name", "words"), ENTRIES)
def test_each_term_stands_in_its_notebook(term, number, name, words):
    assert name.startswith(number)
    text = "\n".join(sources(name))
    assert re.search(rf"\b{re.escape(term)}", text, re.IGNORECASE), f"{term} in {name}"
    assert words.endswith(".")
    assert len(words.split()) <= 25, "one plain line"


def test_further_reading_gives_a_reason_for_each_source():
    [text] = [text for text in sources("12_review.ipynb") if "## Further reading" in text]
    entries = re.findall(r"^- \[.+?\]\((https://\S+)\):\s+(\S.+)", text, re.MULTILINE)
    assert len(entries) == text.count("\n- ") >= 10
    assert len({address for address, _ in entries}) == len(entries)
