"""Own pictures in JupyterLab: from an empty widget to a live prediction, with a fake camera."""

import io
import re
from types import SimpleNamespace

import browser
import numpy as np
import pillow_heif
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab_window import Window
from PIL import ExifTags, Image
from playwright.sync_api import expect

CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
CODE = "import featlib\nown = featlib.show_own_images()\nown"
COMMAND = "([name, given]) => window.jupyterapp.commands.execute(name, given)"
COLORS = {"cups": (200, 40, 40), "shoes": (40, 40, 200)}


@pytest.fixture(scope="module")
def window(lab, chromium):
    """Open notebooks in a browser that has a camera."""
    kind = chromium.browser_type
    path = browser.find(SimpleNamespace(chromium=kind))
    running = kind.launch(executable_path=path, args=[*browser.FLAGS, *CAMERA])
    opened = Window(lab, running)
    yield opened
    opened.close()
    running.close()


@pytest.fixture(scope="module")
def opened(lab, window):
    """Return one notebook for all tests: a kernel takes seconds to begin."""
    lab.write("own", [], CODE)
    opened = window.open("own", "dark")
    opened.idle()
    yield opened
    opened.unwatch()


@pytest.fixture
def own(opened):
    """Return the notebook with an empty widget."""
    opened.errors.clear()
    opened.widget.evaluate_all("all => all.forEach(one => one.remove())")
    opened.run_all()
    expect(opened.widget).to_have_count(1)
    has(opened.widget, 1, 0)
    opened.hide_files()
    return opened


def theme(opened, name):
    opened.page.evaluate(COMMAND, ["apputils:change-theme", {"theme": f"JupyterLab {name}"}])
    expect(opened.page.locator(f"body[data-jp-theme-name='JupyterLab {name}']")).to_be_attached()


def noise(color, seed, size=(40, 30)):
    random = np.random.default_rng(seed)
    pixels = random.integers(-40, 40, (size[1], size[0], 3)) + np.array(color)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def photographs(folder, n=4):
    """Write n small JPEGs of each class, and return their paths by class."""
    found = {}
    for name, color in COLORS.items():
        (folder / name).mkdir(parents=True)
        found[name] = [folder / name / f"{name} {i}.jpg" for i in range(n)]
        for i, path in enumerate(found[name]):
            noise(color, i).save(path)
    return found


def cards(widget):
    return widget.get_by_role("group", name=re.compile(r"^Class \d+: pictures$"))


def choose(widget, number, files):
    widget.get_by_label(f"Choose pictures of class {number}").set_input_files(files)


def has(widget, number, n):
    words = {0: "no pictures yet", 1: "1 picture"}.get(n, f"{n} pictures")
    expect(cards(widget).nth(number - 1).locator(".fq-count")).to_have_text(words)


def no_violation(page):
    assert [v["id"] for v in Axe().run(page, context=".fq").response["violations"]] == []


def in_kernel(opened, code):
    """Run code in the notebook's kernel, and return what it prints."""
    return opened.page.evaluate(
        """async code => {
          const {kernel} = window.jupyterapp.shell.currentWidget.sessionContext.session;
          const future = kernel.requestExecute({code});
          let text = "";
          future.onIOPub = ({content}) => { text += content.text ?? content.evalue ?? ""; };
          await future.done;
          return text;
        }""",
        code,
    )


def drop(place, files):
    """Drop files onto a place, as a file manager does."""
    data = [[path.name, list(path.read_bytes())] for path in files]
    transfer = place.page.evaluate_handle(
        """files => {
          const transfer = new DataTransfer();
          for (const [name, bytes] of files)
            transfer.items.add(new File([new Uint8Array(bytes)], name));
          return transfer;
        }""",
        data,
    )
    for event in ("dragenter", "dragover", "drop"):
        place.dispatch_event(event, {"dataTransfer": transfer})


