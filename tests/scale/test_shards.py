"""Features of any number of images: shard by shard, resumable, readable without featlib."""

import io
import json
import os
import shutil
import sqlite3
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch
from filelock import FileLock
from PIL import Image
from pyarrow import parquet
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms.functional import pil_to_tensor, to_tensor

from featlib import FeatlibError, backbone, cli, features, images
from featlib.scale import shards
from featlib.scale.sources import DatasetSource


@pytest.fixture
def out(tmp_path):
    return tmp_path / "features"


@pytest.fixture(scope="module")
def resnet():
    """Return a network that has all pictures read small, as hardly a test depends on their size."""
    return backbone.resnet18(size=32)


@pytest.fixture(scope="module")
def usual():
    """Return a network that leaves the size to the pictures."""
    return backbone.resnet18()


def read(folder):
    """Read a folder of features as anybody would, and return paths, labels and vectors."""
    table = parquet.read_table(folder)
    vectors = np.stack(table["features"].to_numpy())
    return table["path"].to_pylist(), table["label"].to_pylist(), vectors


def run(source, out, resnet, **settings):
    return shards.extract(source, out, resnet, progress=False, **settings)


# What comes out


def test_features_are_those_of_the_lesson_in_the_order_of_the_names(picture_folder, out, usual):
    done = run(picture_folder, out, usual, shard_size=5, batch_size=2)
    paths, labels, vectors = read(out)
    own = images.from_folder(picture_folder)
    expected = features.extract(own, usual, cache=False)
    assert paths == sorted(own.captions)
    assert labels == [name.split("/")[0] for name in paths]
    rows = [own.captions.index(name) for name in paths]
    np.testing.assert_allclose(vectors, expected[rows], atol=1e-4)
    assert (done.images, done.computed, done.shards, done.unreadable) == (12, 12, 3, ())
    assert sorted(path.name for path in out.glob("part*")) == [
        f"part-{n:06d}.parquet" for n in range(3)
    ]


def test_columns_have_types_that_any_reader_knows(picture_folder, out, resnet):
    run(picture_folder, out, resnet)
    schema = parquet.read_schema(next(out.glob("*.parquet")))
    assert [str(schema.field(name).type) for name in ("path", "label", "features")] == [
        "string", "string", "fixed_size_list<element: float>[512]",
    ]  # fmt: skip


def test_a_picture_in_the_folder_itself_has_no_label(picture_folder, out, resnet):
    (picture_folder / "red" / "0.png").rename(picture_folder / "alone.PNG")
    run(picture_folder, out, resnet)
    paths, labels, _ = read(out)
    assert labels[paths.index("alone.PNG")] is None


def test_what_cannot_be_read_is_listed_and_stops_nothing(picture_folder, out, resnet):
    (picture_folder / "red" / "broken.png").write_bytes(b"\x89PNG no")
    (picture_folder / "red" / "tiny.png").write_bytes(png((4, 4)))
    (picture_folder / "red" / "notes.txt").write_text("no picture")
    done = run(picture_folder, out, resnet, shard_size=4)
    names = ["red/broken.png", "red/notes.txt", "red/tiny.png"]
    assert [name for name, _ in done.unreadable] == names
    assert "too small: 4×4" in done.unreadable[2][1]
    assert (done.images, len(read(out)[0])) == (12, 12)
    own = images.from_folder(picture_folder)
    assert (own.skipped, len(own)) == (done.unreadable, 12), "both read the same files"


def test_a_shard_without_a_readable_picture_is_an_empty_file(picture_folder, out, resnet):
    for i in range(6):
        (picture_folder / "blue" / f"{i}.png").write_text("x")
    done = run(picture_folder, out, resnet, shard_size=6)
    assert (done.images, len(done.unreadable), len(read(out)[0])) == (6, 6, 6)


def test_features_that_lie_among_the_pictures_are_no_pictures(picture_folder, resnet):
    for name in ("one", "two"):
        for computed in (12, 0):
            done = run(picture_folder, picture_folder / name, resnet)
            assert (done.images, done.computed, done.unreadable) == (12, computed, ())


