"""The slides in a real browser: every page fits, nothing is asked of the network."""

import http.server
import threading
from functools import cache, partial
from pathlib import Path

import hostile
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from featlib import quiz
from featlib.pages import slides

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
LEGIBLE = 0.7  # of 28 pixels: what a page may at most be made smaller

# How far the content of the page that is shown reaches, in pixels of a page of 1280×720.
EXTENT = """() => {
  const SCROLLS = ".html:has(details):not(:has(.question, .cards))";
  const page = Reveal.getCurrentSlide().querySelector(".page");
  page.querySelectorAll(".question details").forEach((answer) => { answer.open = true; });
  const frame = page.getBoundingClientRect(), scale = frame.width / 1280;
  const parts = [...page.querySelectorAll("*")]
    .filter((part) => !part.closest(".notes, math"))
    .filter((part) => !part.parentElement.closest(SCROLLS))
    .map((part) => part.getBoundingClientRect())
    .filter((box) => box.width && box.height);
  return {
    text: page.innerText.slice(0, 60).replace(/\\s+/g, " "),
    bottom: Math.max(...parts.map((box) => (box.bottom - frame.top) / scale)),
    right: Math.max(...parts.map((box) => (box.right - frame.left) / scale)),
    left: Math.min(...parts.map((box) => (box.left - frame.left) / scale)),
    figures: [...page.querySelectorAll(".figure img")].map((image) => image.clientHeight),
    smaller: Number(page.dataset.scale),
  };
}"""


class Talk:
    """Slides in a browser."""

    def __init__(self, page, file):
        self.page, self.errors, self.requests = page, [], []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)
        self.dialogs = []
        page.on("dialog", self._dismiss)
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())
        page.wait_for_selector("body[data-ready]", timeout=30_000)

    def _hear(self, message):
        """Keep what the console says of faults, such as those against the policy."""
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    def _dismiss(self, dialog):
        self.dialogs.append(dialog.message)
        dialog.dismiss()

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


# Of every change those of the talk of 12 minutes and the longest one; each week all.
DAILY = ("00", "03", "04", "06", "09")


@pytest.mark.parametrize(
    "notebook",
    [
        pytest.param(
            path, marks=[] if path.stem.startswith(DAILY) else pytest.mark.long, id=path.stem
        )
        for path in NOTEBOOKS
    ],
)
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


