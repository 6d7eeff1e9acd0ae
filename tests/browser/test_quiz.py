"""The quiz in JupyterLab: by mouse, by keyboard alone, after a reload, after a restart."""

import shutil

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


@pytest.fixture(autouse=True)
def no_answers(lab):
    """Begin without answers: they belong to the questions, which are the same in all tests."""
    shutil.rmtree(lab.notebooks.parent / "data", ignore_errors=True)


@pytest.fixture
def quiz(notebook):
    """Return a function that opens the quiz."""

    def open_quiz(name, theme="light", mode="one"):
        return notebook(name, QUIZ, CODE.format(name=name, mode=mode), theme)

    return open_quiz


@pytest.mark.usefixtures("new_window")
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
    expect(widget.get_by_label("shuffles pixels")).to_be_focused()
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


def test_the_verdict_is_seen_once_and_heard_once(quiz):
    widget = quiz("once").widget
    heard = widget.locator("[aria-live], [role=status], [role=alert]")
    for label, words in (("shuffles pixels", "Not right."), ("makes features", "Right.")):
        widget.get_by_label(label).check()
        widget.get_by_role("button", name="Check").click()
        expect(heard).to_have_text([words])
        assert max(heard.bounding_box()[side] for side in ("width", "height")) <= 1
    widget.get_by_role("button", name="Next").click()
    widget.get_by_role("button", name="Check").click()
    expect(heard).to_have_text(["Give an answer first."])
    assert heard.bounding_box()["height"] > 10


def test_a_wrong_answer_leaves_the_focus_and_the_caret(quiz):
    widget = quiz("wrong", mode="all").widget
    for identity, typed in (("number", "1000"), ("word", "width"), ("shape", "(512, 1000)")):
        card = widget.locator(f"[data-question={identity}]")
        field = card.get_by_role("textbox")
        field.fill(typed)
        field.press("ArrowLeft")
        field.press("Enter")
        expect(card).to_contain_text("✗ Not right yet.")
        expect(field).to_be_focused()
        expect(field).to_have_value(typed)
        assert caret(field) == [len(typed) - 1] * 2


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


@pytest.fixture
def held(notebook, gate):
    """Return a function that opens the quiz; replies wait until the gate lets them through."""

    def open_quiz(name, mode="all", code=CODE):
        before = gate.code("featlib.widgets.quiz", "QuizWidget")
        return notebook(name, QUIZ, before + code.format(name=name, mode=mode))

    return open_quiz


def form(opened, identity):
    return opened.widget.locator(f"[data-question={identity}]")


def caret(field):
    return field.evaluate("input => [input.selectionStart, input.selectionEnd]")


def test_what_is_typed_before_the_reply_stays(held, gate):
    opened = held("type")
    page, card = opened.page, form(opened, "word")
    field = card.get_by_role("textbox")
    field.fill("width")
    field.press("Enter")
    page.keyboard.type(" and more")
    for _ in range(5):
        field.press("ArrowLeft")
    gate.let_through()
    expect(card).to_contain_text("✗ Not right yet.")
    expect(field).to_have_value("width and more")
    expect(field).to_be_focused()
    assert caret(field) == [9, 9]
    page.keyboard.type("!")
    expect(field).to_have_value("width and! more")


def test_a_second_answer_before_the_first_reply_stays(held, gate):
    opened = held("two")
    card = form(opened, "word")
    field = card.get_by_role("textbox")
    for typed in ("width", "height"):
        field.fill(typed)
        field.press("Enter")
    gate.let_through()
    expect(card).to_contain_text("✗ Not right yet.")
    expect(field).to_have_value("height")
    expect(field).to_be_enabled()
    gate.let_through()
    expect(card).to_contain_text("✓ Right.")
    expect(field).to_have_value("height")
    expect(field).to_be_disabled()


def test_a_right_answer_that_was_changed_since_is_not_locked(held, gate):
    opened = held("since")
    card = form(opened, "number")
    field = card.get_by_role("textbox")
    field.fill("512")
    field.press("Enter")
    opened.page.keyboard.type("0")
    gate.let_through()
    expect(card).to_contain_text("To “512”: ✓ Right.")
    expect(field).to_have_value("5120")
    expect(field).to_be_focused()
    field.press("Backspace")
    card.get_by_role("button", name="Check again").click()
    gate.let_through()
    expect(field).to_be_disabled()
    expect(field).to_have_value("512")
    expect(card).not_to_contain_text("To “512”")


