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
