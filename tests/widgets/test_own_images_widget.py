"""Own pictures: from uploads, or a folder, to a trained head and a prediction."""

import io
import os
import tempfile

import ipywidgets
import pillow_heif
import pytest
import torch
from PIL import ExifTags, Image

import featlib
from featlib import features, lesson
from featlib.widgets.own_pictures import MOST, OwnPictures

NOT_READ = "no PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC or PPM picture"


@pytest.fixture
def widget():
    return featlib.show_own_images()


def ask(widget, content=None, **message):
    """Send a message, and return its one reply."""
    replies = []
    widget.send = replies.append
    files = [] if content is None else [content]
    widget._handle_custom_msg({"sent": "m"} | message, files)
    [reply] = replies
    assert reply["done"] == message.get("sent", "m")
    return reply


def counts(widget):
    """Return how many pictures each class has, without those that have none."""
    found = {one["number"]: len(one["pictures"]) for one in widget.view["classes"]}
    return {number: count for number, count in found.items() if count}


def send(widget, content=None, **message):
    """Send a message, and return what is said then."""
    ask(widget, content, **message)
    return widget.view["words"]


def upload(widget, folder):
    for number, name in enumerate(("red", "blue")):
        for file in sorted((folder / name).iterdir()):
            send(widget, file.read_bytes(), upload=number, file=file.name)


@pytest.fixture
def filled(widget, picture_folder):
    upload(widget, picture_folder)
    return widget


@pytest.fixture
def blue(picture_folder):
    return (picture_folder / "blue" / "0.png").read_bytes()


def refused(widget, number=0):
    return widget.view["classes"][number]["refused"]


def test_from_uploads_to_a_prediction(filled, blue):
    assert counts(filled) == {0: 6, 1: 6}
    words = send(filled, train={"0": "red things", "1": "blue things"})
    assert words.startswith("Trained on 10 pictures, read at 128×128 pixels, in ")
    assert filled.view["trained"]
    words = send(filled, blue, **{"try": "new.png"})
    assert words.startswith("The head says blue things")
    assert filled.view["picture"]["src"].startswith("data:image/png;base64,")
    assert "blue things" in filled.view["picture"]["alt"]


def test_the_trained_head_is_that_of_the_five_stages(filled):
    send(filled, train={"0": "red", "1": "blue"})
    ours = filled.lesson
    same = lesson.run(ours.images, baselines=False, cache=False, progress=False)
    torch.testing.assert_close(ours.features, same.features, atol=1e-4, rtol=1e-4)
    assert ours.report.accuracy == same.report.accuracy
    assert [(s.name, s.in_shape, s.out_shape, s.out_dtype) for s in ours.data_flow] == [
        (s.name, s.in_shape, s.out_shape, s.out_dtype) for s in same.data_flow
    ]
    assert ours.to_dict()["skipped"] == []


def test_features_are_computed_once_for_each_picture(filled, picture_folder, monkeypatch):
    computed = []

    def extract(pixels, *args, **settings):
        computed.append(len(pixels))
        return real(pixels, *args, **settings)

    real = features.extract
    monkeypatch.setattr("featlib.features.extract", extract)
    send(filled, train={})
    first = filled.lesson.features
    send(filled, train={})
    assert computed == [12]
    assert filled.lesson.features.equal(first)
    new = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(new, "PNG")
    send(filled, new.getvalue(), upload=0, file="new.png")
    assert filled.view["stale"]
    send(filled, b"text", batch=0, files=[["notes.txt", 4]])  # changes nothing
    assert filled.view["stale"]
    send(filled, train={})
    assert computed == [12, 1]
    assert not filled.view["stale"]


@pytest.mark.parametrize("name", ["try", "frame"])
def test_what_is_seen_of_a_new_picture(filled, blue, name):
    send(filled, train={"0": "red", "1": "blue"})
    send(filled, blue, **{name: "new.png" if name == "try" else 1})
    seen = filled.view["seen"]
    assert seen["label"] == "blue"
    assert [name for name, _ in seen["shares"]] == ["red", "blue"]
    assert sum(share for _, share in seen["shares"]) == pytest.approx(1)
    assert [one["class"] for one in seen["nearest"]] == ["blue"] * 3
    # A picture that was trained on has the angle 0 to itself.
    trained_on = [filled.lesson.images.captions[i] for i in filled.lesson.images.train.tolist()]
    if "0.png" in trained_on[5:]:
        assert seen["nearest"][0]["file"] == "0.png"
    assert all(len(one["src"]) < 6000 for one in seen["nearest"])
    assert (filled.view["picture"] is not None) == (name == "try")


