"""The class report in a real browser: it sorts by mouse and keyboard, and axe finds nothing."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from featlib import quiz
from featlib.pages import class_report


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Return the page of a class of five, with a file that is no export and an empty one."""
    root = tmp_path_factory.mktemp("class")
    folder = root / "exports"
    folder.mkdir()
    asked = [(found.name, q) for found in quiz.bundled_quizzes()[:6] for q in found.questions]
    guess = next(q for q in quiz.load_guesses().values() if q.kind == "slider")
    for number in range(5):
        progress = quiz.Progress(root / f"{number}.jsonl")
        for place, (name, question) in enumerate(asked[: 10 + 6 * number]):
            answer = 0 if question.type == "multiple_choice" else "77"
            progress.add(name, question, answer, (place + number) % 3 > 0)
        progress.add_guess(guess, guess.low)
        progress.export(folder / f"{number}.json")
    quiz.Progress(root / "empty.jsonl").export(folder / "empty.json")
    (folder / "notes.json").write_text("{}")
    return class_report.write(class_report.read(folder), root / "page.html")


@pytest.fixture
def page(chromium, file):
    opened = chromium.new_page(viewport={"width": 1280, "height": 900})
    opened.faults = []
    opened.on("pageerror", lambda error: opened.faults.append(str(error)))
    opened.on("console", lambda message: opened.faults.append(message.text))
    opened.goto(file.as_uri())
    yield opened
    opened.close()


def column(table, number):
    return [
        row.locator("th, td").nth(number).inner_text() for row in table.locator("tbody tr").all()
    ]


def test_axe_finds_nothing(page):
    page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    found = Axe().run(page).response["violations"]
    assert [(v["id"], [node["html"][:200] for node in v["nodes"]][:3]) for v in found] == []
    assert page.faults == []


def test_a_heading_sorts_its_table_and_says_so(page):
    table = page.get_by_role("region", name="Which questions were hard").locator("table")
    shares = [float(text.rstrip(" %")) for text in column(table, 3)]
    assert shares == sorted(shares)
    heading = table.get_by_role("columnheader", name="right at first try")
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert [float(text.rstrip(" %")) for text in column(table, 3)] == sorted(shares, reverse=True)
    assert table.locator("[aria-sort]").count() == 1
    assert page.faults == []


def test_the_keyboard_sorts_too(page):
    table = page.get_by_role("region", name="Who is stuck").locator("table")
    button = table.get_by_role("button", name="learner")
    button.focus()
    page.keyboard.press("Enter")
    assert column(table, 0) == [str(number) for number in range(1, 7)]
    page.keyboard.press("Space")
    assert column(table, 0) == [str(number) for number in range(6, 0, -1)]
    assert table.locator("tfoot").inner_text().startswith("all, done")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    stuck = [int(text) for text in column(table, 1)]
    assert stuck == sorted(stuck, reverse=True)
    assert button.locator("xpath=..").get_attribute("aria-sort") is None


def test_names_that_begin_with_a_number_are_words_too(page):
    table = page.get_by_role("region", name="By quiz").locator("table")
    table.locator("tbody th").first.evaluate("cell => { cell.textContent = 'source_quiz'; }")
    table.locator("tbody th").nth(1).evaluate("cell => { cell.textContent = '10_mine'; }")
    names = column(table, 0)
    table.locator("thead button").first.click()
    assert column(table, 0) == sorted(names, reverse=True)


def test_words_are_sorted_as_words(page):
    table = page.get_by_role("region", name="Which objectives are gaps").locator("table")
    table.get_by_role("button", name="one can").click()
    words = [text.lower() for text in column(table, 0)]
    assert words == sorted(words)


def test_without_scripts_the_page_is_whole(chromium, file):
    context = chromium.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(file.as_uri())
    assert opened.locator("table.sortable").count() == 6
    assert opened.locator("th button").count() == 0
    context.close()


def test_a_watched_page_follows_and_stays_as_the_reader_left_it(chromium, tmp_path):
    folder, file = tmp_path / "class", tmp_path / "page.html"
    folder.mkdir()
    question = quiz.load("source_quiz").questions[0]
    reports = class_report.watch(folder, file, seconds=0.1)
    next(reports)
    opened = chromium.new_page()
    opened.goto(file.as_uri())
    button = opened.get_by_role("button", name="learner").first
    button.focus()
    opened.keyboard.press("Enter")
    for number in range(1, 4):
        progress = quiz.Progress(tmp_path / f"{number}.jsonl")
        progress.add("source_quiz", question, 0, number > 1)
        progress.export(folder / f"{number}.json")
        next(reports)
        opened.locator(".lead", has_text=f"{number} learner").wait_for(timeout=20_000)
    table = opened.get_by_role("region", name="Who is stuck").locator("table")
    assert column(table, 0) == ["1", "2", "3"]
    heading = table.get_by_role("columnheader", name="learner")
    assert heading.get_attribute("aria-sort") == "ascending"
    opened.wait_for_function("document.activeElement.textContent === 'learner'", timeout=20_000)
    opened.close()
