"""The cheat sheet fits on one printed page."""

import re
from pathlib import Path

import pytest

SHEET = Path(__file__).parents[2] / "notebooks" / "cheat_sheet.html"


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_it_prints_on_one_page(chromium, paper):
    page = chromium.new_page()
    page.goto(SHEET.as_uri())
    pdf = page.pdf(format=paper)
    page.close()
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == 1


@pytest.mark.long
def test_a_notebook_hands_out_the_whole_page(notebook):
    deck = {"title": "One card", "cards": [{"id": "a", "front": "What?", "back": "That."}]}
    code = (
        "import featlib\ndisplay(featlib.show_cheat_sheet())\nfeatlib.show_flashcards('sheet.json')"
    )
    opened = notebook("sheet", deck, code)
    with opened.page.expect_download() as saved:
        opened.page.get_by_role("link", name="Save this page").click()
    assert saved.value.suggested_filename == SHEET.name
    assert Path(saved.value.path()).read_text("utf-8") == SHEET.read_text("utf-8")
