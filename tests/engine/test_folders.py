"""What is listed of a folder: pictures, their classes, and the sides of a split."""

import os
import shutil
from collections import Counter
from unicodedata import normalize

import pytest
from helpers import make_pictures

from featlib import FeatlibError, images
from featlib.engine.folders import list_pictures
from featlib.scale.sources import FolderSource

RED, BLUE = (200, 40, 40), (40, 40, 200)
unix = pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")


def make(root, *folders, n=2):
    """Make folders of different pictures."""
    for seed, folder in enumerate(folders):
        make_pictures(root, {folder: RED}, n=n, seed=seed, size=(16, 16))
    return root


def found(root):
    """Return the class and the side of each folder of files."""
    return {
        file.name.rpartition("/")[0]: (file.label, file.split) for file in list_pictures(root).files
    }


# Classes


def test_the_first_folder_on_the_way_to_a_picture_is_its_class(tmp_path):
    make(tmp_path, "cats/old", "cats/new", "dogs")
    assert found(tmp_path) == {
        "cats/old": ("cats", None), "cats/new": ("cats", None), "dogs": ("dogs", None),
    }  # fmt: skip
    assert list_pictures(tmp_path).classes == {"": ("cats", "dogs")}


def test_files_are_sorted_by_name(tmp_path):
    make(tmp_path, "2", "10", "1")
    names = [file.name for file in list_pictures(tmp_path).files]
    assert names == sorted(names)
    assert list_pictures(tmp_path).classes[""] == ("1", "10", "2"), "sorted as text"


def test_a_picture_beside_the_classes_has_none(tmp_path):
    make(tmp_path, "cats", "dogs", "alone")
    (tmp_path / "alone" / "0.png").rename(tmp_path / "0.png")
    assert found(tmp_path)[""] == (None, None)


SYSTEM_FOLDERS = (
    ".ipynb_checkpoints", "__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "lost+found",
    "__pycache__", "System Volume Information", "#snapshot", "@tmp", "@Recently-Snapshot",
    "~snapshot", "RECYCLER", "Temporary Items", "node_modules",
)  # fmt: skip
SYSTEM_FILES = ("Thumbs.db", "desktop.ini", ".DS_Store", "._0.png", "THUMBS.DB")


@pytest.mark.parametrize("folder", SYSTEM_FOLDERS)
@pytest.mark.parametrize("within", ["", "cats"])
def test_a_folder_of_the_system_is_passed_over(folder, within, tmp_path):
    make(tmp_path, "cats", "dogs")
    before = list_pictures(tmp_path)
    make(tmp_path / within, folder)
    assert list_pictures(tmp_path) == before


@pytest.mark.parametrize("name", ["@docker", "$WinREAgent", "~backup"])
def test_a_folder_that_is_named_like_one_of_the_system_is_listed(name, tmp_path):
    make(tmp_path, "cats", "dogs", name)
    listing = list_pictures(tmp_path)
    assert listing.classes[""] == ("cats", "dogs")
    assert listing.skipped == (
        (name, "its name is like that of a folder of the system; rename it"),
    )


def test_a_sign_before_a_number_is_a_class(tmp_path):
    make(tmp_path, "#1", "$10", "#red")
    assert list_pictures(tmp_path).classes[""] == ("#1", "#red", "$10")


@pytest.mark.parametrize("name", SYSTEM_FILES)
def test_a_file_of_the_system_is_passed_over(name, tmp_path):
    make(tmp_path, "cats", "dogs")
    before = list_pictures(tmp_path)
    (tmp_path / "cats" / name).write_bytes(b"x")
    assert list_pictures(tmp_path) == before


@pytest.mark.parametrize("names", [("Cat", "cat ", "cat"), ("a&b", "a b", "a_b")], ids=str)
@unix
def test_classes_that_look_alike_are_not_mixed_up(names, tmp_path, caplog):
    make(tmp_path, *names)
    if len(list(tmp_path.iterdir())) < len(names):
        pytest.skip("this disk does not tell small letters from capital ones")
    own = images.from_folder(tmp_path, size=16, cache=False)
    assert own.classes == tuple(sorted(names))
    labels = {name.split("/")[0]: own.classes[k] for name, k in zip(own.captions, own.labels)}  # noqa: B905
    assert labels == {name: name for name in names}
    assert ("'Cat', 'cat', 'cat ' differ in case or blanks" in caplog.text) == ("Cat" in names)