def test_by_keyboard_alone_from_an_empty_widget_to_a_live_prediction(own, tmp_path):
    files = photographs(tmp_path)
    widget, page = own.widget, own.page
    press = page.keyboard.press
    choosers = []

    def note(chooser):
        choosers.append(chooser)

    page.on("filechooser", note)  # early: playwright takes a while to watch for them
    no_violation(page)
    widget.get_by_label("Class 1", exact=True).focus()
    for name, paths in files.items():
        page.keyboard.type(name)  # the suggested name is selected, so it is replaced
        press("Tab")
        press("Enter")
        own.wait_until(lambda: choosers, "files can be chosen")
        choosers.pop().set_files(paths)
        has(widget, 1 + list(files).index(name), 4)
        for _ in range(4):  # the camera, all pictures, the thumbnails, the next class
            press("Tab")
    expect(widget.get_by_role("button", name="Add a class")).to_be_focused()
    press("Tab")
    press("Tab")
    expect(widget.get_by_role("button", name="Train", exact=True)).to_be_focused()
    press("Enter")
    expect(widget).to_contain_text("Trained on")
    for _ in range(3):  # the folder, trying a picture, the camera
        press("Tab")
    press("Enter")
    expect(widget.locator(".fq-bars li")).to_have_count(2)
    expect(widget.locator(".fq-nearest img")).to_have_count(3)
    expect(widget.get_by_role("status")).to_contain_text("The head says")
    expect(widget.get_by_role("button", name="Stop the camera")).to_be_focused()
    no_violation(page)
    press("Enter")
    expect(widget.locator("video")).to_have_count(0)
    expect(widget.get_by_role("button", name="Use the camera to try")).to_be_focused()
    page.remove_listener("filechooser", note)
    theme(own, "Light")
    no_violation(page)
    assert own.errors == []


def test_what_is_read_and_what_is_named_at_once(own, tmp_path):
    blue_and_red = [
        np.tile(noise(COLORS[name], 0, (450, 450)), (3, 8, 1)) for name in ("shoes", "cups")
    ]
    large = Image.fromarray(np.concatenate(blue_and_red))
    large.getexif()[ExifTags.Base.Orientation] = 3  # upside down: red is above
    large.save(tmp_path / "large.jpg", quality=100, subsampling=0, exif=large.getexif())
    assert (tmp_path / "large.jpg").stat().st_size > 20_000_000
    heif = pillow_heif.from_pillow(noise((40, 200, 40), 1, (900, 700)))
    heif.save(tmp_path / "phone.heic", quality=95)
    assert (tmp_path / "phone.heic").stat().st_size > 200_000
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "large.txt").write_text("no picture" * 1_000_000)
    (tmp_path / "archive.zip").write_bytes(b"PK\x03\x04" + bytes(9_000_000))
    names = ("large.jpg", "phone.heic", "notes.txt", "large.txt", "archive.zip")

    widget = own.widget
    choose(widget, 1, [tmp_path / name for name in names])
    has(widget, 1, 2)
    status = widget.get_by_role("status")
    expect(status).to_have_text("2 of 5 added.", timeout=30_000)
    refused = widget.locator(".fq-refused li")
    expect(refused).to_have_count(3)
    for i, name in enumerate(names[2:]):
        expect(refused.nth(i)).to_contain_text(f"{name}: no PNG")
    pictures = "own._pictures.classes[0].pictures.values()"
    shown = in_kernel(own, f"for p in {pictures}: print(p.side, p.pixels[:, [9, 200], 99])")
    sides = re.findall(r"^\d+", shown, re.MULTILINE)
    assert sides == ["384", "700"], shown  # shrunk in the browser; by Python
    top_is_red = [int(x) for x in re.findall(r"\d+", shown)[1:7]]
    assert top_is_red[0] > 150 > 80 > top_is_red[1], shown
    has_thumbnail = re.compile("^data:image/jpeg;base64,")
    for image in cards(widget).first.locator("img").all():
        expect(image).to_have_attribute("src", has_thumbnail)
    no_violation(own.page)
    # What was said goes with the next choice.
    choose(widget, 1, [photographs(tmp_path / "more")["cups"][0]])
    has(widget, 1, 3)
    expect(refused).to_have_count(0)
    assert own.errors == []


def test_long_pictures_keep_their_middle_and_their_size_in_words(own, tmp_path):
    """Made small as a whole, nothing would be left of them."""
    random = np.random.default_rng(0)
    shapes = {"low.png": (120, 6000), "high.png": (6000, 120), "line.png": (5, 50_000)}
    for name, shape in shapes.items():
        pixels = random.integers(0, 60, (*shape, 3)).astype(np.uint8)
        middle = np.s_[2950:3050] if max(shape) == 6000 else np.s_[:]
        pixels[(middle, np.s_[:]) if name == "high.png" else (np.s_[:], middle)] = (200, 0, 0)
        pixels ^= random.integers(0, 16, pixels.shape).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 200_000  # else it is not made small
    choose(own.widget, 1, [tmp_path / name for name in shapes])
    has(own.widget, 1, 2)
    expect(own.widget.locator(".fq-refused li")).to_have_text(
        "line.png: too small: 50000×5, 8×8 needed"
    )
    pictures = "own._pictures.classes[0].pictures.values()"
    shown = in_kernel(own, f"for p in {pictures}: print(p.side, *p.pixels[:2, 112, 112].tolist())")
    for line in shown.splitlines():
        side, red, green = map(int, line.split())
        assert side == 120, shown
        assert red > 150 > 60 > green, shown  # the middle


