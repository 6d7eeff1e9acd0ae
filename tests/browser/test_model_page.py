"""The page of a kept model, in a real browser without a network, as after a double click."""

import re
import time
from types import SimpleNamespace

import browser
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect

import featlib
from featlib import images, lesson
from featlib.pages.model_page import export_html

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
QUICK = {"baselines": False, "progress": False}
HOSTILE = "</script><img src=x onerror=document.title=1>"
SAID = """cards => cards.map(card => [...card.querySelectorAll(".bars li")].map(
  row => [row.children[0].textContent, parseFloat(row.children[2].textContent) / 100]))"""


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return featlib.load(
        lesson.run("emoji10", **QUICK).save(tmp_path_factory.mktemp("kept") / "my_model")
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return the 200 validation pictures as files."""
    folder, emoji = tmp_path_factory.mktemp("pictures"), images.load("emoji10")
    rows = emoji.validation.tolist()
    for row in rows:
        emoji.picture(row).save(folder / f"{row:03}.png")
    return [folder / f"{row:03}.png" for row in rows]


@pytest.fixture(scope="module")
def context(chromium):
    """Return a browser's window that has a camera and no network."""
    kind = chromium.browser_type
    path = browser.find(SimpleNamespace(chromium=kind))
    running = kind.launch(executable_path=path, args=[*browser.FLAGS, *CAMERA])
    yield running.new_context(offline=True, viewport={"width": 1000, "height": 900})
    running.close()


class Opened:
    """A page on which nothing may be asked for, and nothing go wrong."""

    def __init__(self, context, file):
        self.page, self.said = context.new_page(), []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.said.append(request.url))
        started = time.perf_counter()
        self.page.goto(file.as_uri())
        ready = re.compile("^Ready")
        expect(self.page.get_by_role("status")).to_have_text(ready, timeout=120_000)
        seconds, size = time.perf_counter() - started, file.stat().st_size
        print(f"loaded in {seconds:.1f} s, {size / 1e6:.1f} MB")
        assert self.said == [file.as_uri()]
        self.said.clear()


@pytest.fixture(scope="module")
def opened(context, classifier, tmp_path_factory):
    file = tmp_path_factory.mktemp("page") / "my model.html"
    return Opened(context, export_html(classifier, file))


@pytest.fixture
def page(opened):
    """Return the page without the answers of earlier tests."""
    opened.page.locator("article").evaluate_all("all => all.forEach(one => one.remove())")
    yield opened.page
    assert opened.said == []


def answers(page, n):
    expect(page.locator("article")).to_have_count(n, timeout=120_000)
    return page.locator("article").evaluate_all(SAID)


def no_violation(page):
    assert [v["id"] for v in Axe().run(page).response["violations"]] == []


@pytest.mark.long  # of every change: pictures of other shapes
def test_it_says_of_200_pictures_what_the_classifier_says(page, classifier, files):
    page.get_by_label("Choose pictures").set_input_files(files)
    said = answers(page, 200)
    expect(page.get_by_role("status")).to_contain_text("200 of 200 classified")
    print(page.get_by_role("status").inner_text())
    wanted = classifier.predict_proba(files)
    found = torch.tensor([[dict(rows)[name] for name in classifier.classes] for rows in said])
    print(f"probabilities differ by {(found - wanted).abs().max():.4f} at most")
    torch.testing.assert_close(found, wanted, atol=0.02, rtol=0)
    assert (found.argmax(1) == wanted.argmax(1)).float().mean() >= 0.98


def test_pictures_of_other_shapes_are_read_as_featlib_reads_them(page, classifier, files, tmp_path):
    sizes = [(300, 90), (90, 300), (65, 64), (64, 200), (40, 30), (30, 40), (8, 500)]
    paths = [tmp_path / f"{width}x{height}.png" for width, height in sizes]
    for file, path, size in zip(files, paths, sizes, strict=False):
        Image.open(file).resize(size).save(path)
    clear = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    clear.paste((200, 30, 30, 255), (10, 10, 50, 50))
    paths.append(tmp_path / "clear.png")
    clear.save(paths[-1])
    paths.append(tmp_path / "turned.jpg")
    turned = Image.open(files[0]).resize((80, 64))
    exif = turned.getexif()
    exif[0x0112] = 6  # lies on its side
    turned.save(paths[-1], exif=exif, quality=100, subsampling=0)
    page.get_by_label("Choose pictures").set_input_files(paths)
    said = answers(page, len(paths))
    wanted = classifier.predict_proba(paths)
    found = torch.tensor([[dict(rows)[name] for name in classifier.classes] for rows in said])
    torch.testing.assert_close(found, wanted, atol=0.02, rtol=0)


def test_dropped_pasted_and_what_is_no_picture(page, files, tmp_path):
    content = [list(files[0].read_bytes()), list(files[1].read_bytes())]
    page.evaluate(
        """([dropped, pasted]) => {
          const held = (bytes, name) => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], name));
            return data;
          };
          const bubbles = {bubbles: true, cancelable: true};
          document.body.dispatchEvent(
            new DragEvent("drop", {dataTransfer: held(dropped, "dropped.png"), ...bubbles}));
          document.body.dispatchEvent(
            new ClipboardEvent("paste", {clipboardData: held(pasted, "pasted.png"), ...bubbles}));
        }""",
        content,
    )
    answers(page, 2)
    assert page.locator("article .name").all_inner_texts() == ["dropped.png", "pasted.png"]
    notes = tmp_path / "<b>notes.png"
    notes.write_text("no picture")
    page.get_by_label("Choose pictures").set_input_files(notes)
    expect(page.locator("#faults")).to_have_text(
        "<b>notes.png: this browser cannot read it as a picture"
    )
    no_violation(page)


