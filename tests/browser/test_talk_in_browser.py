"""One deck for a talk, in a real browser: legible, and steered by a remote control."""

import json
import re
from functools import cache

import pytest
from playwright.sync_api import expect

from featlib.pages import talk, talk_plans

# The smallest words of the page that is shown, in pixels of a page of 1280×720, those of figures
# included where they say how small theirs are; and what reaches beyond the page.
SMALLEST = """() => {
  const page = document.querySelector("section.present .page");
  const frame = page.getBoundingClientRect(), scale = frame.width / 1280;
  const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  let smallest = 100, words = "";
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.data.trim() || !node.parentElement.getClientRects().length) continue;
    const size = parseFloat(getComputedStyle(node.parentElement).fontSize);
    if (size < smallest) [smallest, words] = [size, node.data.trim().slice(0, 40)];
  }
  for (const image of page.querySelectorAll("img")) {
    const shown = Math.min(image.clientWidth / image.naturalWidth,
                           image.clientHeight / image.naturalHeight);
    const size = Number(image.dataset.smallest ?? 100) * shown;
    if (size < smallest) [smallest, words] = [size, image.alt.slice(0, 40)];
  }
  const parts = [...page.querySelectorAll(".body *, h1, h2")].map((p) => p.getBoundingClientRect());
  return {
    smallest, words,
    headline: page.querySelector("h1, h2").innerText,
    bottom: Math.max(...parts.map((box) => (box.bottom - frame.top) / scale)),
    right: Math.max(...parts.map((box) => (box.right - frame.left) / scale)),
    images: [...page.querySelectorAll("img")].map((image) => image.clientHeight),
  };
}"""


@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    """Return a function that writes a deck once for all tests that show it."""
    folder = tmp_path_factory.mktemp("talk")
    return cache(lambda name: talk.export(name, folder, as_saved=True))


@pytest.fixture
def show(chromium):
    """Return a function that opens a deck, and hear what goes wrong in it."""
    opened, faults = [], []

    def open_deck(file, query="", width=1280, height=720):
        page = chromium.new_page(viewport={"width": width, "height": height})
        opened.append(page)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("request", lambda asked: faults.append(asked.url) if "://" in asked.url
                and not asked.url.startswith("file:") else None)  # fmt: skip
        page.goto(file.as_uri() + query)
        page.wait_for_selector("body[data-ready]", timeout=30_000)
        return page

    yield open_deck
    for page in opened:
        page.close()
    assert faults == []


def turned(page):
    """Turn all pages as a remote control does, and yield what each shows."""
    while True:
        yield page.evaluate(SMALLEST)
        before = page.evaluate("[Reveal.getIndices(), Reveal.availableFragments().next]")
        page.keyboard.press("PageDown")
        if before == page.evaluate("[Reveal.getIndices(), Reveal.availableFragments().next]"):
            return


def faults_of(pages, smallest=18):
    return [
        page
        for page in pages
        if page["smallest"] < smallest
        or page["bottom"] > 690
        or page["right"] > 1240
        or min(page["images"], default=720) < 180
    ]


@pytest.mark.parametrize("name", talk_plans.names())
def test_every_page_is_legible_and_fits(show, deck, name):
    page = show(deck(name))
    pages = list(turned(page))
    assert faults_of(pages) == []
    assert len({shown["headline"] for shown in pages}) == page.locator(".page").count()


def test_a_plan_of_ones_own_may_begin_and_end_with_a_figure(show, tmp_path):
    steps = [
        {"minutes": [i, i + 1], "show": "", "say": "",
         "pages": [{"headline": f"{i}", "cells": ["06-12"]}]}
        for i in range(2)
    ]  # fmt: skip
    plan = {"title": "Mine", "notebooks": ["06_prediction_trace"], "steps": steps}
    (tmp_path / "mine.json").write_text(json.dumps(plan))
    page = show(talk.export(str(tmp_path / "mine.json"), tmp_path, as_saved=True))
    assert faults_of(turned(page)) == []


@pytest.mark.long
@pytest.mark.parametrize("name", talk_plans.names())
def test_the_words_in_figures_are_legible_too(show, name, tmp_path):
    page = show(talk.export(name, tmp_path))
    assert page.locator("img:not([data-smallest])").count() == 0
    assert faults_of(turned(page)) == []