def test_a_heic_in_pieces(own, tmp_path):
    file = io.BytesIO()
    pillow_heif.from_pillow(noise((40, 200, 40), 1, (400, 300))).save(file)
    n = 9_000_000
    free = n.to_bytes(4, "big") + b"free" + bytes(n - 8)  # a box of nothing
    (tmp_path / "phone.heic").write_bytes(file.getvalue() + free)
    choose(own.widget, 1, tmp_path / "phone.heic")
    has(own.widget, 1, 1)
    assert in_kernel(own, "print(own._pieces)") == "{}\n"


def drop_from_the_desktop(place, path):
    """Drag a file or folder of the disk onto a place, through the browser's own machinery."""
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    at = {"x": box["x"] + 20, "y": box["y"] + 20}
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    session = place.page.context.new_cdp_session(place.page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data} | at)
    session.detach()


@pytest.mark.long
def test_a_folder_of_two_hundred_files_and_a_refresh(own, tmp_path):
    photographs(tmp_path / "mine", 100)
    (tmp_path / "mine" / "cups" / ".hidden").write_text("passed over")
    widget, page = own.widget, own.page
    widget.get_by_label("Add a folder").set_input_files(tmp_path / "mine")
    for number, name in enumerate(COLORS, 1):
        expect(widget.get_by_label(f"Class {number}", exact=True)).to_have_value(name)
        has(widget, number, 100)
    expect(widget.locator(".fq-thumbs img[src^='data:']")).to_have_count(200)
    widget.get_by_label("Class 2", exact=True).fill("boots")
    widget.get_by_role("button", name="Add a class").click()
    expect(widget.get_by_label("Class 3", exact=True)).to_be_focused()
    expect(cards(widget).nth(2)).to_contain_text("two more needed")

    own.save()
    page.reload()
    own.idle()
    expect(widget.get_by_label("Class 1", exact=True)).to_have_value("cups")
    expect(widget.get_by_label("Class 2", exact=True)).to_have_value("boots")
    has(widget, 1, 100)
    expect(widget.locator(".fq-thumbs img[src^='data:']")).to_have_count(200)
    expect(cards(widget)).to_have_count(3)
    assert own.errors == []


def test_drop_paste_and_remove(own, tmp_path):
    files = photographs(tmp_path)
    widget, press = own.widget, own.page.keyboard.press
    (tmp_path / "shoes" / ".hidden").write_text("passed over")
    drop_from_the_desktop(cards(widget).nth(1), tmp_path / "shoes")
    has(widget, 2, 4)
    name = widget.get_by_label("Class 1", exact=True)
    name.focus()
    name.evaluate(
        """(input, bytes) => {
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([new Uint8Array(bytes)], "pasted.png"));
          const pasted = {clipboardData, bubbles: true, cancelable: true};
          input.dispatchEvent(new ClipboardEvent("paste", pasted));
        }""",
        list(files["cups"][0].read_bytes()),
    )
    has(widget, 1, 1)
    expect(cards(widget).first).to_contain_text("one more needed")
    expect(name).to_have_value("Class 1")

    widget.get_by_role("button", name="Train", exact=True).click()
    said = "wanted at least 2 pictures in each class, got 1 in Class 1"
    expect(widget).to_contain_text(said)
    drop(cards(widget).first, files["cups"][1:3])
    has(widget, 1, 3)
    expect(widget).not_to_contain_text(said)  # with its cause

    remove = widget.get_by_role("button", name="Remove shoes 2.jpg")
    widget.get_by_role("button", name="Remove shoes 0.jpg").focus()
    press("ArrowRight")
    press("ArrowRight")
    expect(remove).to_be_focused()
    press("Delete")
    has(widget, 2, 3)
    expect(remove).to_have_count(0)
    expect(widget.get_by_role("button", name="Remove shoes 3.jpg")).to_be_focused()
    widget.get_by_role("button", name="Remove all pictures of class 2").click()
    expect(cards(widget).nth(1)).to_contain_text("no pictures yet two more needed")
    assert own.errors == []