def test_the_camera_by_keyboard(page):
    button = page.get_by_role("button", name="Use the camera")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#live .bars li")).to_have_count(10)
    no_violation(page)
    page.locator("video").evaluate("video => { window.tracks = video.srcObject.getTracks(); }")
    stop = page.get_by_role("button", name="Stop the camera")
    stop.focus()
    page.keyboard.press("Enter")
    expect(page.locator("video")).to_have_count(0)
    assert page.evaluate("window.tracks.map(track => track.readyState)") == ["ended"]


def test_two_clicks_before_the_camera_is_allowed_open_one(page):
    page.evaluate(
        """() => {
          const devices = navigator.mediaDevices, ask = devices.getUserMedia.bind(devices);
          const allowed = new Promise((resolve) => { window.allow = resolve; });
          window.lent = [];
          devices.getUserMedia = async (wanted) => {
            await allowed;
            window.lent.push(await ask(wanted));
            return window.lent.at(-1);
          };
        }"""
    )
    button = page.get_by_role("button", name="Use the camera")
    for _ in range(2):
        button.click()
        expect(button).to_be_enabled()
    page.evaluate("window.allow()")
    expect(page.locator("#live .bars li")).to_have_count(10)
    page.wait_for_function("window.lent.length === 2")
    page.get_by_role("button", name="Stop the camera").click()
    expect(page.locator("video")).to_have_count(0)
    states = "window.lent.map((stream) => stream.getTracks()[0].readyState)"
    assert page.evaluate(states) == ["ended", "ended"]
    page.evaluate("delete navigator.mediaDevices.getUserMedia")


def test_a_camera_that_is_refused_is_said(page):
    page.evaluate(
        """() => { navigator.mediaDevices.getUserMedia =
             async () => { throw new DOMException("no", "NotAllowedError"); }; }"""
    )
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("status")).to_contain_text("Allow it in the browser’s address bar")
    expect(page.get_by_role("button", name="Use the camera")).to_be_enabled()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_in_light_and_dark_and_on_a_phone(page, files, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 400, "height": 800})
    page.get_by_label("Choose pictures").set_input_files(files[:2])
    answers(page, 2)
    no_violation(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.set_viewport_size({"width": 1000, "height": 900})


@pytest.mark.long
def test_names_are_text_and_thumbnails_are_the_makers_own(context, tmp_path):
    emoji = images.load("emoji10")
    for label, name in enumerate(("cats", "faces")):
        (tmp_path / "own" / name).mkdir(parents=True)
        for row in (emoji.labels == label).nonzero()[:6, 0].tolist():
            emoji.picture(row).save(tmp_path / "own" / name / f"{row}.png")
    rows = (emoji.labels < 2).nonzero()[:20, 0]
    given = images.from_arrays(emoji.pixels[rows], emoji.labels[rows], [HOSTILE, "\x1b[31m&amp;"])
    finished = lesson.run(given, size=96, **QUICK)
    loaded = featlib.load(finished.save(tmp_path / "m"))
    file = export_html(loaded, tmp_path / "page.html", thumbnails=tmp_path / "own")
    again = export_html(loaded, tmp_path / "again.html", thumbnails=tmp_path / "own")
    assert file.read_bytes() == again.read_bytes()
    opened = Opened(context, file)
    page = opened.page
    picture = tmp_path / "cat.png"
    emoji.picture(int(rows[0])).save(picture)
    page.get_by_label("Choose pictures").set_input_files(picture)
    said = dict(answers(page, 1)[0])
    wanted = dict(zip((HOSTILE, r"\x1b[31m&amp;"), loaded.predict_proba(picture), strict=True))
    assert said == pytest.approx({name: p.item() for name, p in wanted.items()}, abs=0.02)
    shown = page.locator(".alike img")
    expect(shown).to_have_count(3)
    assert shown.first.evaluate("image => image.naturalWidth") == 72
    assert page.title() == "A classifier of 2 classes"
    no_violation(page)
    assert opened.said == []


def test_the_page_forbids_itself_to_load_or_send_anything(page, opened):
    blocked = page.evaluate(
        """async () => {
          const blocked = [];
          addEventListener("securitypolicyviolation", one => blocked.push(one.effectiveDirective));
          await fetch("data:,x").catch(() => {});
          new Image().src = "https://example.org/x.png";
          const script = document.createElement("script");
          script.textContent = "document.title = 'run'";
          document.body.append(script);
          await new Promise((resolve) => setTimeout(resolve, 300));
          return blocked;
        }"""
    )
    assert sorted(blocked) == ["connect-src", "img-src", "script-src-elem"]
    assert page.title() == "A classifier of 10 classes"
    opened.said.clear()  # the browser complains of each