def test_two_forms_of_one_name_are_one_class(tmp_path):
    make(tmp_path, normalize("NFC", "café"), "tea")
    apart = make(tmp_path, normalize("NFD", "café"), n=3)
    if len(list(apart.iterdir())) < 3:
        pytest.skip("this disk keeps both forms as one name")
    listing = list_pictures(tmp_path)
    assert listing.classes[""] == ("café", "tea")
    assert Counter(file.label for file in listing.files) == {"café": 5, "tea": 2}


# A folder within the folder


@pytest.mark.parametrize("way", ["dataset", "a/b/c"])
def test_a_single_folder_is_entered_and_that_is_said(way, tmp_path, caplog):
    make(tmp_path, f"{way}/cats", f"{way}/dogs")
    (tmp_path / "README.txt").write_text("about the pictures")
    assert found(tmp_path)[f"{way}/cats"] == ("cats", None)
    assert list_pictures(tmp_path).classes == {"": ("cats", "dogs")}
    assert f"holds one folder, '{way}'" in caplog.text


def test_the_folder_of_one_class_is_not_entered(tmp_path, caplog):
    make(tmp_path, "cats")
    make(tmp_path, "cats/old")
    assert found(tmp_path) == {"cats": ("cats", None), "cats/old": ("cats", None)}
    assert not caplog.text


# The sides of a split

SPLITS = {
    "train and val": {"train": "train", "val": "validation"},
    "capital letters": {"Train": "train", "VALID": "validation"},
    "long names": {"training": "train", "validation": "validation", "testing": "test"},
    "all three": {"train": "train", "val": "validation", "test": "test"},
    "no validation": {"train": "train", "test": "test"},
    "words with an underscore": {"training_set": "train", "test_set": "test"},
    "words in one": {"trainset": "train", "valData": "validation"},
    "shares": {"train_80": "train", "20-val": "validation"},
    "blanks": {" train": "train", "val 2": "validation"},
    "dev": {"train": "train", "dev": "validation"},
    "eval": {"train": "train", "eval": "validation"},
    "holdout": {"train": "train", "hold-out": "validation"},
    "a folder on the way": {"train/images": "train", "val/images": "validation"},
    "the same folder again": {"seg_train/seg_train": "train", "seg_test/seg_test": "test"},
}


@pytest.mark.parametrize("within", ["", "dataset", "beside"])
@pytest.mark.parametrize("case", SPLITS)
def test_folders_of_the_same_classes_are_the_sides_of(case, within, tmp_path, caplog):
    if within == "beside":
        within = ""
        make(tmp_path / "raw", "cats", "dogs")
    for side in SPLITS[case]:
        make(tmp_path / within / side, "cats", "dogs")
    listing = list_pictures(tmp_path)
    assert all(name.startswith("raw/") for name, _ in listing.skipped)
    assert {(file.label, file.split) for file in listing.files} == {
        (label, side) for label in ("cats", "dogs") for side in SPLITS[case].values()
    }
    assert listing.classes == dict.fromkeys(SPLITS[case].values(), ("cats", "dogs"))
    assert "are the sides of a split, not classes" in caplog.text


CLASSES = {
    "pictures directly in them": ("train", "bus"),
    "no side but one": ("train/day", "train/night", "bus/day"),
    "pictures directly in all of them": ("train", "test"),
    "the same folders as all others": ("train/day", "test/day", "bus/day"),
    "one folder in common": ("train/red", "test/red", "bus/green"),
    "no folder in common": ("train/steam", "test/paper", "bus/red"),
}


@pytest.mark.parametrize("case", CLASSES)
def test_what_is_called_like_a_side_stays_a_class_with(case, tmp_path, caplog):
    make(tmp_path, *CLASSES[case])
    listing = list_pictures(tmp_path)
    tops = {name.split("/")[0] for name in CLASSES[case]}
    assert {file.label for file in listing.files} == tops == set(listing.classes[""])
    assert ("test, train in" in caplog.text) == ("test" in tops)
    assert ("are taken as classes, not as the sides" in caplog.text) == ("test" in tops)