def test_what_the_room_guessed_stands_beside_what_was_measured(show, deck):
    page = show(deck("12"))
    while not page.locator("section.present .guess").count():
        page.keyboard.press("PageDown")
    sliders = page.locator("section.present .guess input")
    sliders.nth(0).focus()
    page.keyboard.press("ArrowRight")
    sliders.nth(2).fill("0.8")
    page.keyboard.press("PageDown")  # while a slider has the focus
    room = page.locator("section.present .room")
    assert room.inner_text() == "The room guessed: raw pixels 0.01, pretrained 0.8"


def test_a_click_of_the_remote_control_shows_the_answer(show, deck):
    page = show(deck("12"))
    while not page.locator("section.present .question").count():
        page.keyboard.press("PageDown")
    right = page.locator("section.present .right").first
    plain = right.evaluate("node => getComputedStyle(node).fontWeight")
    page.keyboard.press("PageDown")
    assert page.locator("section.present .answer.visible").count() == 1
    assert right.evaluate("node => getComputedStyle(node).fontWeight") != plain


def test_the_bar_turns_orange_where_the_speaker_is_a_minute_late(show, deck):
    page = show(deck("12"))
    page.clock.install()
    page.keyboard.press("PageDown")  # the clock begins
    page.clock.fast_forward(90_000)
    page.keyboard.press("PageDown")
    assert page.locator("section.present .clock").inner_text() == "minute 1 of 12"
    assert page.locator("section.present.late").count() == 0
    page.clock.fast_forward(2 * 60_000)
    page.keyboard.press("PageDown")
    assert page.locator("section.present.late").count() == 1


def test_it_is_dark_by_a_key_or_by_its_address(show, deck):
    ground = "getComputedStyle(document.body).backgroundColor"
    page = show(deck("12"))
    light = page.evaluate(ground)
    page.keyboard.press("d")
    dark = page.evaluate(ground)
    assert light == "rgb(255, 255, 255)" != dark
    assert show(deck("12"), "?theme=dark").evaluate(ground) == dark


def test_a_mouse_on_a_slider_takes_no_key_from_the_remote_control(show, deck):
    page = show(deck("12"))
    while not page.locator("section.present .guess").count():
        page.keyboard.press("PageDown")
    slider = page.locator("section.present .guess input").first
    at = page.evaluate("Reveal.getIndices().h")
    slider.click()
    assert slider.input_value() == "0.5"
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == at + 1
    page.keyboard.press("ArrowLeft")
    slider.focus()
    page.keyboard.press("b")
    assert page.evaluate("Reveal.isPaused()")


# The smallest words on a phone, what is wider than it, and what a page has no room for.
ON_A_PHONE = """() => [...document.querySelectorAll(".page")].map((page) => {
  const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT), sizes = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const { parentElement: parent } = node, scale = page.getBoundingClientRect().width
      / page.offsetWidth;
    if (!node.data.trim() || !parent.getClientRects().length) continue;
    sizes.push(parseFloat(getComputedStyle(parent).fontSize) * scale);
  }
  return { headline: page.querySelector("h1, h2").innerText, smallest: Math.min(...sizes),
    width: page.scrollWidth, beyond: page.scrollHeight - page.clientHeight };
})"""


@pytest.mark.parametrize("name", talk_plans.names())
def test_a_phone_shows_the_pages_below_each_other_in_words_of_its_size(show, deck, name):
    page = show(deck(name), width=390, height=844)
    assert page.evaluate("Reveal.isScrollView()")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    pages = page.evaluate(ON_A_PHONE)
    faults = [p for p in pages if p["smallest"] < 12 or p["width"] > 390 or p["beyond"] > 0]
    assert faults == []
    page.set_viewport_size({"width": 844, "height": 390})  # turned
    page.wait_for_selector("html:not(.phone) body:not(.reveal-scroll)")
    assert not page.evaluate("Reveal.isScrollView()")


def test_the_speakers_view_shows_pages_of_the_deck_however_small(show, deck):
    page = show(deck("12"))
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    speaker.set_viewport_size({"width": 700, "height": 500})
    upcoming = speaker.frame_locator("#upcoming-slide iframe")
    upcoming.locator("body[data-ready]").wait_for()
    expect(speaker.locator(".speaker-controls-notes")).to_contain_text("Wait for the room")
    assert upcoming.locator(":root.phone").count() == 0
    speaker.close()


def test_it_prints_one_page_of_paper_for_each_of_the_deck(show, deck):
    page = show(deck("12"), "?print-pdf")
    pages = page.locator(".page").count()
    page.wait_for_selector(".pdf-page")
    pdf = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf)) == pages