def test_all_sides_of_a_split_are_read_and_a_side_is_no_label(picture_folder, out, resnet):
    for side in ("train", "val", "test"):
        (picture_folder / side).mkdir()
    for name in ("red", "blue"):
        for i in range(6):
            place = picture_folder / ("train", "val", "test")[i % 3] / name
            place.mkdir(exist_ok=True)
            (picture_folder / name / f"{i}.png").rename(place / f"{i}.png")
        (picture_folder / name).rmdir()
    assert run(picture_folder, out, resnet).images == 12
    names, labels, _ = read(out)
    assert set(labels) == {"red", "blue"}
    assert [name.split("/")[1] for name in names] == labels


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_what_is_reached_twice_is_read_once_and_said(picture_folder, out, resnet):
    (picture_folder / "red" / "again.png").symlink_to(picture_folder / "blue" / "0.png")
    done = run(picture_folder, out, resnet)
    assert done.images == 12
    [(name, reason)] = done.unreadable
    assert (name, "blue/0.png" in reason) == ("red/again.png", True)


def test_bf16_is_close(picture_folder, out, usual):
    run(picture_folder, out, usual, precision="bf16")
    _, _, vectors = read(out)
    exact = features.extract(images.from_folder(picture_folder), usual, cache=False)
    rows = torch.nn.functional.cosine_similarity(torch.tensor(vectors), exact[:12])
    assert rows.min() > 0.999


class Squares(Dataset):
    """A dataset as torchvision has them: Pillow pictures and class numbers."""

    classes = ("dark", "light")

    def __init__(self, n=6, tensors=False):
        self.n, self.tensors = n, tensors

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        image = Image.new("L", (70, 64), 40 * i)
        if self.tensors:
            image = torch.tensor(np.asarray(image.convert("RGB"))).permute(2, 0, 1)
        return image, i % 2


@pytest.mark.parametrize("tensors", [False, True])
def test_a_torchvision_dataset_is_a_source(out, usual, tensors):
    done = run(Squares(tensors=tensors), out, usual, shard_size=4)
    paths, labels, vectors = read(out)
    assert (done.images, paths, labels[:2]) == (6, list("012345"), ["dark", "light"])
    pixels = torch.full((1, 3, 128, 128), 80, dtype=torch.uint8)  # thumbnails are enlarged
    expected = features.extract(pixels, usual, cache=False)
    np.testing.assert_allclose(vectors[2:3], expected, atol=1e-4)


def parts(kind, folder):
    """Return two parts of one dataset, as long as each other, with other pictures."""
    whole = Squares() if kind == "own" else ImageFolder(folder)
    return Subset(whole, [0, 1, 2]), Subset(whole, [len(whole) - 3, len(whole) - 2, len(whole) - 1])


@pytest.mark.parametrize("kind", ["own", "ImageFolder"])
def test_features_of_one_dataset_are_not_taken_for_those_of_another(
    kind, picture_folder, out, resnet
):
    one, other = parts(kind, picture_folder)
    run(one, out, resnet)
    before = read(out)[2]
    with pytest.raises(FeatlibError, match=r"differ in: source\..*overwrite=True"):
        run(other, out, resnet)
    np.testing.assert_array_equal(read(out)[2], before)
    assert run(other, out, resnet, overwrite=True).computed == 3
    assert not np.array_equal(read(out)[2], before)


def test_an_image_folder_with_a_changed_file_is_refused(picture_folder, out, resnet):
    run(ImageFolder(picture_folder), out, resnet)
    (picture_folder / "red" / "0.png").write_bytes(png())
    with pytest.raises(FeatlibError, match="differ in: source"):
        run(ImageFolder(picture_folder), out, resnet)


def test_with_a_source_id_the_same_name_continues_and_another_is_refused(out, resnet):
    run(Squares(), out, resnet, source_id="squares 1")
    assert run(Squares(), out, resnet, source_id="squares 1").computed == 0
    for other in ({"source_id": "squares 2"}, {}):
        with pytest.raises(FeatlibError, match="differ in: source"):
            run(Squares(), out, resnet, **other)


def test_the_same_dataset_made_anew_continues_the_work(out, resnet):
    run(Squares(), out, resnet)
    assert run(Squares(), out, resnet).computed == 0


def test_a_dataset_with_labels_but_no_list_of_classes(out, resnet):
    class Numbered(Squares):
        classes = None

        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return image, [torch.tensor(label), np.int64(7), "word", None, -1, 0.5][i]

    run(Numbered(), out, resnet)
    assert read(out)[1] == ["0", "7", "word", None, "-1", "0.5"]


class Wrapper(Squares):
    """A dataset that holds another."""

    classes = None

    def __init__(self, dataset):
        self.dataset, self.n = dataset, len(dataset)

    def __getitem__(self, i):
        return self.dataset[i]


