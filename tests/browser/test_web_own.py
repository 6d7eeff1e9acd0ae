"""Own pictures on a plain page, without Python: the network, training, trying, and the camera."""

import base64
import io
import json
import re
import shutil
import time
from types import SimpleNamespace

import browser
import numpy as np
import pillow_heif
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect
from test_own_images import CAMERA, cards, choose, drop, has, noise, photographs

import featlib
from featlib import images, lesson, web
from featlib.widgets.own_images import _summary
from featlib.widgets.own_pictures import OwnPictures, decoded

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A lesson</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root {{ color-scheme: light dark }}</style>
{script}</head><body><main><h1>A lesson</h1>{places}</main>{blocks}</body></html>"""
FILES = '<script src="scripts/featlib.js?v=1"></script>'
BLOCKS = ("network", "ort", "wasm")
FEATURES = """async ([pictures, transform]) => {
  const found = [];
  for (const picture of pictures) {
    const bytes = Uint8Array.from(atob(picture), letter => letter.charCodeAt(0));
    const image = await featlib.decodedPicture(new Blob([bytes]));
    const pixels = featlib.squarePicture(image, image.width);
    found.push([...await featlib.lessonFeatures(pixels, transform, () => {})]);
  }
  return JSON.stringify(found);
}"""


@pytest.fixture(scope="module")
def context(chromium):
    """Return a browser's window that has a camera and no network."""
    kind = chromium.browser_type
    path = browser.find(SimpleNamespace(chromium=kind))
    running = kind.launch(executable_path=path, args=[*browser.FLAGS, *CAMERA])
    yield running.new_context(offline=True, viewport={"width": 1000, "height": 900})
    running.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with two pages, and with their scripts in another one."""
    folder = tmp_path_factory.mktemp("a site")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "featlib.js").write_text(web.script(), encoding="utf-8")
    for name in BLOCKS:
        (folder / "scripts" / f"featlib-{name}.js").write_text(web.block_script(name))
    for kind, widget in (
        ("own_images", featlib.show_own_images()),
        ("my_picture", featlib.show_my_picture()),
    ):
        place = web.embed(kind, web.data(widget))
        text = PAGE.format(script=FILES, places=place, blocks="")
        (folder / f"{kind}.html").write_text(text, encoding="utf-8")
    return folder


class Opened:
    """A page from a folder, on which nothing may be asked for elsewhere, and nothing go wrong."""

    def __init__(self, context, file):
        self.folder = file.parent.as_uri()
        self.page, self.said, self.asked = context.new_page(), [], []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.goto(file.as_uri())
        self.widget = self.page.locator(".fq")

    def _note(self, url):
        self.asked.append(re.sub(r"\?.*", "", url.rpartition("/")[2]))
        if not url.startswith((self.folder, "data:", "blob:")):
            self.said.append(url)

    def close(self):
        assert self.said == []
        self.page.close()


@pytest.fixture(scope="module")
def own_page(context, folder):
    return Opened(context, folder / "own_images.html")


@pytest.fixture
def own(own_page):
    """Return the page of own pictures, loaded anew."""
    own_page.page.reload()
    has(own_page.widget, 1, 0)
    yield own_page
    assert own_page.said == []


@pytest.fixture(scope="module")
def mine(context, folder):
    opened = Opened(context, folder / "my_picture.html")
    yield opened
    opened.close()


def no_violation(page):
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        assert [v["id"] for v in Axe().run(page).response["violations"]] == []


def says(widget, words, **options):
    expect(widget.get_by_role("status")).to_contain_text(words, **options)


def emoji_files(folder, n):
    """Write n pictures of each of two classes, and return their paths by class."""
    emoji, found = images.load("emoji10"), {}
    for name in ("animal", "face"):
        label = emoji.classes.index(name)
        rows = (emoji.labels == label).nonzero()[:n, 0].tolist()
        found[name] = [folder / f"{name} {row}.png" for row in rows]
        for row, path in zip(rows, found[name], strict=True):
            emoji.picture(row).save(path)
    return found


def features_in(page, rows):
    """Return what the page makes of pictures of emoji10, float32 N×512."""
    emoji = images.load("emoji10")
    transform = lesson.read_weights("bundled").transform
    files = []
    for row in rows:
        file = io.BytesIO()
        emoji.picture(row).save(file, "PNG")
        files.append(base64.b64encode(file.getvalue()).decode())
    facts = {"mean": transform.mean, "std": transform.std}
    return torch.tensor(json.loads(page.evaluate(FEATURES, [files, facts])))


def alike(page, rows):
    """Compare the page's features and labels with PyTorch's: cosines, and whether labels equal."""
    finished = lesson.run(baselines=False, progress=False)
    started = time.perf_counter()
    found, wanted = features_in(page, rows), finished.features[rows]
    each = (time.perf_counter() - started) / len(rows)
    cosines = torch.cosine_similarity(found, wanted)
    with torch.no_grad():
        labels = [finished.head(side).argmax(1) for side in (found, wanted)]
    same = labels[0] == labels[1]
    print(
        f"{len(rows)} pictures: cosine {cosines.min():.4f} at least, {cosines.mean():.4f} on "
        f"average; labels equal {same.float().mean():.3f}; {1000 * each:.0f} ms each"
    )
    return cosines, same


def test_features_are_those_of_pytorch(mine):
    cosines, same = alike(mine.page, list(range(0, 1000, 100)))
    assert cosines.min() >= 0.99
    assert same.all()


@pytest.mark.long
def test_features_of_all_pictures_are_those_of_pytorch(mine):
    cosines, same = alike(mine.page, list(range(1000)))
    assert cosines.min() >= 0.99
    assert same[images.load("emoji10").validation].float().mean() >= 0.98


def test_the_split_is_that_of_python(mine):
    ask = "() => Array.from({length: 39}, (_, i) => [...featlib.heldOut(i + 2)])"
    for n, rows in enumerate(map(sorted, mine.page.evaluate(ask)), 2):
        pixels = torch.zeros(2 * n, 3, 8, 8, dtype=torch.uint8)
        given = images.from_arrays(pixels, [0] * n + [1] * n, ["a", "b"])
        assert given.validation.tolist() == [*rows, *(n + row for row in rows)], n


@pytest.mark.long
def test_it_trains_and_says_what_python_says(own, tmp_path):
    files = emoji_files(tmp_path, 13)
    new = [files[name].pop() for name in files]
    widget, python = own.widget, OwnPictures()
    for number, (name, paths) in enumerate(files.items()):
        widget.get_by_label(f"Class {number + 1}", exact=True).fill(name)
        choose(widget, number + 1, paths)
        has(widget, number + 1, 12)
        python.rename(number, name)
        assert [python.put(number, path.name, path.read_bytes()) for path in paths] == [""] * 12
    widget.get_by_role("button", name="Train", exact=True).click()
    said = widget.get_by_text("Trained on")
    expect(said).to_be_visible(timeout=60_000)
    finished = python.train()
    seconds = re.compile(r"in [\d.]+ seconds")
    wanted = seconds.sub("", _summary(finished))
    assert seconds.sub("", said.inner_text()) == wanted
    assert "128×128 pixels" in wanted
    for path in new:
        widget.get_by_label("Try a new picture").set_input_files(path)
        traced = finished.predict(decoded(path.read_bytes(), 128))
        expect(widget.locator(".fq-feedback")).to_contain_text(f"The head says {traced.label}")
        bars = widget.locator(".fq-bars li > :last-child").all_inner_texts()
        shares = [int(bar.removesuffix("%")) / 100 for bar in bars]
        assert shares == pytest.approx(traced.probabilities.tolist(), abs=0.05)
        expect(widget.locator(".fq-nearest img")).to_have_count(3)
        figure = widget.get_by_role("img", name="Four layers of one prediction.")
        assert figure.evaluate("image => image.naturalWidth") == 2400
    no_violation(own.page)
    own.page.set_viewport_size({"width": 390, "height": 800})
    assert own.page.evaluate("document.documentElement.scrollWidth") <= 390
    own.page.set_viewport_size({"width": 1000, "height": 900})
    assert sorted(set(own.asked)) == [
        *(f"featlib-{name}.js" for name in BLOCKS), "featlib.js", "own_images.html"
    ]  # fmt: skip
    assert own.asked.count("featlib-wasm.js") == 1


@pytest.mark.long
def test_by_keyboard_alone_from_an_empty_widget_to_a_live_prediction(own, tmp_path):
    files = photographs(tmp_path)
    widget, page, choosers = own.widget, own.page, []
    press = page.keyboard.press

    def note(chooser):
        choosers.append(chooser)

    page.on("filechooser", note)  # early: playwright takes a while to watch for them
    no_violation(page)
    widget.get_by_label("Class 1", exact=True).focus()
    for number, (name, paths) in enumerate(files.items(), 1):
        page.keyboard.type(name)
        press("Tab")
        press("Enter")
        while not choosers:
            page.wait_for_timeout(50)
        choosers.pop().set_files(paths)
        has(widget, number, 4)
        for _ in range(4):  # the camera, all pictures, the thumbnails, the next class
            press("Tab")
    page.remove_listener("filechooser", note)
    expect(widget.get_by_role("button", name="Add a class")).to_be_focused()
    press("Tab")
    press("Tab")
    press("Enter")
    expect(widget).to_contain_text("Trained on 6 pictures", timeout=60_000)
    press("Tab")  # there is no folder of a machine here
    press("Tab")
    press("Enter")
    expect(widget.locator(".fq-bars li")).to_have_count(2)
    says(widget, "The head says")
    stop = widget.get_by_role("button", name="Stop the camera")
    expect(stop).to_be_focused()
    # What is wrong with the names is said as long as it is, though the camera looks on.
    second = widget.get_by_label("Class 2", exact=True)
    second.fill("cups")
    widget.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_timeout(1500)
    expect(widget).to_contain_text("another name for each class, got two called cups. Change one.")
    second.fill("shoes")
    expect(widget).not_to_contain_text("two called cups")
    stop.focus()
    press("Enter")
    expect(widget.locator("video")).to_have_count(0)
    widget.get_by_role("button", name="Use the camera for class 1").click()
    expect(widget.get_by_role("button", name="Hold to take pictures")).to_be_focused()
    page.keyboard.down("Space")
    expect(cards(widget).first.locator(".fq-thumbs button").nth(5)).to_be_visible()
    page.keyboard.up("Space")
    says(widget, "taken.")
    expect(widget).to_contain_text("The pictures changed since. Train again to use them.")


@pytest.mark.long
def test_what_is_no_picture_is_named_with_its_reason(own, tmp_path):
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "large.txt").write_text("no picture" * 1_000_000)
    pillow_heif.from_pillow(noise((40, 200, 40), 1)).save(tmp_path / "phone.heic")
    noise((9, 9, 9), 1, (5, 9)).save(tmp_path / "tiny.png")
    noise((9, 9, 9), 1).save(tmp_path / "good.png")
    (tmp_path / "again.png").write_bytes((tmp_path / "good.png").read_bytes())
    (tmp_path / "half.png").write_bytes((tmp_path / "good.png").read_bytes()[:60])
    kinds = "PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC or PPM"
    wanted = {
        "notes.txt": f"no {kinds} picture",
        "large.txt": f"no {kinds} picture",
        "phone.heic": "this browser cannot read HEIC: save it as JPEG or PNG",
        "tiny.png": "too small: 5×9, 8×8 needed",
        "good.png": "",
        "again.png": "same picture as good.png",
        "half.png": "damaged, or too large for this browser",
    }
    widget = own.widget
    choose(widget, 1, [tmp_path / name for name in wanted])
    has(widget, 1, 1)
    says(widget, "1 of 7 added.")
    said = [f"{name}: {why}" for name, why in wanted.items() if why]
    expect(widget.locator(".fq-refused li")).to_have_count(len(said))
    assert sorted(widget.locator(".fq-refused li").all_inner_texts()) == sorted(said)
    python = OwnPictures()
    for name in wanted:
        python.put(0, name, (tmp_path / name).read_bytes())
    same = [words for words in python.classes[0].refused if "half" not in words]
    assert sorted(same) == sorted(
        words for words in said if "heic" not in words and "half" not in words
    )
    no_violation(own.page)

    train = widget.get_by_role("button", name="Train", exact=True)
    train.click()
    fix = "Add pictures to each class, and name it."
    expect(widget).to_contain_text(
        f"own pictures: wanted pictures of two to ten classes, got 1. {fix}"
    )
    files = photographs(tmp_path / "more")
    drop(cards(widget).nth(1), files["shoes"][:1])
    has(widget, 2, 1)
    expect(widget).not_to_contain_text(fix)
    train.click()
    few = "own pictures: wanted at least 2 pictures in each class, got 1 in Class 1, Class 2."
    expect(widget).to_contain_text(f"{few} Add one more there.")
    widget.get_by_label("Class 2", exact=True).fill("Class 1")
    train.click()
    expect(widget).to_contain_text("own pictures: wanted another name for each class")
    widget.get_by_role("button", name="Remove shoes 0.jpg").focus()
    own.page.keyboard.press("Delete")
    has(widget, 2, 0)


def bars_of(widget):
    rows = widget.locator(".fq-bars li")
    expect(rows).to_have_count(10)
    return {
        row.split("\n")[0]: int(re.findall(r"(\d+)%", row)[0]) for row in rows.all_inner_texts()
    }


def test_one_picture_gets_what_the_lesson_says_of_it(mine, tmp_path):
    page, widget = mine.page, mine.widget
    finished = lesson.run(baselines=False, progress=False)
    cat = widget.get_by_role("button", name="Take the cat instead")
    expect(cat).to_have_attribute("aria-disabled", "true")
    of_cat = finished.predict(finished.example()).probabilities.tolist()
    assert [*bars_of(widget).values()] == pytest.approx([100 * p for p in of_cat], abs=0.51)
    random = np.random.default_rng(0)
    large = Image.fromarray(random.integers(0, 255, (30, 40, 3), np.uint8)).resize((4000, 3000))
    large.save(tmp_path / "large.jpg", quality=90)
    emoji = images.load("emoji10")
    emoji.picture(int(emoji.validation[30])).save(tmp_path / "emoji.png")
    give = widget.get_by_label("Choose a picture of your own")
    for name, most in (("emoji.png", 60), ("large.jpg", 6)):  # the first one loads the network
        started = time.perf_counter()
        give.set_input_files(tmp_path / name)
        says(widget, "Your picture is taken. The lesson's head says", timeout=60_000)
        seconds = time.perf_counter() - started
        print(f"{name}: {seconds:.2f} s")
        assert seconds < most
        traced = finished.predict(tmp_path / name)
        label, sure = traced.label, 100 * traced.probabilities.max().item()
        assert bars_of(widget)[label] == pytest.approx(sure, abs=6)
    no_violation(page)
    widget.get_by_role("button", name="Use the camera").focus()
    page.keyboard.press("Enter")
    snap = widget.get_by_role("button", name="Take the picture")
    expect(snap).to_be_focused()
    no_violation(page)
    page.keyboard.press("Enter")
    expect(widget.locator("video")).to_have_count(0)
    expect(widget.get_by_role("button", name="Use the camera")).to_be_focused()
    says(widget, "Your picture is taken.")
    pillow_heif.from_pillow(noise((40, 200, 40), 1)).save(tmp_path / "phone.heic")
    give.set_input_files(tmp_path / "phone.heic")
    says(widget, "phone.heic: this browser cannot read HEIC: save it as JPEG or PNG. Try another")
    page.set_viewport_size({"width": 390, "height": 800})
    no_violation(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.set_viewport_size({"width": 1000, "height": 900})
    cat.click()
    says(widget, "The cat is taken.")
    assert [*bars_of(widget).values()] == pytest.approx([100 * p for p in of_cat], abs=0.51)


@pytest.mark.long
def test_a_page_in_one_file_has_its_blocks_inside(context, folder, tmp_path):
    text = (folder / "my_picture.html").read_text(encoding="utf-8")
    whole = text.replace(FILES, f"<script>{web.script()}</script>")
    blocks = "".join(map(web.inline_block, BLOCKS))
    (tmp_path / "one.html").write_text(whole.replace("</body>", f"{blocks}</body>"))
    opened = Opened(context, tmp_path / "one.html")
    noise((200, 40, 40), 1).save(tmp_path / "red.png")
    opened.widget.get_by_label("Choose a picture").set_input_files(tmp_path / "red.png")
    says(opened.widget, "Your picture is taken.", timeout=60_000)
    assert opened.page.locator("[data-featlib-block]").count() == 0  # its memory is free
    assert opened.asked == ["one.html"]
    opened.close()


def test_the_camera_for_another_class_leaves_the_first_ones_button_usable(own):
    own.page.evaluate(
        """() => {
          const devices = navigator.mediaDevices, ask = devices.getUserMedia.bind(devices);
          const allowed = new Promise((resolve) => { window.allow = resolve; });
          devices.getUserMedia = (wanted) => allowed.then(() => ask(wanted));
        }"""
    )
    first, second = (
        own.widget.get_by_role("button", name=f"Use the camera for class {number}")
        for number in (1, 2)
    )
    first.click()
    second.click()
    own.page.evaluate("window.allow()")
    expect(own.widget.locator("video")).to_have_count(1)
    expect(first).to_be_enabled()


def test_a_part_of_the_network_that_is_missing_is_said_though_others_come_later(
    context, folder, tmp_path
):
    shutil.copytree(folder, tmp_path / "site")
    (tmp_path / "site" / "scripts" / "featlib-ort.js").unlink()
    opened = Opened(context, tmp_path / "site" / "my_picture.html")
    noise((200, 40, 40), 1).save(tmp_path / "red.png")
    opened.widget.get_by_label("Choose a picture").set_input_files(tmp_path / "red.png")
    says(opened.widget, "That did not work: The file featlib-ort.js")
    opened.page.wait_for_function("document.querySelectorAll('script[src*=network]').length === 0")
    opened.page.wait_for_timeout(500)
    says(opened.widget, "That did not work: The file featlib-ort.js")
    assert all("ERR_FILE_NOT_FOUND" in words for words in opened.said)
    opened.said.clear()
    opened.close()


@pytest.mark.long
@pytest.mark.parametrize("where", ["beside the page", "in the page"])
def test_a_block_that_is_missing_is_named_and_asked_for_again(context, folder, tmp_path, where):
    text = (folder / "my_picture.html").read_text(encoding="utf-8")
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    (scripts / "featlib.js").write_text(web.script(), encoding="utf-8")
    if where == "in the page":
        text = text.replace(FILES, f"<script>{web.script()}</script>")
    (tmp_path / "a.html").write_text(text, encoding="utf-8")
    opened = Opened(context, tmp_path / "a.html")
    noise((200, 40, 40), 1).save(tmp_path / "red.png")
    give = opened.widget.get_by_label("Choose a picture")
    give.set_input_files(tmp_path / "red.png")
    if where == "in the page":
        says(opened.widget, "That did not work: This page was made without the block")
        opened.close()
        return
    says(opened.widget, "That did not work: The file featlib-")
    says(opened.widget, "It belongs beside the script of this page.")
    for name in BLOCKS:
        (scripts / f"featlib-{name}.js").write_bytes(
            (folder / "scripts" / f"featlib-{name}.js").read_bytes()
        )
    opened.widget.get_by_role("status").evaluate(
        """status => {
          window.heard = [];
          new MutationObserver(() => window.heard.push(status.textContent))
            .observe(status, {childList: true});
        }"""
    )
    give.set_input_files(tmp_path / "red.png")
    says(opened.widget, "Your picture is taken.", timeout=60_000)
    heard = [words for words in opened.page.evaluate("window.heard") if "Loading" in words]
    assert heard == [
        f"Loading the network, once for this page: {n} of 3 parts are here …" for n in range(4)
    ]
    assert all("ERR_FILE_NOT_FOUND" in words for words in opened.said)  # the browser's own words
    opened.said.clear()
    opened.close()


def test_what_a_learner_gave_in_a_notebook_gets_into_no_page(tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path))
    widget, file = featlib.show_my_picture(), io.BytesIO()
    Image.new("RGB", (64, 64), (250, 0, 0)).save(file, "PNG")
    widget._receive(None, {"picture": "me.png"}, [file.getvalue()])
    assert widget.view["own"]
    shown = web.data(widget)["view"]
    assert (shown["caption"], shown["own"]) == ("cat face", False)
    emoji, held = images.load("emoji10"), base64.b64decode(shown["src"].partition(",")[2])
    cat = emoji.picture(emoji.captions.index("cat face"))
    assert Image.open(io.BytesIO(held)).tobytes() == cat.tobytes()
    own = featlib.show_own_images()
    own._receive(None, {"upload": 0, "file": "me.png"}, [file.getvalue()])
    assert "me.png" in str(own.view)
    assert "me.png" not in str(web.data(own))
