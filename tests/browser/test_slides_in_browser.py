"""The slides in a real browser: every page fits, nothing is asked of the network."""

from functools import cache, partial
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from featlib import quiz
from featlib.pages import slides

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LEGIBLE = 0.7  # of 28 pixels: what a page may at most be made smaller

# How far the content of the page that is shown reaches, in pixels of a page of 1280×720.
EXTENT = """() => {
  const page = Reveal.getCurrentSlide().querySelector(".page");
  page.querySelectorAll(".question details").forEach((answer) => { answer.open = true; });
  const frame = page.getBoundingClientRect(), scale = frame.width / 1280;
  const parts = [...page.querySelectorAll("*")]
    .filter((part) => !part.closest(".notes, math"))
    .map((part) => part.getBoundingClientRect())
    .filter((box) => box.width && box.height);
  return {
    text: page.innerText.slice(0, 60).replace(/\\s+/g, " "),
    bottom: Math.max(...parts.map((box) => (box.bottom - frame.top) / scale)),
    right: Math.max(...parts.map((box) => (box.right - frame.left) / scale)),
    left: Math.min(...parts.map((box) => (box.left - frame.left) / scale)),
    figures: [...page.querySelectorAll("img")].map((image) => image.clientHeight),
    smaller: Number(page.dataset.scale),
  };
}"""


class Talk:
    """Slides in a browser."""

    def __init__(self, page, file):
        self.page, self.errors, self.requests = page, [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-ready]", timeout=30_000)

    def pages(self):
        """Go through all pages, as a speaker does, and yield where the content of each ends."""
        while True:
            yield self.page.evaluate(EXTENT)
            if self.page.evaluate("Reveal.isLastSlide() && Reveal.isLastVerticalSlide()"):
                return
            self.page.keyboard.press("ArrowRight")


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """Return a function that exports a notebook, once for all tests that show it."""
    return cache(partial(slides.export, folder=tmp_path_factory.mktemp("slides")))


@pytest.fixture
def talk(chromium, export):
    """Return a function that exports a notebook and opens its slides."""
    opened = []

    def open_talk(notebook, width=1280, height=720):
        page = chromium.new_page(viewport={"width": width, "height": height})
        opened.append(page)
        return Talk(page, export(notebook))

    yield open_talk
    for page in opened:
        page.close()


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_every_page_fits_and_nothing_is_asked_of_the_network(talk, notebook):
    shown = talk(notebook)
    faults = []
    for number, page in enumerate(shown.pages(), 1):
        name = f"{notebook.stem}, page {number} ({page['text']})"
        if page["bottom"] > 700 or page["right"] > 1270 or page["left"] < 0:
            faults.append(f"{name}: reaches {page['right']:.0f}×{page['bottom']:.0f} of 1280×720")
        if page["smaller"] < LEGIBLE:
            faults.append(f"{name}: had to be made smaller by {page['smaller']}")
        if min(page["figures"], default=720) < 180:
            faults.append(f"{name}: a figure is only {min(page['figures'])} pixels high")
    assert faults == []
    assert number == shown.page.locator(".page").count() > 5
    assert shown.errors == []
    assert [url for url in shown.requests if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    """Return a notebook with every quiz of the lesson and the flashcards in its outputs."""
    data = [{quiz.MIME: quiz.load(name).to_dict()} for name in quiz.names()]
    data.append({quiz.DECK_MIME: quiz.deck_to_dict(quiz.load_deck())})
    cells = [new_code_cell("", outputs=[new_output("display_data", entry)]) for entry in data]
    path = tmp_path_factory.mktemp("questions") / "questions.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_every_question_and_card_fits_on_its_page(talk, questions):
    pages = list(talk(questions).pages())
    asked = sum(len(quiz.load(name).questions) for name in quiz.names())
    assert len(pages) == asked + -(-len(quiz.load_deck()) // 4)
    faults = [
        page
        for page in pages
        if page["bottom"] > 700 or page["right"] > 1270 or page["smaller"] < LEGIBLE
    ]
    assert faults == []


def test_an_answer_opens_by_keyboard_and_the_page_stays(talk, questions):
    shown = talk(questions)
    place = "JSON.stringify(Reveal.getIndices())"
    shown.page.keyboard.press("ArrowRight")
    assert shown.page.locator("section.present section.present .question").count() == 1
    before = shown.page.evaluate(place)
    answer = shown.page.locator("section.present section.present details")
    answer.locator("summary").focus()
    shown.page.keyboard.press("Space")
    assert answer.get_attribute("open") is not None
    assert shown.page.evaluate(place) == before


def test_the_speaker_view_shows_the_notes(talk):
    shown = talk(NOTEBOOKS[0])
    with shown.page.expect_popup() as popup:
        shown.page.keyboard.press("s")
    view = popup.value
    view.wait_for_selector(".speaker-controls-notes:not(.hidden)", timeout=30_000)
    assert "import featlib" in view.locator(".speaker-controls-notes").inner_text()
    assert shown.errors == []


def test_a_small_window_shows_the_whole_page(talk):
    shown = talk(NOTEBOOKS[0], width=640, height=480)
    box = shown.page.locator("section.present .page").first.bounding_box()
    assert box["width"] <= 640
    assert box["height"] <= 480
