"""The quiz in JupyterLab: by mouse, by keyboard alone, after a reload, after a restart."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

CHOICES = [
    {"answer": "shuffles pixels", "correct": False, "feedback": "Nothing could be learned."},
    {"answer": "makes features", "correct": True, "feedback": "512 of them."},
    {"answer": "predicts classes", "correct": False, "feedback": "That is the head."},
]
QUIZ = {
    "title": "Six kinds of questions",
    "questions": [
        {
            "id": "one",
            "type": "multiple_choice",
            "format": "markdown",
            "question": "What does `extract` do, with $e^0 = 1$?",
            "code": "features.extract(pictures, resnet)",
            "answers": CHOICES,
            "hint": "Think of 512.",
            "explanation": "It makes features.",
        },
        {
            "id": "many",
            "type": "many_choice",
            "question": "Which are frozen?",
            "answers": [
                {"answer": "weights", "correct": True, "feedback": "Yes."},
                {"answer": "statistics", "correct": True, "feedback": "Yes."},
                {"answer": "the head", "correct": False, "feedback": "It learns."},
            ],
            "hint": "Two are right.",
            "explanation": "All but the head.",
        },
        {
            "id": "number",
            "type": "numeric",
            "question": "How many features?",
            "answers": [
                {"value": 512, "correct": True, "feedback": "Yes."},
                {"value": 1000, "correct": False, "feedback": "Those are the images."},
            ],
            "hint": "As many as the last stage has channels.",
            "explanation": "512 channels.",
        },
        {
            "id": "word",
            "type": "string",
            "question": "What does H stand for?",
            "answers": [{"answer": "height", "correct": True, "feedback": "Yes."}],
            "hint": "Not the width.",
            "explanation": "N×C×H×W.",
        },
        {
            "id": "shape",
            "type": "shape",
            "question": "Which shape?",
            "answers": [{"shape": [1000, 512], "correct": True, "feedback": "Yes."}],
            "hint": "Images first.",
            "explanation": "1000 images.",
        },
        {
            "id": "order",
            "type": "order",
            "question": "Which order?",
            "items": ["image", "features", "logits"],
            "feedback": {"correct": "Yes.", "wrong": "Not yet."},
            "hint": "The image comes first.",
            "explanation": "From image to logits.",
        },
    ],
}
CODE = "import featlib\nfeatlib.show_quiz('{name}.json', mode='{mode}')"


@pytest.fixture
def quiz(notebook):
    """Return a function that opens the quiz under a name of its own, so with no answers."""

    def open_quiz(name, theme="light", mode="one"):
        return notebook(name, QUIZ, CODE.format(name=name, mode=mode), theme)

    return open_quiz


def test_by_mouse_and_the_answers_are_there_again(quiz):
    opened = quiz("mouse", "light")
    page, widget = opened.page, opened.widget
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "true")
    expect(widget.locator("math")).to_have_count(1)
    expect(widget).to_contain_text("0 of 6 right")

    widget.get_by_label("predicts classes").check()
    widget.get_by_role("button", name="Check").click()
    expect(widget.get_by_role("status")).to_have_text("Not right.")
    expect(widget).to_contain_text("✗ Not right yet. That is the head.")
    expect(widget).to_contain_text("Hint Think of 512.")

    widget.get_by_label("makes features").check()
    widget.get_by_role("button", name="Check again").click()
    expect(widget.get_by_role("status")).to_have_text("Right.")
    expect(widget).to_contain_text("✓ Right. 512 of them.")
    expect(widget).to_contain_text("It makes features.")
    expect(widget).to_contain_text("1 of 6 right")

    widget.get_by_role("button", name="Next").click()
    widget.get_by_label("weights").check()
    widget.get_by_role("button", name="Check").click()
    expect(widget).to_contain_text("What you chose is right, but one is missing.")

    opened.save()
    page.reload()
    opened.idle()
    expect(opened.widget).to_contain_text("1 of 6 right")
    expect(opened.widget).to_contain_text("but one is missing")

    opened.restart()
    opened.run_all()
    expect(opened.widget).to_contain_text("1 of 6 right")
    expect(opened.widget.get_by_label("weights")).to_be_checked()
    expect(opened.widget).to_contain_text("but one is missing")
    assert opened.errors == []


def test_by_keyboard_alone(quiz):
    opened = quiz("keys", "dark")
    expect(opened.page.locator("body")).to_have_attribute("data-jp-theme-light", "false")
    press, widget = opened.page.keyboard.press, opened.widget
    focus = opened.page.locator(":focus")
    cells = opened.page.locator(".jp-Notebook .jp-Cell")
    expect(cells).to_have_count(2)

    widget.get_by_label("shuffles pixels").focus()
    press("ArrowDown")
    expect(widget.get_by_label("makes features")).to_be_checked()
    press("ArrowUp")
    expect(widget.get_by_label("shuffles pixels")).to_be_checked()
    press("Enter")
    expect(widget.get_by_role("status")).to_have_text("Not right.")
    expect(focus).to_have_text("Check again")
    press("Shift+Tab")
    press("ArrowDown")
    press("Enter")
    expect(widget.get_by_role("status")).to_have_text("Right.")
    expect(focus).to_have_text("Next →")

    press("Enter")  # many choice
    expect(widget.get_by_label("weights")).to_be_focused()
    press("Space")
    press("Tab")
    press("Space")
    press("Enter")
    expect(widget).to_contain_text("2 of 6 right")

    press("Enter")  # a number: letters that are JupyterLab's commands must reach the field
    expect(focus).to_have_attribute("type", "text")
    opened.page.keyboard.type("add 1000")
    press("Enter")
    expect(widget).to_contain_text("That is no number.")
    widget.get_by_label("Your answer").fill("512")
    press("Enter")
    expect(widget).to_contain_text("3 of 6 right")

    press("Enter")
    opened.page.keyboard.type("height")
    press("Enter")
    expect(widget).to_contain_text("4 of 6 right")

    press("Enter")
    opened.page.keyboard.type("1000 x 512")
    press("Enter")
    expect(widget).to_contain_text("5 of 6 right")

    press("Enter")
    sort_by_keyboard(widget, ["image", "features", "logits"])
    widget.get_by_role("button", name="Check").focus()
    press("Enter")
    expect(widget).to_contain_text("6 of 6 right ✓")
    expect(cells).to_have_count(2)
    assert opened.errors == []


def sort_by_keyboard(widget, wanted):
    """Move items up, one after the other, with the keyboard."""
    for place, word in enumerate(wanted):
        items = widget.locator(".fq-order li")
        while items.nth(place).locator("span").last.inner_text() != word:
            up = widget.get_by_role("button", name=f"Move up: {word}")
            up.focus()
            up.press("Enter")


def test_all_at_once_keeps_what_was_typed_elsewhere(quiz):
    widget = quiz("all", mode="all").widget
    expect(widget.locator("form")).to_have_count(6)
    number, word = widget.get_by_label("Your answer").all()[:2]
    word.fill("width")
    number.fill("1000")
    number.press("Enter")
    expect(widget).to_contain_text("Those are the images.")
    expect(word).to_have_value("width")
    widget.get_by_role("button", name="One at a time").click()
    expect(widget.locator("form")).to_have_count(1)


def test_start_over_asks_first(quiz):
    widget = quiz("over").widget
    widget.get_by_label("makes features").check()
    widget.get_by_role("button", name="Check").click()
    expect(widget).to_contain_text("1 of 6 right")
    widget.get_by_role("button", name="Start over").click()
    widget.get_by_role("button", name="No").click()
    expect(widget).to_contain_text("1 of 6 right")
    widget.get_by_role("button", name="Start over").click()
    widget.get_by_role("button", name="Yes, clear").click()
    expect(widget).to_contain_text("0 of 6 right")
    expect(widget.get_by_label("makes features")).not_to_be_checked()


def test_an_empty_answer_is_not_marked(quiz):
    widget = quiz("empty").widget
    widget.get_by_role("button", name="Check").click()
    expect(widget.get_by_role("status")).to_have_text("Give an answer first.")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(quiz, theme):
    opened = quiz(f"axe-{theme}", theme, mode="all")
    widget = opened.widget
    for label in ("shuffles pixels", "weights"):
        widget.get_by_label(label).check()
    for form in widget.locator("form").all()[:2]:
        form.get_by_role("button", name="Check").click()
        expect(form).to_contain_text("✗")
    widget.get_by_label("Your answer").first.fill("512")
    widget.get_by_label("Your answer").first.press("Enter")
    expect(widget).to_contain_text("1 of 6 right")
    found = Axe().run(opened.page, context=".fq").response["violations"]
    serious = [v for v in found if v["impact"] in ("serious", "critical")]
    assert [(v["id"], [node["html"] for node in v["nodes"]]) for v in serious] == []


def test_hostile_text_runs_nothing(notebook):
    evil = "<img src=x onerror='window.hacked = 1'><script>window.hacked = 1</script>"
    question = {
        "id": "evil",
        "type": "multiple_choice",
        "question": evil,
        "code": evil,
        "hint": evil,
        "explanation": evil,
        "answers": [
            {"answer": evil, "correct": False, "feedback": evil},
            {"answer": "fine", "correct": True, "feedback": evil},
        ],
    }
    quiz = {"title": evil, "questions": [question, question | {"id": "md", "format": "markdown"}]}
    opened = notebook("hostile", quiz, CODE.format(name="hostile", mode="all"))
    for form in opened.widget.locator("form").all():
        form.get_by_role("radio").first.check()
        form.get_by_role("button").click()
    expect(opened.widget.locator(".fq-hint")).to_have_count(2)
    assert opened.page.evaluate("window.hacked") is None
    assert opened.widget.locator("img, script").count() == 0


def test_odd_answers_come_back_as_they_were_typed(quiz):
    opened = quiz("odd", mode="all")
    for typed in ("ارتفاع", "高さ", "<b>x</b>", "x" * 900):
        field = opened.widget.get_by_label("Your answer").nth(1)
        field.fill(typed)
        field.press("Enter")
        expect(opened.widget.locator("[data-question=word]")).to_contain_text("✗")
        expect(opened.widget.get_by_label("Your answer").nth(1)).to_have_value(typed)
    assert not opened.page.evaluate(
        "document.querySelector('.fq').scrollWidth > document.querySelector('.fq').clientWidth"
    )