@pytest.mark.parametrize("names", [("fold1", "fold2"), ("a", "b", "c"), ("train", "raw")], ids=str)
def test_what_may_be_a_split_is_said(names, tmp_path, caplog):
    for name in names:
        make(tmp_path / name, "cats", "dogs")
    assert list_pictures(tmp_path).classes[""] == tuple(sorted(names))
    assert f"{', '.join(sorted(names))} in '{tmp_path}' all hold the folders cats, dogs" in (
        caplog.text
    )


def test_the_sides_may_lie_in_each_class(tmp_path, caplog):
    for label in ("cats", "dogs"):
        make(tmp_path / label, "Train", "val", "test")
    shutil.copy(tmp_path / "dogs" / "val" / "0.png", tmp_path / "dogs")
    make(tmp_path, "birds", n=1)
    listing = list_pictures(tmp_path)
    assert {(file.label, file.split, file.name.split("/")[1]) for file in listing.files} == {
        (label, side, name)
        for label in ("cats", "dogs")
        for name, side in {"Train": "train", "val": "validation", "test": "test"}.items()
    }
    assert listing.classes == dict.fromkeys(("train", "validation", "test"), ("cats", "dogs"))
    assert [name for name, _ in listing.skipped] == ["birds/0.png", "dogs/0.png"]
    assert "2 files outside of the sides of the split are left out" in caplog.text
    assert "*/Train, */test, */val" in caplog.text


def test_a_folder_train_in_one_class_is_no_side(tmp_path, caplog):
    make(tmp_path, "vehicle/train", "vehicle/test", "animal/cat")
    assert list_pictures(tmp_path).classes == {"": ("animal", "vehicle")}
    assert not caplog.text


def test_the_sides_may_write_a_class_in_two_forms(tmp_path):
    make(tmp_path / "train", normalize("NFC", "café"), "tea")
    make(tmp_path / "val", normalize("NFD", "café"), "tea")
    listing = list_pictures(tmp_path)
    assert listing.classes == dict.fromkeys(("train", "validation"), ("café", "tea"))
    assert {file.label for file in listing.files} == {"café", "tea"}


def test_what_lies_beside_the_sides_is_listed(tmp_path):
    for side in ("train", "val"):
        make(tmp_path / side, "cats", "dogs")
    make(tmp_path, "more")
    reason = "outside of the folders of the split"
    assert list_pictures(tmp_path).skipped == (("more/0.png", reason), ("more/1.png", reason))


def test_a_side_without_classes_has_no_labels(tmp_path):
    make(tmp_path / "train", "cats", "dogs")
    make(tmp_path, "test")
    assert found(tmp_path)["test"] == (None, "test")


# Links


@pytest.fixture
def store(tmp_path):
    """Return a folder of pictures that lies elsewhere."""
    return make(tmp_path / "store", "cats", "dogs")


@unix
def test_links_to_folders_and_files_are_followed(store, tmp_path):
    root = make(tmp_path / "root", "birds")
    (root / "cats").symlink_to(store / "cats")
    (root / "birds" / "more").symlink_to(store / "dogs")
    listing = list_pictures(root)
    assert listing.classes == {"": ("birds", "cats")}
    assert {file.name: file.label for file in listing.files} == {
        "birds/0.png": "birds", "birds/1.png": "birds", "birds/more/0.png": "birds",
        "birds/more/1.png": "birds", "cats/0.png": "cats", "cats/1.png": "cats",
    }  # fmt: skip
    (root / "cats").unlink()
    (root / "birds" / "one.png").symlink_to(store / "cats" / "0.png")
    assert "birds/one.png" in [file.name for file in list_pictures(root).files]


LOOPS = {
    "a link to the folder itself": ("self", ".", "same folder as the whole folder"),
    "a link from a class to all": ("cats/all", "..", "same folder as the whole folder"),
    "a link from a class to itself": ("cats/me", ".", "same folder as cats"),
    "a link to another class": ("again", "dogs", "same folder as dogs"),
    "a link within a class": ("cats/0 again.png", "0.png", "same file as cats/0.png"),
    "a link that sorts before it": ("a", "cats", "same folder as cats"),
}


