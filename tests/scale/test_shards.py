"""Features of any number of images: shard by shard, resumable, readable without featlib."""

import json
import os
import sys

import numpy as np
import pytest
import torch
from filelock import FileLock
from PIL import Image
from pyarrow import parquet
from torch.utils.data import Dataset

from featlib import FeatlibError, backbone, cli, features, images
from featlib.scale import shards
from featlib.scale.sources import DatasetSource, FolderSource


@pytest.fixture
def out(tmp_path):
    return tmp_path / "features"


def read(folder):
    """Read a folder of features as anybody would, and return paths, labels and vectors."""
    table = parquet.read_table(folder)
    vectors = np.stack(table["features"].to_numpy())
    return table["path"].to_pylist(), table["label"].to_pylist(), vectors


def run(source, out, resnet, **settings):
    return shards.extract(source, out, resnet, progress=False, **settings)


# What comes out


def test_features_are_those_of_the_lesson_in_the_order_of_the_names(picture_folder, out, resnet):
    done = run(picture_folder, out, resnet, shard_size=5, batch_size=2)
    paths, labels, vectors = read(out)
    own = images.from_folder(picture_folder)
    expected = features.extract(own, resnet, cache=False)
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
    (picture_folder / "red" / "notes.txt").write_text("no picture by its name")
    done = run(picture_folder, out, resnet, shard_size=4)
    assert [name for name, _ in done.unreadable] == ["red/broken.png", "red/tiny.png"]
    assert "too small: 4×4" in done.unreadable[1][1]
    assert (done.images, len(read(out)[0])) == (12, 12)


def test_a_shard_without_a_readable_picture_is_an_empty_file(picture_folder, out, resnet):
    for i in range(6):
        (picture_folder / "blue" / f"{i}.png").write_text("x")
    done = run(picture_folder, out, resnet, shard_size=6)
    assert (done.images, len(done.unreadable), len(read(out)[0])) == (6, 6, 6)


def test_bf16_is_close(picture_folder, out, resnet):
    run(picture_folder, out, resnet, precision="bf16")
    _, _, vectors = read(out)
    exact = features.extract(images.from_folder(picture_folder), resnet, cache=False)
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
def test_a_torchvision_dataset_is_a_source(out, resnet, tensors):
    done = run(Squares(tensors=tensors), out, resnet, shard_size=4)
    paths, labels, vectors = read(out)
    assert (done.images, paths, labels[:2]) == (6, list("012345"), ["dark", "light"])
    pixels = torch.full((1, 3, 128, 128), 80, dtype=torch.uint8)  # thumbnails are enlarged
    expected = features.extract(pixels, resnet, cache=False)
    np.testing.assert_allclose(vectors[2:3], expected, atol=1e-4)


class Circles(Squares):
    """Another type of dataset, with the same length and the same description."""


class Described(Squares):
    """A dataset that describes itself as torchvision's do, by its split for example."""

    def __init__(self, n=6, split="train"):
        super().__init__(n)
        self.split = split

    def __repr__(self):
        return f"Dataset Described, split: {self.split}"


OTHER_DATASETS = {
    "another type": (Squares(), Circles()),
    "another length": (Squares(6), Squares(5)),
    "another description": (Described(split="train"), Described(split="test")),
}


@pytest.mark.parametrize("case", OTHER_DATASETS)
def test_features_of_one_dataset_are_not_taken_for_those_of_another(case, out, resnet):
    one, other = OTHER_DATASETS[case]
    assert DatasetSource(one).digest() != DatasetSource(other).digest()
    run(one, out, resnet)
    before = read(out)[2]
    with pytest.raises(FeatlibError, match=r"differ in: .*source"):
        run(other, out, resnet)
    np.testing.assert_array_equal(read(out)[2], before)


def test_the_same_dataset_made_anew_continues_the_work(out, resnet):
    one, other = Squares(), Squares()
    assert repr(one) != repr(other), "they lie at different places in memory"
    assert DatasetSource(one).digest() == DatasetSource(other).digest()
    run(one, out, resnet)
    assert run(other, out, resnet).computed == 0


def test_a_dataset_with_labels_but_no_list_of_classes(out, resnet):
    class Numbered(Squares):
        classes = None

        def __getitem__(self, i):
            image, label = super().__getitem__(i)
            return image, torch.tensor(label) if i < 3 else f"word {label}"

    run(Numbered(), out, resnet)
    assert read(out)[1] == ["0", "1", "0", "word 1", "word 0", "word 1"]


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


def test_a_picture_of_the_same_size_written_later_is_another(picture_folder):
    before = FolderSource(picture_folder).digest()
    assert FolderSource(picture_folder).digest() == before
    picture = picture_folder / "red" / "0.png"
    changed = picture.stat().st_mtime_ns + 1_000_000_000
    os.utime(picture, ns=(changed, changed))
    assert FolderSource(picture_folder).digest() != before


def test_other_weights_are_not_mixed(picture_folder, out, resnet):
    run(picture_folder, out, resnet)
    with pytest.raises(FeatlibError, match="differ in: weights"):
        run(picture_folder, out, backbone.resnet18("untrained"))


def test_foreign_parquet_files_are_left_alone(picture_folder, out, resnet):
    out.mkdir()
    (out / "mine.parquet").write_text("precious")
    with pytest.raises(FeatlibError, match="Choose another folder"):
        run(picture_folder, out, resnet)
    assert (out / "mine.parquet").read_text() == "precious"


def test_two_processes_do_not_write_to_one_folder(picture_folder, out, resnet):
    out.mkdir()
    with FileLock(out / "_lock"), pytest.raises(FeatlibError, match="another one at work"):
        run(picture_folder, out, resnet)


# Wrong use


def png(size=(64, 64), gray=128):
    import io

    file = io.BytesIO()
    Image.new("RGB", size, (gray,) * 3).save(file, "PNG")
    return file.getvalue()


def test_wrong_use_is_refused(tmp_path, out, resnet, picture_folder):
    (tmp_path / "empty").mkdir()
    cases = [
        ((tmp_path / "none", {}), "none"),
        ((tmp_path / "empty", {}), r"pictures \(\.png"),
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