def test_what_is_chosen_before_the_reply_stays(held, gate):
    opened = held("choose")
    one, many = form(opened, "one"), form(opened, "many")
    one.get_by_label("shuffles pixels").check()
    one.get_by_role("button").click()
    one.get_by_label("predicts classes").check()
    many.get_by_label("the head").check()
    gate.let_through()
    expect(one).to_contain_text("✗ Not right yet.")
    expect(one.get_by_label("predicts classes")).to_be_checked()
    expect(many.get_by_label("the head")).to_be_checked()

    many.get_by_role("button").click()
    many.get_by_label("the head").uncheck()
    many.get_by_label("weights").check()
    gate.let_through()
    expect(many).to_contain_text("✗ Not right yet.")
    expect(many.get_by_label("the head")).not_to_be_checked()
    expect(many.get_by_label("weights")).to_be_checked()


def test_what_is_sorted_before_the_reply_stays(held, gate):
    opened = held("sort")
    card = form(opened, "order")
    rows = card.locator("ol li")
    first, second, third = rows.all_inner_texts()
    card.get_by_role("button", name="Check").click()
    up = rows.nth(2).get_by_role("button").first
    up.click()
    gate.let_through()
    expect(card.locator(".fq-feedback")).to_be_visible()
    words = [row.split()[-1] for row in (first, third, second)]
    assert [row.split()[-1] for row in rows.all_inner_texts()] == words
    expect(rows.nth(1).get_by_role("button").first).to_be_focused()
    assert opened.errors == []


def test_a_letter_that_is_being_composed_stays(held, gate):
    opened = held("compose")
    card = form(opened, "word")
    field = card.get_by_role("textbox")
    field.fill("width")
    field.press("Enter")
    field.fill("")
    keyboard = opened.page.context.new_cdp_session(opened.page)
    begun = {"text": "たか", "selectionStart": 2, "selectionEnd": 2}
    keyboard.send("Input.imeSetComposition", begun)
    gate.let_through()
    expect(card).to_contain_text("✗ Not right yet.")
    keyboard.send("Input.insertText", {"text": "高さ"})
    expect(field).to_have_value("高さ")


def test_the_focus_stays_where_the_learner_went(held, gate):
    opened = held("elsewhere", mode="one")
    widget = opened.widget
    widget.get_by_label("makes features").check()
    widget.get_by_role("button", name="Check").click()
    widget.get_by_role("button", name="Next").click()
    widget.get_by_role("button", name="Start over").click()
    yes = widget.get_by_role("button", name="Yes, clear")
    expect(yes).to_be_focused()
    gate.let_through()
    expect(widget).to_contain_text("1 of 6 right")
    expect(yes).to_be_focused()
    widget.get_by_role("button", name="No", exact=True).click()
    widget.get_by_label("the head").check()
    widget.get_by_role("button", name="Check").click()
    widget.get_by_role("button", name="Next").focus()
    gate.let_through()
    expect(widget).to_contain_text("✗ Not right yet.")
    expect(widget.get_by_role("button", name="Next")).to_be_focused()


def test_what_is_typed_after_all_is_cleared_stays(held, gate):
    opened = held("clear")
    word, number = (form(opened, name).get_by_role("textbox") for name in ("word", "number"))
    number.fill("512")
    number.press("Enter")
    gate.let_through()
    expect(number).to_be_disabled()
    form(opened, "one").get_by_label("makes features").check()
    word.fill("to be cleared")
    opened.widget.get_by_role("button", name="Start over").click()
    opened.widget.get_by_role("button", name="Yes, clear").click()
    word.fill("new")
    gate.let_through()
    expect(opened.widget).to_contain_text("0 of 6 right")
    expect(number).to_be_enabled()
    expect(number).to_have_value("")
    expect(form(opened, "one").get_by_label("makes features")).not_to_be_checked()
    expect(word).to_have_value("new")


TWICE = """import featlib
w = featlib.show_quiz('{name}.json', mode='{mode}')
display(w)
w"""


def test_two_views_of_one_quiz(held, gate):
    opened = held("views", code=TWICE)
    first, second = (opened.page.locator(".jp-OutputArea .fq").nth(i) for i in (0, 1))
    second.wait_for()
    number, word = "[data-question=number] input", "[data-question=word] input"
    second.locator(word).fill("mine")
    for field, typed in ((word, "width"), (number, "512")):
        first.locator(field).fill(typed)
        first.locator(field).press("Enter")
        gate.let_through()
    expect(second).to_contain_text("1 of 6 right")
    expect(second.locator("[data-question=word]")).to_contain_text("✗ Not right yet.")
    expect(second.locator(word)).to_have_value("mine")
    expect(second.locator(number)).to_have_value("512")
    expect(second.locator(number)).to_be_disabled()


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
        field = form(opened, "word").get_by_role("textbox")
        field.fill(typed)
        field.press("Enter")
        expect(form(opened, "word")).to_contain_text("✗")
        expect(field).to_have_value(typed)
    assert not opened.page.evaluate(
        "document.querySelector('.fq').scrollWidth > document.querySelector('.fq').clientWidth"
    )