@unix
@pytest.mark.parametrize("case", LOOPS)
def test_what_is_reached_twice_is_a_copy(case, store):
    name, target, reason = LOOPS[case]
    before = list_pictures(store).files
    (store / name).symlink_to(target)
    listing = list_pictures(store)
    assert listing.files == before
    assert listing.skipped == ((name, reason),)


@unix
def test_a_link_to_above_ends_and_the_classes_stay_what_they_are(store, tmp_path):
    root = make(tmp_path / "root", "birds")
    (root / "birds" / "up").symlink_to(tmp_path)
    (root / "cats").symlink_to(store / "cats")
    listing = list_pictures(root)
    labels = {file.name: file.label for file in listing.files}
    assert labels["cats/0.png"] == "cats"
    assert labels["birds/up/store/dogs/0.png"] == "birds"
    assert ("birds/up/root", "same folder as the whole folder") in listing.skipped


@unix
def test_folder_and_extraction_agree_on_links(store, tmp_path):
    (store / "dogs" / "cats").symlink_to(store / "cats")
    (store / "dogs" / "one.png").symlink_to(store / "cats" / "0.png")
    own, source = images.from_folder(store, size=16, cache=False), FolderSource(store)
    assert list(own.captions) == [source.read(i, 16)[0] for i in range(len(source))]
    assert own.skipped == source.skipped


# What cannot be listed


def test_a_folder_that_is_gone_is_an_error_not_an_empty_listing(tmp_path):
    with pytest.raises(OSError):
        list_pictures(tmp_path / "nowhere")


def test_each_file_is_counted_for_the_progress_bar(tmp_path):
    make(tmp_path, "cats", "dogs", n=3)
    ticks = []
    list_pictures(tmp_path, ticks.append)
    assert ticks == [1] * 6


# What a head is trained on


def test_a_split_folder_is_trained_and_validated_on_its_sides(tmp_path, caplog):
    for seed, side in enumerate(("train", "val", "test")):
        make_pictures(tmp_path / side, {"cats": RED, "dogs": BLUE}, n=3, seed=seed)
    own = images.from_folder(tmp_path, size=16, cache=False)
    assert own.classes == ("cats", "dogs")
    sides = (
        {own.captions[i].split("/")[0] for i in own.train},
        {own.captions[i].split("/")[0] for i in own.validation},
    )
    assert sides == ({"train"}, {"val"})
    assert (len(own.train), len(own.validation)) == (6, 6)
    assert "6 files for testing are left out" in caplog.text


def test_without_a_folder_to_validate_on_a_share_is(tmp_path):
    for seed, side in enumerate(("train", "test")):
        make_pictures(tmp_path / side, {"cats": RED, "dogs": BLUE}, n=4, seed=seed)
    own = images.from_folder(tmp_path, size=16, validation=0.5, cache=False)
    assert (len(own.train), len(own.validation)) == (4, 4)
    assert {name.split("/")[0] for name in own.captions} == {"train"}


@pytest.mark.parametrize("name", ["val", "Abc"])  # before and after "train" in the alphabet
def test_a_copy_of_a_training_picture_is_not_validated_on(name, tmp_path):
    make_pictures(tmp_path / "train", {"cats": RED, "dogs": BLUE}, n=3)
    make_pictures(tmp_path / name, {"cats": RED, "dogs": BLUE}, n=2, seed=1)
    shutil.copy(tmp_path / "train" / "cats" / "1.png", tmp_path / name / "cats" / "9.png")
    own = images.from_folder(train=tmp_path / "train", validation=tmp_path / name, cache=False)
    assert own.skipped == (("validation/cats/9.png", "same picture as train/cats/1.png"),)
    assert (len(own.train), len(own.validation)) == (6, 4)


def test_two_folders_are_the_two_sides(tmp_path):
    make_pictures(tmp_path / "mine", {"cats": RED, "dogs": BLUE}, n=2)
    make_pictures(tmp_path / "yours", {"cats": RED, "dogs": BLUE}, n=1, seed=1)
    for options in (
        {"path": tmp_path / "mine", "validation": tmp_path / "yours"},
        {"train": str(tmp_path / "mine"), "validation": str(tmp_path / "yours")},
    ):
        own = images.from_folder(**options, size=16, cache=False)
        assert [own.captions[i] for i in own.validation] == [
            "validation/cats/0.png", "validation/dogs/0.png",
        ]  # fmt: skip
        assert [own.classes[own.labels[i]] for i in own.train] == ["cats"] * 2 + ["dogs"] * 2


