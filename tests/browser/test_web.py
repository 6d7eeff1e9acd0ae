"""The widgets on a plain page, without Python: what JavaScript marks, and what a learner does."""

import json
import random
import runpy
import time
from html import unescape
from pathlib import Path

import pytest
import web_answers
from axe_playwright_python.sync_playwright import Axe
from beside import caller
from playwright.sync_api import expect

from featlib import quiz, web
from featlib.pages import class_report
from featlib.quiz import flashcards, guesses, html
from featlib.quiz.numbers import read_number, rounded
from featlib.quiz.progress import RATINGS

ROOT = Path(__file__).parents[2]
ANSWERS = 5000
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A lesson</title>
<script>{}</script></head><body><main><h1>A lesson</h1>{}</main></body></html>"""


class Opened:
    """A page from a folder, without a network, on which nothing may go wrong."""

    def __init__(self, context, folder, places=""):
        self.file = folder / "a page.html"
        self.file.write_text(PAGE.format(web.script(), places), encoding="utf-8")
        self.page, self.said = context.new_page(), []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.said.append(request.url))
        self.load()

    def load(self):
        self.page.goto(self.file.as_uri())
        self.said.remove(self.file.as_uri())
        assert self.said == []


@pytest.fixture
def open_page(chromium, tmp_path):
    """Return a function that opens a page with widgets."""
    context, opened = chromium.new_context(offline=True), []

    def open_page(before=""):
        if before:
            context.add_init_script(before)
        opened.append(Opened(context, tmp_path, places()))
        return opened[-1]

    yield open_page
    assert [words for each in opened for words in each.said] == []
    context.close()


@pytest.fixture(scope="module")
def javascript(chromium, tmp_path_factory):
    """Return a function that runs JavaScript beside the script, with arguments in JSON."""
    context = chromium.new_context(offline=True)
    yield caller(Opened(context, tmp_path_factory.mktemp("bare")).page)
    context.close()


def test_javascript_marks_as_python_does(javascript):
    pools = [quiz.Quiz(q.name, q.title, {}, q.pool) for q in quiz.bundled_quizzes()]
    cases = web_answers.cases(pools, ANSWERS)
    asked, wanted = [], []
    for found, own, listed in cases:
        entries = web.data(found, own)["questions"]
        for question, entry, answers in zip(found.questions, entries, listed, strict=True):
            asked.append([entry, answers])
            marks = [quiz.mark(question, answer, own) for answer in answers]
            wanted.append(
                [[*vars(m).values(), html.rich(m.feedback, question.format)] for m in marks]
            )
    started = time.perf_counter()
    found = javascript(
        """asked => asked.map(([entry, answers]) => answers.map(answer => {
          const {correct, feedback, asked_back, html} = featlib.answered(entry, answer);
          return [correct, feedback, asked_back, html];
        }))""",
        asked,
    )
    states = [(m[0], m[2]) for marks in wanted for m in marks]
    counts = {state: states.count(state) for state in set(states)}
    print(f"{len(states)} answers in {time.perf_counter() - started:.2f} s: {counts}")
    assert len(states) >= ANSWERS
    assert min(counts.values()) > 500
    for (entry, answers), ours, theirs in zip(asked, wanted, found, strict=True):
        for answer, python, other in zip(answers, ours, theirs, strict=True):
            assert other == python, (entry["question"], entry["values"], answer)


def test_javascript_reads_and_rounds_numbers_as_python_does(javascript):
    tables = runpy.run_path(str(ROOT / "tests/quiz/test_numbers.py"))
    texts = [*tables["READ"], *tables["ASKED_BACK"], *tables["NO_NUMBERS"]]
    assert len(texts) > 100
    # Halfway between two doubles, the smallest, the largest, and beyond.
    texts += ["9007199254740993", "9007199254740995", "1e23", "2.47e-324", "2.48e-324", "3e-320"]
    texts += ["2.2250738585072011e-308", "1.7976931348623158e308", "1.7976931348623159e308"]
    for text, found in zip(
        texts, javascript("texts => texts.map(featlib.readNumber)", texts), strict=True
    ):
        wanted = read_number(text)
        said = list(wanted.values), list(wanted.other), wanted.advice
        assert (found["values"], found["other"], found["advice"]) == said, text
    pairs = [(number, digits) for number, digits, _ in tables["TO_PRECISION"]]
    found = javascript("pairs => pairs.map(pair => featlib.rounded(...pair))", pairs)
    assert found == [rounded(*pair) for pair in pairs]


def test_flashcards_are_due_when_fsrs_says_so(javascript):
    chance, histories = random.Random(0), []
    for _ in range(500):
        now, history = 1.7e9, []
        for _ in range(chance.randint(1, 12)):
            now += chance.choice((30, 600, 86_400, 86_399.5, 1e6, 1e8)) * chance.random() ** 2
            history.append(quiz.Review("card", chance.choice(RATINGS), round(now, 3)))
        histories.append(history)
    found = javascript(
        "histories => histories.map(history => featlib.schedule(history).get('card').due)",
        [[vars(review) for review in history] for history in histories],
    )
    wanted = [flashcards.schedule(history)["card"].due.timestamp() for history in histories]
    days = [(due - all_[-1].time) / 86_400 for due, all_ in zip(wanted, histories, strict=True)]
    assert min(days) < 1 / 24
    assert max(days) > 300
    assert found == pytest.approx(wanted, abs=1, rel=0)


def test_guesses_are_compared_as_python_does(javascript):
    chance, asked, wanted = random.Random(0), [], []
    for question in quiz.load_guesses().values():
        for truth in (_guessed(question, chance) for _ in range(3)):
            known = web.data(question, measured=truth)
            for value in [truth, *(_guessed(question, chance) for _ in range(9))]:
                asked.append([known, value])
                words = guesses.in_words(question, question.truth(truth))
                checked = question.checked(value), question.truth(truth)
                wanted.append(
                    f"Measured: {words}. You guessed {guesses.compared(question, *checked)}."
                )
    found = javascript("asked => asked.map(pair => featlib.guessed(...pair))", asked)
    assert list(map(unescape, found)) == wanted


def _guessed(question, chance):
    if question.kind == "choice":
        return chance.choice(question.labels)
    ties = (0, 0.5, 0.125, 1, chance.random())  # what is exactly half of the last digit, too
    span = question.high - question.low
    found = [question.low + span * chance.choice(ties) for _ in question.parts]
    return found[0] if question.kind == "slider" else found


QUESTIONS = quiz.load(
    [
        {"type": "multiple_choice", "question": "Which?", "hint": "The first one.", "answers": [
            {"answer": "this", "correct": True, "feedback": "Yes, <b>this</b>."},
            {"answer": "that</script><img src=x onerror=alert(1)>", "correct": False}]},
        {"type": "many_choice", "question": "Which are even?", "answers": [
            {"answer": str(i), "correct": i % 2 == 0} for i in range(4)]},
        {"type": "numeric", "question": "How many?", "explanation": "As measured: $x^2$.",
         "answers": [{"ask": "accuracy", "correct": True}], "tolerance": 0.01},
        {"type": "shape", "question": "Which shape?", "answers": [
            {"shape": [8, 512], "correct": True}]},
        {"type": "order", "question": "In order?", "items": ["one", "two", "three"],
         "feedback": {"correct": "Counted.", "wrong": "Count."}},
    ]
)  # fmt: skip
GUESS = {"id": "mine", "kind": "slider", "prompt": "Which share?", "low": 0, "high": 1}


def places():
    guess = quiz.find_guess(GUESS)
    return (
        web.embed("quiz", web.data(QUESTIONS, {"accuracy": 0.83}))
        + web.embed("guess", web.data(guess, measured=0.82))
        + web.embed("flashcards", web.data(quiz.load_deck()[:3]))
    )


def test_a_learner_with_mouse_and_keyboard(open_page, tmp_path):
    opened = open_page()
    page = opened.page
    asked = page.get_by_role("region", name="Quiz")
    status = asked.get_by_role("status")
    card, key = asked.locator(".fq-card"), page.keyboard
    asked.get_by_label("that").click()  # by mouse: wrong, then right
    asked.get_by_role("button", name="Check").click()
    expect(card).to_contain_text("Not right yet. Try again.Hint The first one.")
    asked.get_by_label("this").click()
    asked.get_by_role("button", name="Check again").click()
    expect(card).to_contain_text("Right. Yes, this.")
    expect(card).not_to_contain_text("Hint")
    asked.get_by_role("button", name="Next").click()
    asked.get_by_role("button", name="Check").click()
    expect(status).to_have_text("Give an answer first.")  # nothing is chosen: that is no try
    asked.get_by_role("button", name="Previous").click()
    asked.get_by_role("button", name="Next").focus()  # by keyboard from here on
    for keys, said in (
        (["Space", "Tab", "Tab", "Space", "Tab", "Tab", "Enter"], "Right."),
        (["0", ",", "8", "3", "Enter"], "more than one way"),
        (["Control+a", "8", "3", " ", "%", "Enter"], "As measured"),
        (["8", "x", "5", "1", "2", "Enter"], "Right."),
    ):
        if "Control+a" not in keys:
            asked.get_by_role("button", name="Next").focus()
            key.press("Enter")
        for each in keys:
            key.press(each)
        expect(card).to_contain_text(said)
    asked.get_by_role("button", name="Next").focus()
    key.press("Enter")
    asked.get_by_role("button", name="Check").click()
    expect(card).to_contain_text("Count.")
    expect(asked).to_contain_text("4 of 5 right")

    guess = page.get_by_role("region", name="Guess before you measure")
    guess.get_by_role("slider").press("End")
    guess.get_by_role("button", name="Keep my guess").click()
    expect(guess).to_contain_text("Measured: 0.82. You guessed 1.00: 0.18 too high.")
    cards = page.get_by_role("region", name="Flashcards")
    cards.get_by_role("button", name="Show answer").click()
    cards.get_by_role("button", name="Easy · 8 days").click()
    expect(cards).to_contain_text("2 to go")
    assert [v["id"] for v in Axe().run(page).response["violations"]] == []

    assert page.evaluate("Object.keys(localStorage).length") == 7  # five answers, a guess, a card
    for _ in range(2):  # more than one visit later
        opened.load()
    expect(asked).to_contain_text("4 of 5 right")
    expect(guess).to_contain_text("You guessed 1.00")
    expect(cards).to_contain_text("2 to go")
    asked.get_by_role("button", name="Show all").click()
    assert page.evaluate("[...document.querySelectorAll('.fq-right')].length") == 4
    expect(asked.get_by_label("Your answer").first).to_have_value("83 %")

    # Other pages of the same site may have written anything.
    page.evaluate("""for (const [i, text] of ["{", "null", '{"entries": [null]}'].entries())
      localStorage.setItem(`featlib:answers:${i}`, text)""")
    (tmp_path / "class").mkdir()
    export = page.evaluate("featlib.exportProgress()")
    (tmp_path / "class" / "me.json").write_text(export, encoding="utf-8")
    report = class_report.read(tmp_path / "class")
    (learner,) = report.learners
    assert report.refused == ()
    answers = [(a.key, a.correct, a.hint) for a in learner.answers]
    keys = [question.key for question in QUESTIONS.questions]
    assert answers == [
        (keys[0], False, False), (keys[0], True, True), (keys[1], True, False),
        (keys[2], True, False), (keys[3], True, False), (keys[4], False, False),
    ]  # fmt: skip
    assert report.guesses == ()  # of fewer than three, nothing of their own is shown
    for number, other in enumerate(("you", "they"), 1):
        (tmp_path / "class" / f"{other}.json").write_text(export, encoding="utf-8")
        assert class_report.read(tmp_path / "class").guesses == ()  # it is a copy
        theirs = json.loads(export)
        for entry in theirs["answers"] + theirs["guesses"]:
            assert entry["time"] % 86_400 == 0 < entry["mark"] < 1
            entry["mark"] = number / 10
        (tmp_path / "class" / f"{other}.json").write_text(json.dumps(theirs), encoding="utf-8")
    (guessed,) = class_report.read(tmp_path / "class").guesses
    assert "Measured: 0.82 (3 too high)" in guessed.told(3)

    asked.get_by_role("button", name="Start over").click()
    asked.get_by_role("button", name="Yes, clear").click()
    expect(status).to_have_text("All answers are cleared.")
    expect(asked).to_contain_text("0 of 5 right")
    assert json.loads(page.evaluate("featlib.exportProgress()"))["answers"] == []


@pytest.mark.parametrize(
    "refused",
    [
        "Object.defineProperty(window, 'localStorage', {get() { throw new Error('no'); }})",
        "Storage.prototype.setItem = () => { throw new Error('full'); }",
    ],
    ids=["none", "full"],
)
def test_where_the_browser_keeps_nothing_it_says_so_once(open_page, refused):
    page = open_page(refused).page
    asked = page.get_by_role("region", name="Quiz")
    for choice, said in (("that", "Not right. This browser keeps nothing"), ("this", "Right.")):
        asked.get_by_label(choice).click()
        asked.get_by_role("button", name="Check").click()
        expect(asked.get_by_role("status")).to_contain_text(said)
    expect(asked.get_by_role("status")).to_have_text("Right.")
    assert len(json.loads(page.evaluate("featlib.exportProgress()"))["answers"]) == 2
    asked.get_by_role("button", name="Start over").click()
    asked.get_by_role("button", name="Yes, clear").click()
    expect(asked.get_by_role("status")).to_have_text("All answers are cleared.")
    asked.get_by_label("that").click()
    asked.get_by_role("button", name="Check").click()
    expect(asked.get_by_role("status")).to_have_text("Not right.")
    (answer,) = json.loads(page.evaluate("featlib.exportProgress()"))["answers"]
    assert (answer["correct"], answer["hint"]) == (False, False)  # the hint is forgotten, too


def test_without_a_script_the_plain_form_stays(chromium, tmp_path):
    context = chromium.new_context(offline=True, java_script_enabled=False)
    page = Opened(context, tmp_path, places()).page
    expect(page.get_by_text("How many?")).to_be_visible()
    expect(page.get_by_text("Guess first:")).to_be_visible()
    assert page.locator("details").count() == len(QUESTIONS.questions) + 3
    context.close()