@pytest.fixture
def trap():
    """Return the address of a server that a page could ask, and the list of who asked it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(404)

        do_POST = do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


# What of a stranger's page would run, load, send or cover: nothing of it may be there.
ACTIVE = r"""() => {
  const tags = "script, iframe, object, embed, form, input, button, base, link, meta, style," +
    "video, audio, source, svg, area, template, frame, portal, dialog, textarea, [id], [name]," +
    "[srcset]";
  const links = ["http:", "https:", "mailto:", "file:"];
  const wrong = ({ name, value }) => name.startsWith("on") ||
    name === "style" && /url|position|[(@]/.test(value) || /^\s*(java|vb)script/i.test(value);
  return [...document.querySelectorAll(".page *")].filter((node) =>
    node.matches(tags) || [...node.attributes].some(wrong) ||
    node.matches("[href]") && !links.includes(node.protocol) ||
    node.matches("img") && node.src && !node.src.startsWith("data:image/")
  ).map((node) => node.outerHTML.slice(0, 200));
}"""


def provoke(page):
    """Do what a curious reader may do to everything on a page, but follow links."""
    page.evaluate("""() => document.querySelectorAll(".slides *").forEach((node) => {
      for (const kind of ["mouseover", "pointerenter", "focus", "toggle", "load", "error", "wheel",
        "animationstart", "beforeinput", "copy", "auxclick"]) node.dispatchEvent(new Event(kind));
      if (node.tagName === "DETAILS") node.open = true;
    })""")
    page.wait_for_timeout(500)


@pytest.mark.long
def test_a_strangers_notebook_runs_nothing_and_asks_for_nothing(talk, trap, tmp_path):
    address, asked = trap
    path = tmp_path / "stranger.ipynb"
    assert len(hostile.PAYLOADS) >= 60
    path.write_text(hostile.notebook(address), encoding="utf-8")
    shown = talk(path)
    assert sum(1 for _ in shown.pages()) > len(hostile.PAYLOADS)
    assert shown.page.evaluate(ACTIVE) == []
    provoke(shown.page)
    said = [error for error in shown.errors if "ERR_INVALID_URL" not in error]  # of no base64
    assert (shown.dialogs, said, asked) == ([], [], [])
    assert [url for url in shown.requests if not url.startswith("data:")] == shown.requests[:1]
    assert shown.page.evaluate("window.pwned") is None
    assert shown.page.title() == "stranger"


def test_the_policy_alone_stops_what_slips_through(talk, trap, tmp_path, monkeypatch):
    address, asked = trap
    monkeypatch.setattr(slides, "clean", lambda html: html)
    path = tmp_path / "unsafe.ipynb"
    unsafe = [
        f"<img src=x onerror=alert(1)><img src={address}/i>",
        f"<script>alert(1)</script><script src={address}/s></script>",
        f"<link rel=stylesheet href={address}/c><style>@import '{address}/d';</style>",
        f"<iframe srcdoc='<script>alert(1)</script>'></iframe><iframe src={address}/f></iframe>",
        f"<object data={address}/o></object><video src={address}/v></video>",
        f"<div style='background:url({address}/b)'>x</div><svg onload=alert(1)></svg>",
    ]
    cells = [new_markdown_cell("## T")]
    cells += [
        new_code_cell(
            "x", outputs=[new_output("display_data", {"text/html": html})], execution_count=1
        )
        for html in unsafe
    ]
    nbformat.write(new_notebook(cells=cells), path)
    shown = talk(path)
    assert shown.page.locator("img[onerror]").count() == 1  # it slipped through
    list(shown.pages())
    provoke(shown.page)
    assert (shown.dialogs, asked) == ([], [])
    assert any("Content Security Policy" in error for error in shown.errors)


WIDE = "w" * 3000
DEEP = {
    "braces": "$" + "{" * 5000 + "x" + "}" * 5000 + "$",
    "powers": "$" + "a^{" * 3000 + "b" + "}" * 3000 + "$",
    "some powers": "$" + "a^{" * 60 + "b" + "}" * 60 + "$",
    "a long formula": "$" + "a+" * 3000 + "b$",
    "a word": WIDE,
    "a heading": "# " + WIDE,
    "a word in a list": "- " + WIDE,
    "a word in a table": f"|{WIDE}|b|\n|-|-|\n|c|{WIDE}|",
    "a word in code": f"`{WIDE}`",
    "a link": f"[{WIDE}](https://example.org/{WIDE})",
    "quotes": "> " * 3000 + "x",
    "lists": "- " * 3000 + "x",
    "spaces": "a" + " " * 100_000 + "b",
    "lines": "a" + "\n" * 100_000 + "b",
    "brackets": "[" * 20_000,
    "elements": "<div>" * 20_000,
    "tables": "<table><tr><td>" * 200 + "x",
    "a wide table": "|a" * 500 + "|\n" + "|-" * 500 + "|\n" + "|b" * 500 + "|",
}


@pytest.mark.long
def test_what_is_deep_or_wide_neither_hangs_nor_widens_a_page(talk, tmp_path):
    path = tmp_path / "deep.ipynb"
    cells = [new_markdown_cell(f"## {name}\n\n{text}") for name, text in DEEP.items()]
    shown = [
        new_output("display_data", {"text/html": f"<table><tr><th>{WIDE}<td>{WIDE}</table>"}),
        new_output("display_data", {"text/html": f"<p>{WIDE}</p><details open>{WIDE}</details>"}),
        new_output("display_data", {"text/html": "<b>" * 3000 + "<p>x" * 3000}),
        new_output("display_data", {"text/plain": WIDE}),
        new_output("stream", text=WIDE + "\x1b[31m" * 100_000),
        new_output("error", ename=WIDE, evalue=WIDE, traceback=[WIDE, "\x1b[38m" + WIDE]),
    ]
    cells += [new_code_cell("x", outputs=[output], execution_count=1) for output in shown]
    for cell in cells:  # else what is much too long for a page is left to the speaker's notes
        cell.metadata.slideshow = {"slide_type": "slide"}
    nbformat.write(new_notebook(cells=cells), path)
    seen = talk(path, width=800, height=450)
    widths = seen.page.evaluate("""() => [document.documentElement.scrollWidth,
      ...[...document.querySelectorAll(".page")].map((page) => page.offsetWidth)]""")
    assert widths[0] == 800
    assert set(widths[1:]) <= {0, 1280}
    assert len(list(seen.pages())) >= len(cells)
    assert seen.errors == []