GIVEN = """(place, [event, entries, files]) => {
  const given = new DataTransfer();
  for (const [kind, words] of entries) given.setData(kind, words);
  for (const [name, bytes] of files) given.items.add(new File([new Uint8Array(bytes)], name));
  const options = {bubbles: true, cancelable: true};
  const made = event === "paste" ? new ClipboardEvent(event, {...options, clipboardData: given})
    : new DragEvent(event, {...options, dataTransfer: given});
  return !place.dispatchEvent(made);
}"""
WORDS = [["text/plain", "a cup"]]
LINK = [["text/uri-list", "https://example.org/a.jpg"], *WORDS]
PICTURE = [["a.png", [1, 2, 3]]]


@pytest.mark.parametrize(
    ("event", "field", "entries", "files", "taken"),
    [
        ("drop", False, LINK, [], True),  # else the browser leaves the page
        ("drop", False, WORDS, [], True),
        ("dragover", False, LINK, [], True),
        ("drop", True, WORDS, [], False),
        ("drop", True, [], PICTURE, True),
        ("paste", True, WORDS, [], False),
        ("paste", True, WORDS, PICTURE, False),  # of a table, with a picture of it
        ("paste", True, [], PICTURE, True),
        ("paste", False, WORDS, [], False),
    ],
)
def test_words_and_links_that_are_dropped_or_pasted(own, event, field, entries, files, taken):
    card = cards(own.widget).first
    place = own.widget.get_by_label("Class 1", exact=True) if field else card
    assert place.evaluate(GIVEN, [event, entries, files]) is taken
    if taken and files:
        expect(card).to_contain_text("a.png: no PNG")
    elif event == "drop" and taken:
        expect(own.widget.get_by_role("status")).to_contain_text("There is no file in that.")
    else:
        expect(own.widget.get_by_role("status")).to_have_text("")


def test_files_that_belong_to_no_class_are_named(own, tmp_path):
    files = photographs(tmp_path / "mine", 2)
    files["cups"][0].rename(tmp_path / "mine" / "loose.jpg")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / ".hidden").write_text("passed over")
    add, status = own.widget.get_by_label("Add a folder"), own.widget.get_by_role("status")
    add.set_input_files(tmp_path / "empty")
    expect(status).to_contain_text("There is no file in that.")
    add.set_input_files(tmp_path / "mine")
    expect(status).to_have_text("Left out, as they lie in no folder of a class: loose.jpg.")
    has(own.widget, 2, 2)


def test_a_camera_that_stops_before_its_turn_gives_no_picture(own):
    own.widget.get_by_role("button", name="Use the camera for class 1").click()
    hold = own.widget.get_by_role("button", name="Hold to take pictures")
    expect(hold).to_be_focused()
    hold.evaluate(
        """hold => {
          hold.dispatchEvent(new KeyboardEvent("keydown", {key: " ", bubbles: true}));
          hold.nextElementSibling.click();
        }"""
    )
    expect(own.widget.get_by_role("status")).to_have_text("0 pictures taken.")
    has(own.widget, 1, 0)
    expect(own.widget.locator(".fq-refused li")).to_have_count(0)


def test_a_burst_of_the_camera_by_mouse_and_key_and_its_end(own):
    widget, page = own.widget, own.page
    counted = cards(widget).first.locator(".fq-thumbs button")
    widget.get_by_role("button", name="Use the camera for class 1").click()
    hold = widget.get_by_role("button", name="Hold to take pictures")
    expect(hold).to_be_focused()
    page.keyboard.down("Space")
    expect(counted.nth(2)).to_be_visible()
    page.keyboard.up("Space")
    expect(widget.get_by_role("status")).to_contain_text("pictures taken.")
    n = counted.count()
    hold.hover()
    page.mouse.down()
    expect(counted.nth(n + 1)).to_be_visible()
    page.mouse.up()
    expect(widget.get_by_role("status")).to_contain_text("pictures taken.")
    no_violation(page)

    live = "video => { window.tracks = video.srcObject.getTracks(); }"
    widget.locator("video").evaluate(live)
    widget.get_by_role("button", name="Use the camera for class 2").click()
    expect(cards(widget).nth(1).locator("video")).to_be_visible()
    assert page.evaluate("window.tracks.map(track => track.readyState)") == ["ended"]
    widget.locator("video").evaluate(live)
    page.evaluate("document.querySelector('.fq').remove()")  # as a cleared output
    page.wait_for_function("window.tracks.every(track => track.readyState === 'ended')")
    assert own.errors == []


def test_a_camera_that_is_refused_is_said(own):
    own.page.evaluate(
        """() => { navigator.mediaDevices.getUserMedia =
             async () => { throw new DOMException("no", "NotAllowedError"); }; }"""
    )
    button = own.widget.get_by_role("button", name="Use the camera for class 1")
    button.click()
    expect(own.widget.get_by_role("status")).to_contain_text("Allow it in the browser's address")
    expect(button).to_be_enabled()
    own.page.evaluate("delete navigator.mediaDevices.getUserMedia")


