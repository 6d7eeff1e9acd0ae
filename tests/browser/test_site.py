"""The whole site in a real browser, from a folder, without a network."""

import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

from featlib import site
from featlib.pages import class_report

pytestmark = [
    pytest.mark.long,
    # how Sphinx's extensions use it is no fault of ours
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning"),
]

MEGABYTE = 10**6
AXE = {"preload": False, "resultTypes": ["violations"]}  # it would fetch styles
LESSON = ("00_start_here", "01_raw_input", "02_preprocessing", "03_feature_extraction",
          "04_train_linear_head", "05_validation", "06_prediction_trace")  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Return the folder of the site, and the lesson in one file beside it."""
    folder = tmp_path_factory.mktemp("a site")
    site.build(folder / "site", folder / "lesson.html", progress=False)
    return folder


@pytest.fixture
def visit(chromium):
    """Return a function that opens a page on which nothing may go wrong."""
    context, said = chromium.new_context(offline=True), []

    def visit(file, query=""):
        page = context.new_page()
        loaded = page.loaded = []
        page.on("console", lambda message: said.append(f"{file.name}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"{file.name}: {error}"))
        page.on("request", lambda request: loaded.append(request.url))
        page.goto(f"{file.as_uri()}{query}")
        page.wait_for_load_state("load")
        outside = [url for url in loaded if not url.startswith(("file:", "data:", "blob:"))]
        said.extend(f"{file.name}: asks for {url}" for url in outside)
        return page

    yield visit
    context.close()
    assert said == []


def violations(page):
    found = Axe().run(page, options=AXE).response["violations"]
    return [(v["id"], v["nodes"][0]["html"][:120]) for v in found]


def pages(folder):
    return [file for file in sorted(folder.rglob("*.html")) if "_static" not in file.parts]


def test_it_is_small(built, visit):
    size = sum(file.stat().st_size for file in (built / "site").rglob("*") if file.is_file())
    print(f"{size / MEGABYTE:.1f} MB, {len(pages(built / 'site'))} pages")
    assert size <= 60 * MEGABYTE
    assert (built / "lesson.html").stat().st_size <= 45 * MEGABYTE
    page = visit(built / "site" / "index.html")
    files = {unquote(urlsplit(url).path) for url in page.loaded if url.startswith("file:")}
    first = sum(Path(file).stat().st_size for file in files)
    print(f"first page: {first / 1000:.0f} kB in {len(files)} files")
    assert first <= MEGABYTE


def test_no_page_has_a_fault_that_axe_finds_or_is_too_wide(built, visit):
    faults, found = {}, pages(built / "site")
    for file in found:
        page, name = visit(file), file.relative_to(built / "site").as_posix()
        for theme in ("light", "dark") if file.parent.name != "api" else ("light",):
            page.evaluate("theme => { document.body.dataset.theme = theme; }", theme)
            faults[f"{name}, {theme}"] = violations(page)
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            wider = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            faults[f"{name}, {width} pixels"] = max(wider, 0)
        page.close()
    assert {name: fault for name, fault in faults.items() if fault} == {}
    assert len(found) > 50


def answer(card):
    """Give some answer to the question that is shown."""
    for kind in ("radio", "checkbox", "textbox"):
        if (controls := card.get_by_role(kind)).count():
            controls.first.fill("3") if kind == "textbox" else controls.first.check()
            break
    card.get_by_role("button", name="Check").click()


@pytest.mark.parametrize("name", LESSON)
def test_every_quiz_marks_and_every_guess_is_kept(built, visit, name):
    page = visit(built / "site" / "lesson" / f"{name}.html")
    quizzes = page.get_by_role("region", name="Quiz")
    assert quizzes.count() >= 1
    for quiz in quizzes.all():
        answer(quiz)
        expect(quiz.get_by_role("status")).to_contain_text("ight")
    for guess in page.get_by_role("region", name="Guess before you measure").all():
        if (choices := guess.get_by_role("radio")).count():
            choices.first.check()
        else:
            for slider in guess.get_by_role("slider").all():
                slider.press("End")
        guess.get_by_role("button", name="Keep my guess").click()
        expect(guess).to_contain_text("You guessed")
    side = page.get_by_role("region", name="Your progress")
    expect(side).to_contain_text("questions right")


def test_progress_is_seen_on_every_page_and_can_be_taken_away(built, visit, tmp_path):
    page = visit(built / "site" / "index.html")
    side = page.get_by_role("region", name="Your progress")
    expect(side).to_be_hidden()
    lesson = visit(built / "site" / "lesson" / "00_start_here.html")
    quiz = lesson.get_by_role("region", name="Quiz")
    quiz.get_by_role("radio").nth(0).check()
    quiz.get_by_role("button", name="Check").click()
    expect(lesson.get_by_role("region", name="Your progress")).to_contain_text("of")
    page.reload()
    expect(side).to_contain_text("questions right")
    link = page.get_by_role("link", name="00 Start here").first
    expect(link.locator(".featlib-count")).to_contain_text("/")
    with page.expect_download() as download:
        side.get_by_role("button", name="Export").click()
    (tmp_path / "class").mkdir()
    download.value.save_as(tmp_path / "class" / "me.json")
    report = class_report.read(tmp_path / "class")
    assert report.refused == ()
    assert len(report.learners[0].answers) == 1


@pytest.mark.parametrize(
    ("words", "found"), [("calibration", "05 Validation"), ("featlib.images", "featlib.images")]
)
def test_the_search_finds(built, visit, words, found):
    page = visit(built / "site" / "index.html")
    page.get_by_role("textbox", name="Search").or_(page.get_by_role("searchbox")).first.fill(words)
    page.keyboard.press("Enter")
    results = page.locator("#search-results")
    expect(results.get_by_role("link", name=found).first).to_be_visible()
    results.get_by_role("link", name=found).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(found)


def test_the_lesson_in_one_file_is_as_live(built, visit):
    page = visit(built / "lesson.html")
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    quizzes = page.get_by_role("region", name="Quiz")
    assert quizzes.count() >= len(LESSON)
    answer(quizzes.first)
    expect(quizzes.first.get_by_role("status")).to_contain_text("ight")
    page.get_by_role("navigation").get_by_role("link", name="03").click()
    expect(page.get_by_role("heading", name="03 Feature extraction")).to_be_in_viewport()
    assert json.loads(page.evaluate("featlib.exportProgress()"))["answers"]


def test_on_a_telephone_the_lists_open_by_keyboard(built, visit):
    page = visit(built / "site" / "lesson" / "00_start_here.html")
    page.set_viewport_size({"width": 390, "height": 844})
    link = page.locator(".sidebar-tree").get_by_role("link", name="01 Raw image input")
    expect(link).not_to_be_in_viewport()
    assert violations(page) == []
    button = page.get_by_role("button", name="All pages")
    for _ in range(3):  # past the link to the content
        if not button.evaluate("button => button === document.activeElement"):
            page.keyboard.press("Tab")
    expect(button).to_be_focused()
    page.keyboard.press("Space")
    expect(link).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(link).not_to_be_in_viewport()


def test_large_data_are_found_beside_the_script(built, visit, tmp_path):
    page = visit(built / "site" / "lab.html")
    assert not [url for url in page.loaded if "featlib-lab-untrained" in url]
    page.get_by_label("trained on").select_option("untrained")
    expect(page.get_by_text("800 images of 10 classes, untrained: loss")).to_be_visible()

    Image.new("RGB", (300, 200), "red").save(tmp_path / "red.png")
    page = visit(built / "site" / "lesson" / "00_start_here.html")
    page.get_by_label("Choose a picture").set_input_files(tmp_path / "red.png")
    widget = page.locator("[data-featlib-widget=my_picture]")
    expect(widget.get_by_role("status")).to_contain_text("taken", timeout=120_000)
    shown = visit(built / "lesson.html")
    shown.get_by_label("Choose a picture").set_input_files(tmp_path / "red.png")
    widget = shown.locator("[data-featlib-widget=my_picture]")
    expect(widget.get_by_role("status")).to_contain_text("taken", timeout=120_000)