def test_a_frame_of_the_camera_takes_the_place_of_a_picture(filled, blue):
    send(filled, train={})
    send(filled, blue, **{"try": "new.png"})
    assert send(filled, blue, frame=1) == ""
    assert filled.view["picture"] is None
    assert filled.view["seen"] is not None


def test_from_a_folder(widget, picture_folder, blue):
    assert send(widget, folder=f" {picture_folder} ").startswith("Trained on")
    assert widget.lesson.images.classes == ("blue", "red")
    send(widget, blue, **{"try": "new.png"})
    assert widget.view["seen"]["label"] == "blue"


# What is read


def encoded(kind, size=(40, 30), color="red", **options):
    picture, file = Image.new("RGB", size, color), io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(picture).save(file, **options)
    else:
        picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF"])
def test_kinds_that_are_read(widget, kind):
    assert send(widget, encoded(kind), upload=0, file="a") == ""
    [number] = widget._pictures.classes[0].pictures
    pixels = widget._pictures.picture(number).pixels
    assert pixels.shape == (3, 224, 224)
    assert pixels.float().mean((1, 2)).sub(torch.tensor([255, 0, 0])).abs().max() < 10


def test_a_picture_is_turned_as_its_camera_was_held(widget):
    picture, file = Image.new("RGB", (40, 20), "blue"), io.BytesIO()
    picture.paste((255, 0, 0), (0, 0, 20, 20))
    picture.getexif()[ExifTags.Base.Orientation] = 6  # red is above, when it is turned
    picture.save(file, "JPEG", exif=picture.getexif())
    send(widget, file.getvalue(), upload=0, file="a.jpg")
    [picture] = widget._pictures.classes[0].pictures.values()
    assert picture.pixels[0, 5, 112] > 200 > 50 > picture.pixels[0, -5, 112]


UNREADABLE = {
    "notes.txt": (b"no picture", NOT_READ),
    "archive.zip": (b"PK\x03\x04" + bytes(100), NOT_READ),
    "empty.jpg": (b"", NOT_READ),
    "cut.jpg": (encoded("JPEG", (400, 300), quality=95)[:700], "damaged"),
    "cut.heic": (encoded("HEIF", (400, 300))[:200], "damaged"),
    "tiny.png": (encoded("PNG", (3, 3)), "too small: 3×3, 8×8 needed"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_nobody_can_read_is_named_at_once_and_not_counted(widget, name):
    content, why = UNREADABLE[name]
    send(widget, content, upload=1, file=name)
    assert counts(widget) == {}
    [words] = refused(widget, 1)
    assert words.startswith(f"{name}: {why}")
    assert refused(widget, 0) == []


def test_what_was_refused_goes_when_it_is_closed_and_with_its_class(widget):
    for number in (0, 1):
        send(widget, b"no picture", upload=number, file="a.txt")
    send(widget, dismiss=0)
    assert (refused(widget, 0), len(refused(widget, 1))) == ([], 1)
    send(widget, clear=1)
    assert refused(widget, 1) == []


def test_the_same_picture_again_is_not_counted(widget, blue):
    send(widget, blue, upload=0, file="one.png")
    send(widget, blue, upload=1, file="two.png")
    assert counts(widget) == {0: 1}
    send(widget, blue, upload=0, file="three.png")
    assert refused(widget, 0) == ["three.png: same picture as one.png"]
    send(widget, rename=0, name="")
    send(widget, blue, upload=1, file="four.png")
    assert refused(widget, 1) == [
        "two.png: same picture as one.png in Class 1",
        "four.png: same picture as one.png in another class",
    ]


def test_a_large_file_comes_in_pieces(widget):
    content = encoded("BMP", (1500, 1000))
    cut = [content[start : start + 1_000_000] for start in range(0, len(content), 1_000_000)]
    for piece in cut[:-1]:
        reply = ask(widget, piece, piece="later", number=0, file="large.bmp")
        assert reply == {"done": "m"}
    ask(widget, cut[-1], upload=0, file="large.bmp", sent="later")
    assert counts(widget) == {0: 1}
    assert widget._pieces == {}


def test_small_files_come_together(widget, picture_folder):
    parts = [file.read_bytes() for file in sorted((picture_folder / "red").iterdir())[:3]]
    listed = [[f"{i}.png", len(part)] for i, part in enumerate([*parts, b"text"])]
    send(widget, b"".join([*parts, b"text"]), batch=0, files=listed)
    assert [name for _, name in widget.view["classes"][0]["pictures"]] == [
        "0.png",
        "1.png",
        "2.png",
    ]
    assert refused(widget) == [f"3.png: {NOT_READ}"]


@pytest.mark.parametrize(
    "files", [[3], [[]], [["a"]], [["a", 9]], [["a", -1]], [[3, 1]], [["a", "b"]]]
)
def test_files_together_that_no_page_sends(widget, files):
    assert "own pictures: wanted" in send(widget, b"x", batch=0, files=files)


def test_the_first_piece_of_what_is_no_picture_is_the_last(widget):
    reply = ask(widget, bytes(1000), piece="later", number=0, file="film.mov")
    assert reply["refused"]
    assert refused(widget) == [f"film.mov: {NOT_READ}"]
    assert widget._pieces == {}
    reply = ask(widget, bytes(1000), piece="later", number=-1, file="film.mov")
    assert reply["refused"]
    assert f"film.mov: {NOT_READ}" in widget.view["words"]


def test_pieces_without_end_are_refused(widget, monkeypatch):
    monkeypatch.setattr("featlib.widgets.own_images.LARGEST_WHOLE", 3_000_000)
    content = encoded("BMP", (1500, 1000))[:1_000_000]
    replies = [ask(widget, content, piece="later", number=0, file="a.bmp") for _ in range(4)]
    assert ["refused" in reply for reply in replies] == [False, False, False, True]
    assert refused(widget) == ["a.bmp: too large: at most 3 MB are read"]


# Classes


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"0": "red", "1": ""}, "a name for each class, got none for class 2. Name it."),
        ({"0": " ", "1": ""}, "a name for each class, got none for class 1. Name it."),
        (
            {"0": "red", "1": " red "},
            "another name for each class, got two called red. Change one.",
        ),
    ],
)
def test_classes_need_names_of_their_own(filled, names, said):
    assert said in send(filled, train=names)
    assert not filled.view["trained"]


