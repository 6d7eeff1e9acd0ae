"""The picture that travels: taken, kept without what a camera writes, shown, removed."""

import io
import os

import pillow_heif
import pytest
import torch
from PIL import ExifTags, Image

import featlib
from featlib import FeatlibError, images
from featlib.engine import own_picture
from featlib.engine.words import say_once


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    """Return a data folder of this test's own, which is not there yet."""
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))
    say_once.cache_clear()
    return tmp_path / "data"


@pytest.fixture
def widget():
    return featlib.show_my_picture()


def file_of(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def ask(widget, content=None, **message):
    """Send a message, and return what is said then."""
    replies = []
    widget.send = replies.append
    widget._handle_custom_msg({"sent": "m"} | message, [] if content is None else [content])
    assert replies == [{"done": "m"}]
    return widget.view["words"]


def cat():
    pictures = images.load()
    return pictures.pixels[pictures.find("cat")[0]]


def test_without_a_picture_there_is_the_cat(widget, data):
    assert torch.equal(images.my_picture(), cat())
    assert images.my_caption() == "cat face"
    assert (widget.view["caption"], widget.view["own"]) == ("cat face", False)
    assert not data.exists(), "looking makes nothing"


def test_a_picture_is_taken_kept_for_the_next_notebook_and_removed(widget):
    assert ask(widget, file_of(Image.new("RGB", (900, 300), "red")), picture="a.png") == (
        "Your picture is taken."
    )
    assert (widget.view["caption"], widget.view["own"]) == ("your picture", True)
    assert (
        images.my_picture().tolist()
        == torch.tensor([255, 0, 0])[:, None, None].expand(3, 64, 64).tolist()
    )
    assert featlib.show_my_picture().view["own"], "another notebook finds it"
    assert ask(widget, cat=True) == "The cat is taken."
    assert not own_picture.file().exists()
    assert not widget.view["own"]
    assert torch.equal(images.my_picture(), cat())
    assert ask(widget, cat=True) == "The cat is taken.", "twice is no fault"


@pytest.mark.parametrize("size", [8, 64, 100, 224])
@pytest.mark.parametrize("own", [False, True])
def test_it_comes_in_any_size(widget, own, size):
    if own:
        ask(widget, file_of(Image.effect_noise((70, 90), 50)), picture="a.png")
    picture = images.my_picture(size)
    assert (picture.shape, picture.dtype) == ((3, size, size), torch.uint8)
    assert picture.is_contiguous()


@pytest.mark.parametrize("size", [None, 7, 5000, True, "64", 64.5])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises(FeatlibError, match=r"images\.my_picture: wanted"):
        images.my_picture(size)


@pytest.mark.parametrize(
    ("given", "kept"), [((64, 64), 64), ((900, 300), 300), ((3000, 2000), 512), ((9, 4000), 9)]
)
def test_what_is_kept_is_a_square_of_at_most_512_pixels(widget, given, kept):
    ask(widget, file_of(Image.new("RGB", given, "green")), picture="a.png")
    with Image.open(own_picture.file()) as picture:
        assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (kept, kept))
    assert images.my_caption() == "your picture"


def test_place_date_and_other_words_of_the_camera_are_not_kept(widget):
    photograph = Image.new("RGB", (90, 60), "blue")
    exif = photograph.getexif()
    exif[ExifTags.Base.Make] = "SECRET camera"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    content = file_of(photograph, "JPEG", exif=exif, comment=b"SECRET place")
    assert content.count(b"SECRET") == 2
    ask(widget, content, picture="a.jpg")
    assert b"SECRET" not in own_picture.file().read_bytes()
    with Image.open(own_picture.file()) as kept:
        assert kept.info == {}
        assert not kept.getexif()


def test_it_is_turned_upright_and_transparency_lies_on_white(widget):
    turned = Image.new("RGB", (80, 80), "red")
    turned.paste("blue", (0, 0, 80, 40))
    exif = turned.getexif()
    exif[ExifTags.Base.Orientation] = 3  # upside down: red is above
    ask(widget, file_of(turned, "PNG", exif=exif), picture="a.png")
    assert images.my_picture()[:, 2, 2].tolist() == [255, 0, 0]
    ask(widget, file_of(Image.new("RGBA", (64, 64), (0, 0, 0, 0))), picture="b.png")
    assert images.my_picture().min() == 255


def test_heic_is_read(widget):
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (90, 90), (40, 200, 40))).save(file)
    assert ask(widget, file.getvalue(), picture="phone.heic") == "Your picture is taken."


REFUSED = {
    "notes.txt": (b"no picture", "no PNG"),
    "empty.png": (b"", "no PNG"),
    "half.png": (file_of(Image.effect_noise((99, 99), 90))[:500], "damaged"),
    "tiny.png": (file_of(Image.new("RGB", (3, 90))), "too small: 3×90, 8×8 needed"),
    "x" * 300 + "\x1b.png": (b"\x00", "no PNG"),
}


@pytest.mark.parametrize("name", REFUSED, ids=[name[:9] for name in REFUSED])
def test_what_is_no_picture_is_refused_by_name_and_leaves_what_was_there(widget, name):
    ask(widget, file_of(Image.new("RGB", (64, 64), "red")), picture="a.png")
    content, why = REFUSED[name]
    words = ask(widget, content, picture=name)
    assert words.startswith("my picture: wanted a picture, got " + name[:9])
    assert why in words
    assert "\x1b" not in words
    assert len(words) < 400
    assert images.my_picture()[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("content", [b"", b"damaged", None], ids=["empty", "damaged", "a folder"])
def test_a_damaged_file_is_the_cat_and_is_said_once(content, data, caplog):
    data.mkdir()
    own_picture.file().mkdir() if content is None else own_picture.file().write_bytes(content)
    for _ in range(3):
        assert torch.equal(images.my_picture(), cat())
        assert images.my_caption() == "cat face"
    [line] = caplog.messages
    assert "your picture is damaged" in line
    assert "featlib.show_my_picture()" in line
    assert featlib.show_my_picture().view["caption"] == "cat face"


def test_where_nothing_can_be_written_it_is_said_and_nothing_breaks(widget, data):
    data.write_text("a file in the place of the folder")
    words = ask(widget, file_of(Image.new("RGB", (64, 64))), picture="a.png")
    assert words
    assert not widget.view["own"]
    assert os.path.isfile(data)


def test_the_stored_form_holds_no_picture_and_says_where_it_is_kept(widget):
    ask(widget, file_of(Image.new("RGB", (64, 64), "red")), picture="a.png")
    text, html = widget.plain()
    assert text == "MyPicture()"
    assert "<img" not in html
    assert "data:" not in html
    for words in ("on the machine that runs this notebook", "until you take the cat", "nowhere"):
        assert words in html


@pytest.mark.parametrize(
    "message", [{}, {"cat": "yes"}, {"picture": 7}, {"picture": "a.png"}, {"nonsense": 1}], ids=str
)
def test_what_no_page_sends_is_refused(widget, message):
    assert "wanted" in ask(widget, **message)
