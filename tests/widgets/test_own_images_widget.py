"""Own pictures: from uploads, or a folder, to a trained head and a prediction."""

from pathlib import Path

import ipywidgets
import pytest

import featlib


@pytest.fixture
def widget():
    return featlib.show_own_images()


def send(widget, picture=None, **message):
    done = []
    widget.send = done.append
    widget._handle_custom_msg(message | {"sent": "m"}, [picture.read_bytes()] if picture else [])
    assert done == [{"done": "m"}]
    return widget.view["words"]


def upload(widget, folder):
    for number, name in enumerate(("red", "blue")):
        for file in sorted((folder / name).iterdir()):
            send(widget, file, upload=number, file=file.name)


def test_from_uploads_to_a_prediction(widget, picture_folder):
    upload(widget, picture_folder)
    assert widget.view["counts"] == {"0": 6, "1": 6}
    words = send(widget, train={"0": "red things", "1": "blue things"})
    assert words.startswith("Trained on")
    assert widget.view["trained"]
    words = send(widget, picture_folder / "blue" / "0.png", **{"try": "new.png"})
    assert words.startswith("The head says blue things")
    assert widget.view["picture"]["src"].startswith("data:image/png;base64,")
    assert "blue things" in widget.view["picture"]["alt"]


def test_from_a_folder(widget, picture_folder):
    assert send(widget, folder=f" {picture_folder} ").startswith("Trained on")
    assert widget.lesson.images.classes == ("blue", "red")


def test_what_cannot_be_read_is_named(widget, picture_folder, tmp_path):
    upload(widget, picture_folder)
    broken = tmp_path / "broken.jpg"
    broken.write_text("no picture")
    send(widget, broken, upload=0, file="broken.jpg")
    assert "Left out: 0-6.jpg" in send(widget, train={"0": "red", "1": "blue"})


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"0": "red", "1": ""}, "another name for each class"),
        ({"0": "red", "1": " red "}, "another name for each class"),
    ],
)
def test_classes_need_names_of_their_own(widget, picture_folder, names, said):
    upload(widget, picture_folder)
    assert said in send(widget, train=names)
    assert not widget.view["trained"]


def test_one_class_is_too_few(widget, picture_folder):
    send(widget, picture_folder / "red" / "0.png", upload=0, file="0.png")
    assert "two to ten classes" in send(widget, train={"0": "red"})


def test_no_folder_and_a_folder_that_is_not_there(widget, tmp_path):
    assert "wanted a folder" in send(widget, folder="  ")
    assert "nowhere" in send(widget, folder=str(tmp_path / "nowhere"))


def test_hostile_names_stay_inside_the_temporary_folder(widget, picture_folder):
    file = picture_folder / "red" / "0.png"
    for number in (0, 1):
        for name in ("../../escaped.png", "/etc/escaped", "x" * 300, "..", "a\0b.png"):
            send(widget, file, upload=number, file=name)
    inside = Path(widget._folder.name).resolve()
    for paths in widget._pictures.values():
        assert all(inside in path.resolve().parents for path in paths)
    send(widget, train={"0": "../../a", "1": "/b"})
    assert not list(inside.parent.glob("*escaped*"))


def test_half_a_character_in_a_name_is_no_obstacle(widget, picture_folder):
    upload(widget, picture_folder)
    send(widget, train={"0": "red \ud83d", "1": "blue"})
    assert widget.view["trained"]


def test_a_class_can_be_emptied(widget, picture_folder):
    upload(widget, picture_folder)
    send(widget, clear=0)
    assert widget.view["counts"] == {"1": 6}


def test_uploads_are_deleted_with_the_widget(picture_folder):
    widget = featlib.show_own_images()
    upload(widget, picture_folder)
    folder = Path(widget._folder.name)
    assert folder.exists()
    widget.close()
    assert not folder.exists()


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()] if folder.exists() else []


def test_nothing_of_an_upload_is_kept_in_the_cache(widget, picture_folder, empty_cache):
    upload(widget, picture_folder)
    words = send(widget, train={"0": "red", "1": "blue"})
    assert words.startswith("Trained on 10 pictures, read at 128×128 pixels, in ")
    send(widget, picture_folder / "blue" / "0.png", **{"try": "new.png"})
    assert files(empty_cache) == []
    # A folder of the learner's own stays where it is, so its features may be kept.
    assert send(widget, folder=str(picture_folder)).startswith("Trained on")
    assert files(empty_cache) != []


def test_uploads_are_deleted_with_all_widgets(picture_folder):
    widget = featlib.show_own_images()
    upload(widget, picture_folder)
    folder = Path(widget._folder.name)
    assert files(folder) != []
    ipywidgets.Widget.close_all()
    assert not folder.exists()


def test_a_picture_before_any_training(widget, picture_folder):
    words = send(widget, picture_folder / "red" / "0.png", **{"try": "new.png"})
    assert "wanted a trained head" in words