def test_the_sides_within_each_class_are_those_of_the_set(tmp_path):
    for seed, side in enumerate(("train", "val")):
        make_pictures(tmp_path, {f"cats/{side}": RED, f"dogs/{side}": BLUE}, n=3, seed=seed)
    own = images.from_folder(tmp_path, size=16, cache=False)
    assert own.classes == ("cats", "dogs")
    assert {own.captions[i].split("/")[1] for i in own.train} == {"train"}
    assert {own.captions[i].split("/")[1] for i in own.validation} == {"val"}


def test_sides_of_two_folders_that_are_left_out_are_counted(tmp_path, caplog):
    for seed, side in enumerate(("a/train", "a/val", "b/val", "b/test")):
        make_pictures(tmp_path / side, {"cats": RED, "dogs": BLUE}, n=seed + 1, seed=seed)
    a, b = tmp_path / "a", tmp_path / "b"
    own = images.from_folder(train=a, validation=b, size=16, cache=False)
    assert {own.captions[i].rpartition("/")[0] for i in own.train} == {
        "train/train/cats", "train/train/dogs",
    }  # fmt: skip
    assert {own.captions[i].rpartition("/")[0] for i in own.validation} == {
        "validation/val/cats", "validation/val/dogs",
    }  # fmt: skip
    assert f"4 files for validation are left out of '{a}'" in caplog.text
    assert f"8 files for testing are left out of '{b}'" in caplog.text


def test_a_folder_to_validate_on_without_that_side_is_refused(tmp_path):
    for seed, side in enumerate(("a", "b/train", "b/test")):
        make_pictures(tmp_path / side, {"cats": RED, "dogs": BLUE}, n=2, seed=seed)
    with pytest.raises(FeatlibError, match=r"folder for validation in '.*b', which is split"):
        images.from_folder(train=tmp_path / "a", validation=tmp_path / "b", cache=False)


WRONG_SIDES = {
    "a class that is not validated": (
        {"train": ("cats", "dogs", "birds"), "val": ("cats", "dogs")}, "'birds' only in train",
    ),
    "a class that is not trained": (
        {"train": ("cats", "dogs"), "val": ("cats", "dogs", "birds")}, "'birds' only in validation",
    ),
    "other letters": (
        {"train": ("cats", "dogs"), "val": ("cats", "Dogs")}, "'dogs' only in train, 'Dogs' only",
    ),
    "no classes": ({"train": (".",), "val": (".",)}, r"at least two folders .* got 0"),
    "nothing to train on": (
        {"val": ("cats", "dogs"), "test": ("cats", "dogs")},
        r"a folder for training in '.*', .* got folders for testing and validation alone",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_SIDES)
def test_a_split_that_does_not_fit_is_refused(case, tmp_path):
    sides, said = WRONG_SIDES[case]
    for side, names in sides.items():
        for name in names:
            (tmp_path / side / name).mkdir(parents=True, exist_ok=True)
            make(tmp_path / side / name, "more")
            (tmp_path / side / name / "more" / "0.png").rename(tmp_path / side / name / "0.png")
            shutil.rmtree(tmp_path / side / name / "more")
    with pytest.raises(FeatlibError, match=said):
        images.from_folder(tmp_path, size=16, cache=False)


def test_a_class_without_a_picture_on_one_side_is_refused(tmp_path):
    make_pictures(tmp_path / "train", {"cats": RED, "dogs": BLUE}, n=2)
    make_pictures(tmp_path / "val", {"cats": RED, "dogs": BLUE}, n=1, seed=1)
    (tmp_path / "val" / "dogs" / "0.png").write_text("woof")
    said = r"one picture in the folder 'dogs' for validation, got 0; skipped: val/dogs/0\.png"
    with pytest.raises(FeatlibError, match=said):
        images.from_folder(tmp_path, size=16, cache=False)