def test_names_are_kept(filled):
    send(filled, rename=0, name="  red\n things ")
    assert [one["name"] for one in filled.view["classes"]] == ["red things", "Class 2"]
    send(filled, train={})
    assert filled.lesson.images.classes == ("red things", "Class 2")
    send(filled, rename=0, name="x" * 1000)
    assert len(filled.view["classes"][0]["name"]) == 40


def test_what_is_missing_is_said_and_goes(widget, picture_folder):
    files = sorted((picture_folder / "red").iterdir())
    assert [one["missing"] for one in widget.view["classes"]] == [2, 2]
    for number in (0, 1, 1):
        send(widget, files.pop().read_bytes(), upload=number, file="a.png")
    assert [one["missing"] for one in widget.view["classes"]] == [1, 0]
    said = "at least 2 pictures in each class, got 1 in Class 1. Add one more there."
    assert said in send(widget, train={})
    assert send(widget, files.pop().read_bytes(), upload=0, file="b.png") == ""
    assert send(widget, train={}).startswith("Trained on")


def test_one_class_is_too_few(widget, blue):
    send(widget, blue, upload=0, file="0.png")
    assert "two to ten classes" in send(widget, train={"0": "red"})


def test_two_to_ten_classes(widget):
    for _ in range(MOST - 2):
        assert "number" in ask(widget, add="")
    assert len(widget.view["classes"]) == 10
    assert "at most 10 classes" in send(widget, add="one more")
    numbers = [one["number"] for one in widget.view["classes"]]
    for number in numbers[2:]:
        assert send(widget, drop=number) == ""
    assert "at least two classes" in send(widget, drop=0)
    assert ask(widget, add="")["number"] not in numbers  # nothing on its way reaches it


@pytest.mark.parametrize(
    "message",
    [{"upload": 7, "file": "a.png"}, {"clear": 7}, {"drop": 7}, {"rename": 7, "name": "a"}],
)
def test_a_class_that_is_not_there(widget, blue, message):
    content = blue if "upload" in message else None
    assert "wanted a class that is there: 0, 1, got 7" in send(widget, content, **message)


