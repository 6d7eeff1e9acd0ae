"""The picture that travels, in JupyterLab: chosen, dropped, pasted, refused, and the cat again."""

import numpy as np
import pillow_heif
import pytest
from axe_playwright_python.sync_playwright import Axe
from lab_window import Window
from PIL import Image
from playwright.sync_api import expect
from test_own_images import drop, in_kernel, theme

CODE = "import featlib\nfeatlib.show_my_picture()"
PASTE = """async (place, [name, bytes]) => {
  const clipboardData = new DataTransfer();
  clipboardData.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
  place.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true}));
}"""


@pytest.fixture(scope="module")
def window(lab, chromium):
    opened = Window(lab, chromium)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def opened(lab, window):
    lab.write("mine", [], CODE)
    opened = window.open("mine", "dark")
    opened.idle()
    yield opened
    opened.unwatch()


@pytest.fixture
def mine(opened):
    """Return the notebook with the widget, which has taken the cat."""
    opened.errors.clear()
    opened.widget.evaluate_all("all => all.forEach(one => one.remove())")
    in_kernel(opened, "from featlib.engine import own_picture as o\no.remove()")
    opened.run_all()
    expect(opened.widget).to_have_count(1)
    shows(opened, "cat face")
    opened.hide_files()
    return opened


def shows(opened, caption):
    expect(opened.widget).to_contain_text(f"Now: {caption}")
    expect(opened.widget.get_by_role("img", name=caption)).to_be_visible()


def says(opened, words):
    expect(opened.widget.get_by_role("status")).to_contain_text(words)


def save(folder, name, color, size=(40, 30)):
    Image.new("RGB", size, color).save(folder / name)
    return folder / name


def corner(opened):
    """Return the color that the lesson sees in the kernel."""
    code = "from featlib import images\nprint(images.my_picture()[:, 32, 32].tolist())"
    return in_kernel(opened, code).strip()


def no_violation(page):
    assert [v["id"] for v in Axe().run(page, context=".fq").response["violations"]] == []


def test_by_keyboard_alone_a_picture_is_given_and_the_cat_taken_again(mine, tmp_path):
    page, widget, choosers = mine.page, mine.widget, []
    red = save(tmp_path, "red.png", (250, 0, 0))

    def note(chooser):
        choosers.append(chooser)

    page.on("filechooser", note)
    no_violation(page)
    widget.get_by_label("Choose a picture of your own").focus()
    page.keyboard.press("Enter")
    mine.wait_until(lambda: choosers, "a file can be chosen")
    choosers.pop().set_files(red)
    page.remove_listener("filechooser", note)
    says(mine, "Your picture is taken.")
    shows(mine, "your picture")
    assert corner(mine) == "[250, 0, 0]"
    no_violation(page)
    page.keyboard.press("Tab")
    cat = widget.get_by_role("button", name="Take the cat instead")
    expect(cat).to_be_focused()
    page.keyboard.press("Enter")
    says(mine, "The cat is taken.")
    shows(mine, "cat face")
    expect(cat).to_be_focused()
    expect(cat).to_have_attribute("aria-disabled", "true")
    theme(mine, "Light")
    no_violation(page)
    theme(mine, "Dark")
    assert mine.errors == []


def test_dropped_pasted_and_shrunk(mine, tmp_path):
    widget = mine.widget
    drop(widget, [save(tmp_path, "blue.png", (0, 0, 250))])
    shows(mine, "your picture")
    says(mine, "Your picture is taken.")
    assert corner(mine) == "[0, 0, 250]"
    green = save(tmp_path, "green.png", (0, 250, 0))
    place = widget.get_by_role("button", name="Take the cat instead")
    place.evaluate(PASTE, [green.name, list(green.read_bytes())])
    mine.wait_until(lambda: corner(mine) == "[0, 250, 0]", "the pasted picture is taken")
    drop(widget, [green, tmp_path / "blue.png"])
    says(mine, "Of 2 files, only the first counts.")
    noise = np.random.default_rng(0).integers(0, 255, (2000, 3000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png")
    assert (tmp_path / "large.png").stat().st_size > 15_000_000
    widget.get_by_label("Choose a picture of your own").set_input_files(tmp_path / "large.png")
    mine.wait_until(lambda: corner(mine) != "[0, 250, 0]", "the large picture is taken")
    size = "from PIL import Image\nprint(Image.open(o.file()).size)"
    assert in_kernel(mine, size).strip() == "(341, 341)"
    assert mine.errors == []


def test_heic_is_read_and_what_is_no_picture_is_named(mine, tmp_path):
    choose = mine.widget.get_by_label("Choose a picture of your own")
    heif = pillow_heif.from_pillow(Image.new("RGB", (900, 700), (40, 200, 40)))
    heif.save(tmp_path / "phone.heic")
    choose.set_input_files(tmp_path / "phone.heic")
    shows(mine, "your picture")
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "archive.zip").write_bytes(b"PK\x03\x04" + bytes(9_100_000))
    for name, why in (("notes.txt", "no PNG"), ("archive.zip", "9.1 MB")):
        choose.set_input_files(tmp_path / name)
        says(mine, name)
        says(mine, why)
        shows(mine, "your picture")
    assert mine.errors == []


def test_a_new_view_shows_what_is_kept(mine, tmp_path):
    drop(mine.widget, [save(tmp_path, "red.png", (250, 0, 0))])
    shows(mine, "your picture")
    mine.widget.evaluate_all("all => all.forEach(one => one.remove())")
    mine.run_all()
    shows(mine, "your picture")
    in_kernel(mine, "o.remove()")