def test_a_new_picture_and_an_error_that_goes_with_its_cause(own, tmp_path):
    files = photographs(tmp_path)
    (tmp_path / "notes.txt").write_text("no picture")
    widget, page = own.widget, own.page
    for number, name in enumerate(COLORS, 1):
        widget.get_by_label(f"Class {number}", exact=True).fill(name)
        choose(widget, number, files[name])
        has(widget, number, 4)
    widget.get_by_role("button", name="Train", exact=True).click()
    expect(widget).to_contain_text("Trained on")
    tried = widget.get_by_label("Try a new picture")
    tried.set_input_files(tmp_path / "notes.txt")
    expect(widget).to_contain_text("notes.txt: no PNG")
    noise(COLORS["shoes"], 99, (900, 700)).save(tmp_path / "new.png")
    tried.set_input_files(tmp_path / "new.png")
    expect(widget).to_contain_text("The head says shoes")
    expect(widget).not_to_contain_text("notes.txt")
    expect(widget.get_by_role("img")).to_have_attribute("alt", re.compile("shoes"))
    expect(widget.locator(".fq-nearest li")).to_have_text(["shoes"] * 3)
    expect(widget.locator(".fq-bars li").nth(1)).to_contain_text("shoes")
    drop(tried.locator(".."), files["cups"][:2])
    expect(widget.get_by_role("status")).to_have_text("Of 2 files, only the first is tried.")
    expect(widget).to_contain_text("The head says cups")
    page.set_viewport_size({"width": 400, "height": 900})
    no_violation(page)
    # JupyterLab fits its panels to the window a moment later.
    page.wait_for_function(
        "[...document.querySelectorAll('.jp-OutputArea .fq')]"
        ".every(one => one.scrollWidth <= one.clientWidth + 1)"
    )
    page.set_viewport_size({"width": 1200, "height": 1000})
    choose(widget, 1, files["cups"][0])  # once more
    expect(widget).to_contain_text("cups 0.jpg: same picture as cups 0.jpg")
    widget.get_by_role("button", name="Close what was said of class 1").click()
    expect(widget).not_to_contain_text("same picture")
    assert own.errors == []


@pytest.mark.long
def test_nothing_stays_after_the_kernel_ended(own, tmp_path, lab):
    files = photographs(tmp_path)
    widget = own.widget
    expect(widget).to_contain_text("when its kernel stops, they are gone")
    choose(widget, 1, files["cups"])
    has(widget, 1, 4)
    own.save()
    stored = (lab.notebooks / "own.ipynb").read_text()
    assert "cups 0.jpg" not in stored
    assert "data:image" not in stored
    own.restart()
    own.run_all()
    has(own.widget, 1, 0)
    known = files["cups"][0].read_bytes()
    assert [path for path in lab.notebooks.parent.rglob("*") if holds(path, known)] == []


ENDS = {
    "restart": "await session.kernel.restart();",
    "crash": "session.kernel.requestExecute({code: 'import os; os._exit(1)'});",
    "end": "await panel.sessionContext.shutdown();",
}
END = """async () => {
  const panel = window.jupyterapp.shell.currentWidget, {session} = panel.sessionContext;
  %s
}"""
BEGIN = (
    """() => window.jupyterapp.shell.currentWidget.sessionContext.changeKernel({name: "python3"})"""
)


@pytest.mark.long
@pytest.mark.parametrize("how", ENDS)
def test_a_widget_whose_kernel_ended_says_what_to_do(own, tmp_path, how):
    """It would stand there with pictures that nobody has, and wait for replies."""
    choose(own.widget, 1, photographs(tmp_path)["cups"])
    has(own.widget, 1, 4)
    own.widget.get_by_role("button", name="Use the camera for class 1").click()
    own.widget.locator("video").evaluate("v => { window.tracks = v.srcObject.getTracks(); }")
    own.page.evaluate(END % ENDS[how])
    output = own.page.locator(".jp-OutputArea-output")
    expect(output).to_contain_text("Run this cell to train on your own pictures.")
    expect(own.widget).to_have_count(0)
    assert own.page.evaluate("window.tracks.every(track => track.readyState === 'ended')")
    if how == "crash":
        own.page.get_by_role("button", name="Ok", exact=True).click()
    if how == "end":
        own.page.evaluate(BEGIN)
    own.run_all()
    has(own.widget, 1, 0)
    assert own.errors == []


def holds(path, content):
    return path.is_file() and content in path.read_bytes()