def test_a_picture_can_be_removed_and_a_class_emptied(filled):
    [first, second, *_] = filled.view["classes"][0]["pictures"]
    send(filled, remove=first[0])
    assert second in filled.view["classes"][0]["pictures"]
    assert counts(filled) == {0: 5, 1: 6}
    assert send(filled, remove=first[0]) == ""  # once more, from another page
    send(filled, clear=0)
    assert counts(filled) == {1: 6}


def test_thumbnails_are_sent_when_they_are_asked_for(filled):
    numbers = [number for number, _ in filled.view["classes"][1]["pictures"]]
    reply = ask(filled, show=[*numbers[:2], 10**6, "x", None, True])
    assert list(reply["thumbnails"]) == numbers[:2]
    assert all(len(source) < 6000 for source in reply["thumbnails"].values())
    assert "base64" not in str(filled.view)  # it is sent again with each change


def test_half_a_character_in_a_name_is_no_obstacle(filled):
    send(filled, train={"0": "red \ud83d", "1": "blue"})
    assert filled.view["trained"]


# Errors, and what is kept


def test_no_folder_and_a_folder_that_is_not_there(widget, tmp_path):
    assert "wanted a folder" in send(widget, folder="  ")
    assert "nowhere" in send(widget, folder=str(tmp_path / "nowhere"))


def test_a_picture_before_any_training(widget, blue):
    assert "wanted a trained head" in send(widget, blue, **{"try": "new.png"})
    assert "wanted a trained head" in send(widget, blue, frame=1)


def test_an_error_goes_with_its_cause_and_a_result_stays(filled, blue):
    assert "no PNG" in send(filled, b"x" * 20, upload=0, file="a") + refused(filled)[0]
    result = send(filled, train={})
    assert send(filled, dismiss=0) == result
    assert send(filled, remove=0) == result
    assert "a.txt: no PNG" in send(filled, b"no picture", **{"try": "a.txt"})
    assert send(filled, blue, **{"try": "a.png"}).startswith("The head says")


def test_the_camera_s_view_cures_no_error_but_of_new_pictures(filled, blue):
    send(filled, train={})
    assert "two called" in (said := send(filled, train={"0": "a", "1": "a"}))
    assert send(filled, blue, frame=1) == said  # it would be gone before anyone read it
    assert send(filled, rename=1, name="b") == ""
    assert "a.txt: no PNG" in send(filled, b"no picture", **{"try": "a.txt"})
    assert send(filled, blue, frame=2) == ""


def test_hostile_names_are_words_and_no_paths(widget, picture_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.rglob("*"))
    names = ("../../escaped.png", "/etc/escaped", "x" * 300, "..", "a\0b.png", "\x1b[31m")
    for number, kind in enumerate(("red", "blue")):
        for file, name in zip(sorted((picture_folder / kind).iterdir()), names, strict=True):
            send(widget, file.read_bytes(), upload=number, file=name)
    assert counts(widget) == {0: 6, 1: 6}
    assert "\x1b" not in str(widget.view)
    send(widget, train={"0": "../../a", "1": "/b"})
    assert widget.view["trained"]
    assert set(tmp_path.rglob("*")) == before


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_nothing_of_an_upload_is_on_any_disk(
    widget, picture_folder, blue, empty_cache, tmp_path, monkeypatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    upload(widget, picture_folder)
    send(widget, train={"0": "red", "1": "blue"})
    send(widget, blue, **{"try": "new.png"})
    send(widget, blue[:1000], piece="later", number=0, file="a.png")
    assert files(empty_cache) == []
    assert os.listdir(tmp_path / "temporary") == []
    # A folder of the learner's own stays where it is, so its features may be kept.
    assert send(widget, folder=str(picture_folder)).startswith("Trained on")
    assert files(empty_cache) != []


@pytest.mark.parametrize(
    "close", [lambda widget: widget.close(), lambda _: ipywidgets.Widget.close_all()]
)
def test_uploads_are_forgotten_with_the_widget(picture_folder, close):
    widget = featlib.show_own_images()
    upload(widget, picture_folder)
    assert widget._pictures.picture(0) is not None
    close(widget)
    assert widget._pictures.picture(0) is None


def test_names_of_new_classes_differ():
    own = OwnPictures()
    assert [one.name for one in own.classes.values()] == ["Class 1", "Class 2"]
    assert own.classes[own.add("")].name == "Class 3"


def test_the_plain_form_says_what_it_is(widget):
    text, html = widget.plain()
    assert text == "OwnImages()"
    assert "camera" in html
