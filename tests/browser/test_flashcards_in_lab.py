"""Flashcards in JupyterLab, by keyboard."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

DECK = {
    "title": "Two cards",
    "cards": [
        {"id": "a", "front": "What is `fc`?", "back": "The last layer.", "notebook": "03"},
        {"id": "b", "front": "How many features?", "back": "512"},
    ],
}


def test_turn_rate_and_finish(notebook):
    code = "import featlib\nfeatlib.show_flashcards('deck.json')"
    opened = notebook("deck", DECK, code)
    widget, press = opened.widget, opened.page.keyboard.press
    expect(widget).to_contain_text("2 to go")
    expect(widget).not_to_contain_text("The last layer.")
    widget.get_by_role("button", name="Show answer").focus()
    press("Enter")
    expect(widget).to_contain_text("The last layer.")
    found = Axe().run(opened.page, context=".fq").response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []
    widget.get_by_role("button", name="Easy").focus()
    press("Enter")
    expect(widget).to_contain_text("How many features?")
    press("Enter")
    widget.get_by_role("button", name="Easy").click()
    expect(widget).to_contain_text("Done. The next card is due on")


def test_a_rating_counts_once_and_its_reply_takes_no_focus(notebook, gate):
    code = gate.code("featlib.widgets.flashcards", "FlashcardsWidget")
    code += "import featlib\nfeatlib.show_flashcards('late.json')"
    others = [card | {"id": f"late-{card['id']}"} for card in DECK["cards"]]
    opened = notebook("late", DECK | {"cards": others}, code)
    widget = opened.widget
    widget.get_by_role("button", name="Show answer").click()
    widget.get_by_role("button", name="Easy").dblclick()
    opened.page.get_by_role("heading", name="A quiz").click()
    gate.let_through()
    gate.let_through()
    expect(widget).to_contain_text("How many features?")
    expect(widget).to_contain_text("1 to go")
    assert not widget.evaluate("widget => widget.contains(document.activeElement)")
    assert opened.errors == []