class PassesOn(Dataset):
    """A wrapper that answers with what the dataset within has."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __getattr__(self, name):
        return getattr(self.dataset, name)

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, i):
        return self.dataset[i]


class OwnPart(Subset):
    """A part that may change the labels."""


class OwnParts(ConcatDataset):
    """Parts that may have their labels changed."""


def with_classes(dataset, classes=("x", "y")):
    dataset.classes = classes
    return dataset


class Letters(Squares):
    classes = ("a", "b")


LABELS = {
    "a part": (Subset(Squares(), [1, 2]), ["light", "dark"]),
    "a part of a part": (Subset(Subset(Squares(), [0, 1, 2, 3]), [3, 2]), ["light", "dark"]),
    "a part of an own kind": (OwnPart(Squares(), [1, 2]), ["1", "0"]),
    "parts of an own kind": (OwnParts([Squares(1), Squares(1)]), ["0", "0"]),
    "a part with classes": (with_classes(Subset(Squares(), [1, 2])), ["y", "x"]),
    "a wrapper of a part": (Wrapper(Subset(Squares(), [1, 2])), ["1", "0"]),
    "a part of a wrapper": (Subset(Wrapper(Squares()), [1, 2]), ["1", "0"]),
    "a wrapper that passes names on": (PassesOn(Squares(2)), ["0", "1"]),
    "two that differ": (ConcatDataset([Squares(1), Letters(2)]), ["dark", "a", "b"]),
    "a part of two": (Subset(ConcatDataset([Squares(1), Letters(2)]), [2, 0]), ["b", "dark"]),
    "wrapped, two that differ": (Wrapper(ConcatDataset([Squares(1), Letters(1)])), ["0", "0"]),
}


@pytest.mark.parametrize("case", LABELS)
def test_labels_are_the_names_of_the_classes_of_the_dataset_within(case, out, resnet):
    dataset, expected = LABELS[case]
    run(dataset, out, resnet)
    assert read(out)[1] == expected


NAMES = {
    "a dict": {0: "cat", 1: "dog"},
    "a dict in another order": {1: "dog", 0: "cat"},
    "a dict of numbers": {"cat": 0, "dog": 1},
    "keys of a dict": {"cat": 0, "dog": 1}.keys(),
    "an array": np.array(["cat", "dog"]),
    "a column of pandas": pd.Series(["cat", "dog"]),
}


@pytest.mark.parametrize("case", NAMES)
def test_names_of_classes_may_have_any_usual_form(case, out, resnet):
    named = with_classes(Squares(2), NAMES[case])
    run(named, out, resnet)
    assert read(out)[1] == ["cat", "dog"]


def test_a_number_that_is_no_key_of_the_names_is_said():
    source = DatasetSource(with_classes(Squares(2), {0: "cat", 5: "dog"}))
    assert source.read(1, 64)[2] == "its label 1 is none of the 2 in classes"


# Code that threads cannot share


class Shared(Dataset):
    """Forty pictures of one gray each, read by way of something that all rows share."""

    def __len__(self):
        return 40

    def __getitem__(self, i):
        return self.picture(i), i % 2


class OwnState(Shared):
    def picture(self, i):
        self.current = i
        time.sleep(0.0005)
        return Image.new("RGB", (64, 64), (6 * self.current,) * 3)


class OneBuffer(Shared):
    def __init__(self, shape):
        self.buffer = np.empty(shape, np.uint8)

    def picture(self, i):
        self.buffer[:] = 6 * i
        time.sleep(0.0005)
        return self.buffer


class OneTensor(Shared):
    buffer = torch.empty(3, 64, 64, dtype=torch.uint8)

    def picture(self, i):
        return self.buffer.fill_(6 * i)


class OnePicture(Shared):
    buffer = Image.new("RGB", (64, 64))

    def picture(self, i):
        self.buffer.paste((6 * i,) * 3, (0, 0, 64, 64))
        return self.buffer


class OneFile(Shared):
    def __init__(self, path):
        path.write_bytes(b"".join(bytes([6 * i]) * 64 * 64 for i in range(40)))
        self.file = open(path, "rb")  # noqa: SIM115

    def __del__(self):
        self.file.close()

    def picture(self, i):
        self.file.seek(i * 64 * 64)
        time.sleep(0.0005)
        return np.frombuffer(self.file.read(64 * 64), np.uint8).reshape(64, 64)


class Connection(Shared):
    def __init__(self):
        self.base = sqlite3.connect(":memory:")
        self.base.execute("create table pictures (gray integer)")
        self.base.executemany("insert into pictures values (?)", [(6 * i,) for i in range(40)])

    def __del__(self):
        self.base.close()

    def picture(self, i):
        [gray] = self.base.execute("select gray from pictures where rowid = ?", [i + 1]).fetchone()
        return Image.new("RGB", (64, 64), (gray,) * 3)


SHARED = {
    "a state": lambda folder: OwnState(),
    "a buffer": lambda folder: OneBuffer((64, 64, 3)),
    "a gray buffer": lambda folder: OneBuffer((64, 64)),
    "a tensor": lambda folder: OneTensor(),
    "a picture": lambda folder: OnePicture(),
    "a file": lambda folder: OneFile(folder / "grays"),
    "a connection": lambda folder: Connection(),
    "parts of a state": lambda folder: Subset(ConcatDataset([OwnState()]), range(40)),
}


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("case", SHARED)
def test_rows_that_share_something_are_read_one_at_a_time(case, tmp_path, out, resnet, monkeypatch):
    """The network gives back the gray of each picture."""

    def grays(images):
        rows = torch.zeros(len(images), 512)
        rows[:, 0] = images[:, 0, 0, 0]
        return rows

    monkeypatch.setattr(features, "fast_forward", lambda *settings: grays)
    done = run(SHARED[case](tmp_path), out, resnet, batch_size=2)
    assert done.unreadable == ()
    _, labels, vectors = read(out)
    assert vectors[:, 0].tolist() == [6.0 * i for i in range(40)]
    assert labels == ["0", "1"] * 20
    assert run(SHARED[case](tmp_path), out, resnet, batch_size=2).computed == 0


@pytest.mark.usefixtures("three_threads")
def test_threads_read_only_what_is_known_to_bear_it(picture_folder, pixels, out, resnet):
    def own(picture):
        return picture

    folder = ImageFolder(picture_folder)
    pets = images.from_arrays(pixels, torch.arange(12) % 2, ["cat", "dog"])
    known = [folder, Subset(folder, [0]), ConcatDataset([folder, Subset(folder, [1])]), pets]
    unknown = [ImageFolder(picture_folder, transform=own), OwnPart(folder, [0]), Squares(),
               ConcatDataset([folder, Squares()])]  # fmt: skip
    assert [DatasetSource(one).threadsafe for one in known] == [True] * 4
    assert [DatasetSource(one).threadsafe for one in unknown] == [False] * 4


def test_numbers_that_the_dataset_has_changed_get_no_name(picture_folder, out, resnet):
    turned = ImageFolder(picture_folder, target_transform=lambda label: 1 - label)
    run(Subset(turned, [0, 11]), out, resnet)
    assert read(out)[1] == ["1", "0"]


def gray(value, size=(64, 64)):
    return Image.new("L", size, value)


WITHOUT_LABELS = {
    "pictures": [gray(0), gray(99)],
    "tensors": torch.zeros(2, 3, 64, 64, dtype=torch.uint8),
    "arrays": np.zeros((2, 64, 64, 3), np.uint8),
    "a TensorDataset": TensorDataset(torch.zeros(2, 3, 64, 64, dtype=torch.uint8)),
    "pairs with None": [(gray(0), None), (gray(99), None)],
    "dicts": [{"image": gray(0)}, {"image": gray(99)}],
}


@pytest.mark.parametrize("case", WITHOUT_LABELS)
def test_pictures_without_labels_have_null_labels(case, out, resnet):
    assert run(WITHOUT_LABELS[case], out, resnet).images == 2
    assert read(out)[:2] == (["0", "1"], [None, None])


def test_an_image_set_is_a_source(pixels, out, resnet):
    captions = [f"pet {i}" for i in range(12)]
    pets = images.from_arrays(pixels, torch.arange(12) % 2, ["cat", "dog"], captions=captions)
    run(pets, out, resnet)
    names, labels, _ = read(out)
    assert (names, labels[:3]) == (captions, ["cat", "dog", "cat"])
    assert run(pets, out, resnet).computed == 0


ALIKE = {
    "a tensor 3×H×W": pil_to_tensor,
    "floats from 0 to 1, as ToTensor gives": to_tensor,
    "half floats": lambda picture: to_tensor(picture).half(),
    "an array H×W×3": np.asarray,
    "an array turned around": lambda picture: np.asarray(picture)[..., ::-1][..., ::-1],
    "an array of floats": lambda picture: np.asarray(picture, np.float64) / 255,
    "floats with an error of rounding": lambda picture: to_tensor(picture) * 1.0000005 - 4e-7,
    "the bytes of a file": lambda picture: as_png(picture),
    "a dict with the bytes": lambda picture: {"bytes": as_png(picture), "path": None},
    "a dict with the path": lambda picture: {"bytes": None, "path": picture.filename},
}


@pytest.mark.parametrize("case", ALIKE)
def test_a_picture_is_the_same_in_any_form(case, picture_folder):
    with Image.open(picture_folder / "red" / "0.png") as picture:
        expected = DatasetSource([picture]).read(0, 64)[2]
        given = ALIKE[case](picture)
    np.testing.assert_array_equal(DatasetSource([(given,)]).read(0, 64)[2], expected)


GRAY = {
    "a tensor 1×H×W": torch.full((1, 64, 64), 99, dtype=torch.uint8),
    "floats 1×H×W": torch.full((1, 64, 64), 99 / 255),
    "a tensor H×W": torch.full((64, 64), 99, dtype=torch.uint8),
    "an array H×W×1": np.full((64, 64, 1), 99, np.uint8),
    "an array H×W": np.full((64, 64), 99, np.uint8),
}


@pytest.mark.parametrize("case", GRAY)
def test_a_gray_picture_is_gray_in_any_form(case):
    picture = DatasetSource([GRAY[case]]).read(0, 64)[2]
    np.testing.assert_array_equal(picture, np.full((64, 64, 3), 99))


# Stopped and continued


def test_finished_shards_are_not_computed_again(picture_folder, out, resnet):
    run(picture_folder, out, resnet, shard_size=4)
    before = read(out)
    times = {path: path.stat().st_mtime_ns for path in out.glob("*.parquet")}
    lost = out / "part-000001.parquet"
    lost.unlink()
    done = run(picture_folder, out, resnet, shard_size=4)
    assert (done.computed, done.images) == (4, 12)
    changed = {path for path, at in times.items() if path.stat().st_mtime_ns != at}
    assert changed == {lost}
    assert [a == b for a, b in zip(before[:2], read(out)[:2], strict=True)] == [True, True]
    np.testing.assert_array_equal(before[2], read(out)[2])


def test_an_interrupt_leaves_what_is_finished(picture_folder, out, resnet, monkeypatch):
    real, calls = shards._write_part, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(shards, "_write_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(picture_folder, out, resnet, shard_size=4)
    monkeypatch.undo()
    assert len(list(out.glob("part*"))) == 1
    assert run(picture_folder, out, resnet, shard_size=4).computed == 8


CHANGES = {
    "another picture": (lambda folder: (folder / "red" / "x.png").write_bytes(png()), {}, "source"),
    "a changed picture": (lambda folder: (folder / "red" / "0.png").write_bytes(png()), {},
                          "source"),
    "a renamed picture": (lambda folder: (folder / "red/0.png").rename(folder / "red/0b.png"),
                          {}, "source"),
    "another precision": (lambda folder: None, {"precision": "bf16"}, "precision"),
    "another shard size": (lambda folder: None, {"shard_size": 3}, "images a shard"),
}  # fmt: skip


@pytest.mark.parametrize("case", CHANGES)
def test_features_of_something_else_are_neither_mixed_nor_removed(
    picture_folder, out, resnet, case
):
    change, settings, word = CHANGES[case]
    run(picture_folder, out, resnet)
    before = read(out)[2]
    change(picture_folder)
    with pytest.raises(FeatlibError, match=rf"differ in: .*{word}.*--overwrite"):
        run(picture_folder, out, resnet, **settings)
    np.testing.assert_array_equal(read(out)[2], before)
    done = run(picture_folder, out, resnet, overwrite=True, **settings)
    assert done.computed == len(read(out)[0])


def test_other_weights_are_not_mixed(picture_folder, out, resnet):
    run(picture_folder, out, resnet)
    with pytest.raises(FeatlibError, match="differ in: weights"):
        run(picture_folder, out, backbone.resnet18("untrained", size=32))


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["mine.parquet", "part-000000.parquet", "part-1.parquet"])
def test_foreign_parquet_files_are_named_and_left_alone(
    picture_folder, out, resnet, name, overwrite
):
    out.mkdir()
    (out / name).write_text("precious")
    with pytest.raises(FeatlibError, match=rf"got '{name}'\. Choose another folder, or move"):
        run(picture_folder, out, resnet, overwrite=overwrite)
    assert (out / name).read_text() == "precious"


FOREIGN = ["mine.parquet", "part-000003.parquet", "part-x.parquet"]


@pytest.mark.parametrize("name", FOREIGN)
def test_overwrite_leaves_foreign_files_beside_our_own(picture_folder, out, resnet, name):
    run(picture_folder, out, resnet, shard_size=4)  # parts 0, 1 and 2
    (out / name).write_text("precious")
    with pytest.raises(FeatlibError, match=f"got '{name}'"):
        run(picture_folder, out, resnet, shard_size=5, overwrite=True)
    assert (out / name).read_text() == "precious"
    assert len(list(out.glob("part-00000[012].parquet"))) == 3


def test_overwrite_removes_what_an_earlier_call_wrote_and_nothing_else(picture_folder, out, resnet):
    (picture_folder / "red" / "5.png").write_text("x")
    run(picture_folder, out, resnet, shard_size=4)
    names = ("notes.txt", "_mine.tmp", "_mine/a.parquet", "_unreadable/mine.json")
    mine = [out / name for name in names]
    for file in mine:
        file.parent.mkdir(exist_ok=True)
        file.write_text("precious")
    (picture_folder / "red" / "5.png").unlink()
    done = run(picture_folder, out, resnet, shard_size=6, overwrite=True)
    assert (done.images, done.shards, done.unreadable) == (11, 2, ())
    assert len(list(out.glob("*.parquet"))) == 2
    assert [file.read_text() for file in mine] == ["precious"] * 4
    assert len(list((out / "_finished").iterdir())) == 2


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": "x", "images a shard": 0}', "\0"])
def test_a_damaged_plan_is_no_leave_to_remove_anything(picture_folder, out, resnet, text):
    run(picture_folder, out, resnet, shard_size=12)
    before = (out / "part-000000.parquet").read_bytes()
    (out / "_featlib.json").write_text(text)
    shutil.rmtree(out / "_finished")  # nothing else says what the file is
    with pytest.raises(FeatlibError, match=r"got 'part-000000\.parquet'"):
        run(picture_folder, out, resnet, overwrite=True)
    assert (out / "part-000000.parquet").read_bytes() == before


def test_two_processes_do_not_write_to_one_folder(picture_folder, out, resnet):
    out.mkdir()
    with FileLock(out / "_lock"), pytest.raises(FeatlibError, match="another one at work"):
        run(picture_folder, out, resnet)


# Wrong use


def png(size=(64, 64), gray=128):
    return as_png(Image.new("RGB", size, (gray,) * 3))


def as_png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def test_wrong_use_is_refused(tmp_path, out, resnet, picture_folder):
    (tmp_path / "empty").mkdir()
    cases = [
        ((tmp_path / "none", {}), "none"),
        ((tmp_path / "empty", {}), "pictures in .*empty.*, got none"),
        ((picture_folder, {"batch_size": 0}), "batch_size"),
        ((picture_folder, {"shard_size": 1.5}), "shard_size"),
        ((picture_folder, {"precision": "fp8"}), "'fp32', 'bf16'"),
        ((picture_folder, {"device": "tpu"}), "'auto', 'cpu'"),
        ((iter([]), {}), "Iterable datasets"),
        ((Squares(0), {}), "an empty dataset"),
    ]
    for (source, settings), said in cases:
        with pytest.raises(FeatlibError, match=said):
            run(source, out, resnet, **settings)
        assert not list(out.glob("*.parquet"))


def test_a_folder_without_a_readable_picture_is_an_error(tmp_path, out, resnet):
    source = tmp_path / "bad"
    source.mkdir()
    (source / "a.png").write_text("x")
    with pytest.raises(FeatlibError, match=r"'a\.png': no PNG"):
        run(source, out, resnet)


def test_without_pyarrow_the_command_to_install_it_is_named(
    monkeypatch, picture_folder, out, resnet
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FeatlibError, match=r"pip install 'featlib\[scale\]'"):
        run(picture_folder, out, resnet)


# The command line


def test_the_command_says_what_it_did(picture_folder, tmp_path, capsys):
    (picture_folder / "red" / "broken.png").write_text("x")
    command = ["extract", str(picture_folder), "--out", str(tmp_path / "o")]
    assert cli.main(command) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("unreadable red/broken.png: no PNG")
    assert "12 images in 1 files:" in said.out
    assert cli.main([*command, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["images"], facts["computed"]) == (12, 0)
    assert facts["unreadable"][0][0] == "red/broken.png"
