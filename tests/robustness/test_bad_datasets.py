"""A row each: a dataset that is odd, or a folder of features that is damaged; what is said."""

import json
import logging
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from helpers import without_roots_rights
from PIL import Image
from pyarrow import parquet
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from featlib import FeatlibError, backbone
from featlib.scale import shards
from featlib.scale.sources import DatasetSource


class Rows(Dataset):
    """Six good rows of two classes, but for some."""

    classes = ("cat", "dog")

    def __init__(self, *bad, rows=(3,), n=6):
        self.bad, self.rows, self.n = bad, rows, n

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i not in self.rows:
            return Image.new("RGB", (40, 40), (2 * i, 0, 0)), i % 2
        bad = self.bad[self.rows.index(i)]
        if isinstance(bad, Exception):
            raise bad
        return bad() if callable(bad) else bad


def picture():
    return Image.new("RGB", (40, 40))


def cut_file(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    path = tmp_path / "cut.jpg"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:3000])
    return path


def extract(source, folder, resnet, **settings):
    return shards.extract(source, folder, resnet, progress=False, **settings)


def labels(folder):
    return parquet.read_table(folder)["label"].to_pylist()


BAD_ROWS = {
    "an error": (OSError("disk on fire"), "OSError: disk on fire"),
    "an error without words": (KeyError(), "KeyError: KeyError"),
    "terminal codes in an error": (ValueError("a\x1b[31mb"), r"ValueError: a \[31mb"),
    "half a character in an error": (ValueError("a\udcff"), r"ValueError: a\\udcff"),
    "nothing": (None, "no picture: NoneType None"),
    "no picture": (("cat.png", 1), "no picture: str 'cat.png'"),
    "label and picture in the wrong order": ((1, picture()), "no picture: int 1"),
    "three values": ((picture(), 1, 1), r"a tuple of 3, not \(picture, label\)"),
    "an empty pair": ((), "a tuple of 0"),
    "no label": (picture, "no label, unlike the other rows"),
    "a tuple of a picture": ((picture(),), "no label, unlike the other rows"),
    "a dict of other columns": ({"photo": picture(), "y": 1}, "columns photo, y"),
    "a label that is too large": ((picture(), 2), "its label 2 is not from 0 to 1"),
    "a label below 0": ((picture(), -1), "its label -1 is not from 0 to 1"),
    "a label of another class": ((picture(), "cow"), "none of the 2 classes: str 'cow'"),
    "a label of several numbers": ((picture(), torch.tensor([0, 1])), "no word and no number"),
    "a label that is a dict": ((picture(), {"box": 1}), "no word and no number: dict"),
    "half a label": ((picture(), 0.5), "none of the 2 classes: float 0.5"),
    "a label that is no number": ((picture(), float("nan")), "no word and no number: float nan"),
    "whole numbers of 64 bits": ((torch.zeros(3, 40, 40, dtype=torch.int64), 1), "int64 tensor"),
    "true and false": ((torch.zeros(3, 40, 40, dtype=torch.bool), 1), "a picture is uint8, or"),
    "channels last": ((torch.zeros(40, 40, 3, dtype=torch.uint8), 1), "a tensor is 3×H×W"),
    "two channels": ((torch.zeros(2, 40, 40, dtype=torch.uint8), 1), "uint8 tensor 2×40×40"),
    "a batch": ((torch.zeros(1, 3, 40, 40, dtype=torch.uint8), 1), "uint8 tensor 1×3×40×40"),
    "a masked array": (
        (np.ma.masked_less(np.zeros((40, 40, 3), np.uint8), 1), 1),
        "a masked uint8",
    ),
    "just above 1": ((torch.full((3, 40, 40), 1.0001), 1), "with values from 1 to 1, not 0 to 1"),
    "bytes of no picture": ((b"cat", 1), "no PNG"),
    "a dict of no bytes": (({"bytes": None, "path": None}, 1), "no picture: dict"),
    "a path of no file": (({"bytes": None, "path": "none.png"}, 1), "FileNotFoundError"),
    "an empty tensor": ((torch.zeros(3, 0, 40, dtype=torch.uint8), 1), "uint8 tensor 3×0×40"),
    "an array with channels first": ((np.zeros((3, 40, 40), np.uint8), 1), "an array H×W×3"),
    "an array of words": ((np.full((40, 40, 3), "a"), 1), "a picture is uint8, or"),
    "a normalized picture": ((torch.full((3, 40, 40), -2.0), 1), "leave Normalize out"),
    "floats from 0 to 255": ((torch.full((3, 40, 40), 99.0), 1), "not 0 to 1: convert them to"),
    "NaN": ((torch.full((3, 40, 40), float("nan")), 1), "not all finite numbers"),
    "infinity": ((torch.full((3, 40, 40), float("inf")), 1), "not all finite numbers"),
    "a tiny picture": ((Image.new("RGB", (4, 4)), 1), "too small: 4×4"),
}


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_bad_row_is_said_in_one_line(case):
    bad, said = BAD_ROWS[case]
    name, _, reason = DatasetSource(Rows(bad)).read(3, 64)
    assert name == "3"
    assert re.search(said, reason)
    assert reason.isprintable()


@pytest.mark.parametrize("step", [1, 2])
def test_bad_rows_are_listed_and_the_rest_is_done(step, tmp_path, resnet):
    """With all bad rows at once, or with every second one."""
    bad = [row for row, _ in BAD_ROWS.values()][::step]
    n = 3 * len(bad)
    rows = range(1, n, 3)
    for computed in (n, 0):
        done = extract(Rows(*bad, rows=rows, n=n), tmp_path / "o", resnet, shard_size=16)
        assert [name for name, _ in done.unreadable] == [str(i) for i in rows]
        assert (done.images, done.computed) == (n - len(bad), computed)
    assert labels(tmp_path / "o") == [Rows.classes[i % 2] for i in range(n) if i % 3 != 1]


@pytest.mark.parametrize("row", [0, 5])
def test_the_first_or_last_row_may_be_the_bad_one(row, tmp_path, resnet):
    for n, bad in enumerate((OSError("gone"), None, (torch.full((3, 40, 40), -2.0), 1), picture)):
        done = extract(Rows(bad, rows=(row,)), tmp_path / str(n), resnet)
        assert ([name for name, _ in done.unreadable], done.images) == ([str(row)], 5)


ALL_BAD = ["an error", "nothing", "label and picture in the wrong order", "a normalized picture"]


@pytest.mark.parametrize("case", ALL_BAD)
def test_where_all_rows_are_bad_the_job_is_refused_in_words(case, tmp_path, resnet):
    bad, said = BAD_ROWS[case]
    for _ in range(2):
        with pytest.raises(FeatlibError, match=f"wanted pictures .*{said}"):
            extract(Rows(*[bad] * 6, rows=range(6)), tmp_path / "o", resnet)


def test_a_label_among_pictures_without_labels_is_kept(tmp_path, resnet):
    rows = [picture(), picture(), (picture(), "cat")]
    assert extract(rows, tmp_path / "o", resnet).unreadable == ()
    assert labels(tmp_path / "o") == [None, None, "cat"]


@pytest.mark.parametrize("shard_size", [2, 12])
def test_damaged_files_of_an_image_folder_are_listed(picture_folder, tmp_path, resnet, shard_size):
    (picture_folder / "red" / "0.png").write_bytes(b"no picture")
    cut_file(tmp_path).rename(picture_folder / "red" / "1.jpg")
    whole = ImageFolder(picture_folder)
    (picture_folder / "red" / "5.png").unlink()
    done = extract(whole, tmp_path / "o", resnet, shard_size=shard_size)
    assert [name for name, _ in done.unreadable] == ["6", "7", "12"]
    reasons = [reason for _, reason in done.unreadable]
    for reason, said in zip(reasons, ("Unidentified", "truncated", "No such file"), strict=True):
        assert said in reason
    assert done.images == 10


def test_a_picture_opened_from_a_cut_file_is_listed(tmp_path, resnet):
    with Image.open(cut_file(tmp_path)) as cut:
        done = extract([(cut, 0), (picture(), 1)], tmp_path / "o", resnet)
    assert [name for name, _ in done.unreadable] == ["0"]


def test_a_normalized_dataset_is_refused_though_some_pictures_lie_within_0_and_1(
    picture_folder, tmp_path, resnet
):
    steps = [v2.ToImage(), v2.ToDtype(torch.float32, True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    normalized = ImageFolder(picture_folder, transform=v2.Compose(steps))
    with pytest.raises(FeatlibError, match=r"floats from 0 to 1.*leave Normalize out"):
        extract(normalized, tmp_path / "o", resnet)


def test_more_rows_promised_than_there_are(tmp_path, resnet):
    class Short(Rows):
        def __getitem__(self, i):
            return ([(picture(), 0)] * 4)[i]

    done = extract(Short(), tmp_path / "o", resnet)
    assert done.unreadable == (("4", "IndexError: list index out of range"),
                               ("5", "IndexError: list index out of range"))  # fmt: skip


class Endless(IterableDataset):
    def __iter__(self):
        yield picture(), 0

    def __len__(self):
        return 3


class BrokenLength(Rows):
    def __len__(self):
        raise NotImplementedError


class NoLength:
    def __getitem__(self, i):
        return picture(), 0


good = TensorDataset(torch.zeros(4, 3, 40, 40, dtype=torch.uint8))
REFUSED = {
    "a DataLoader": (DataLoader(good), r"a DataLoader\. Pass the dataset .*: loader\.dataset"),
    "a DataLoader of an iterable": (DataLoader(Endless()), r"loader\.dataset"),
    "parts by name": ({"train": good, "test": good}, r"'train', 'test'\. Pass one of its parts"),
    "an empty dict": ({}, "a dict with nothing"),
    "an iterable dataset": (Endless(), "Iterable datasets cannot be resumed"),
    "a generator": ((picture() for _ in range(3)), "Iterable datasets"),
    "no length": (NoLength(), "a method __len__ that returns the number of its rows"),
    "a broken length": (BrokenLength(), r"Its len\(\) ends with NotImplementedError"),
    "a class": (Rows, r"of the class first: Rows\(\.\.\.\)"),
    "one picture": (picture(), "Pass the path of a folder, a dataset, or a list"),
    "a number": (7, r"got int 7\. Pass the path of a folder, a dataset, or a list"),
    "nothing": (None, r"got NoneType None\. Pass the path of a folder, a dataset, or a list"),
    "a set": ({1, 2}, "A set has no order; pass a list"),
    "a tensor without axes": (torch.tensor(1), r"Its len\(\) ends with TypeError"),
    "an empty list": ([], "an empty dataset"),
    "names of files": (["a.png", "b.png"], "no picture: str 'a.png'"),
    "bytes": (b"pictures", "no picture: int"),
    "a table of numbers": (torch.zeros(4, 512), "no picture: float32 tensor 512; a tensor is"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_dataset_of_pictures_is_refused(case, tmp_path, resnet):
    given, said = REFUSED[case]
    with pytest.raises(FeatlibError, match=said):
        extract(given, tmp_path / "o", resnet)


class Itself(Rows):
    """A dataset that holds itself."""

    @property
    def dataset(self):
        return self


class Always(Rows):
    """A dataset that answers every name."""

    def __getattr__(self, name):
        return self


class Raising(Rows):
    """A dataset whose attributes fail."""

    @property
    def features(self):
        raise RuntimeError("not loaded")

    classes = target_transform = dataset = datasets = features


@pytest.mark.parametrize("kind", [Itself, Always, Raising])
def test_attributes_that_lead_nowhere_do_no_harm(kind, tmp_path, resnet):
    assert extract(kind(rows=()), tmp_path / "o", resnet).images == 6
    assert labels(tmp_path / "o")[:2] == (["0", "1"] if kind is Raising else ["cat", "dog"])


def test_a_part_of_itself_is_refused(tmp_path, resnet):
    part = Subset(Rows(rows=()), [0])
    part.dataset = part
    with pytest.raises(FeatlibError, match="RecursionError"):
        extract(part, tmp_path / "o", resnet)


def test_a_masked_label_is_none(tmp_path, resnet):
    masked = np.ma.array([0, 1], mask=[False, True])
    extract([(picture(), label) for label in masked], tmp_path / "o", resnet)
    assert labels(tmp_path / "o") == ["0", None]


@pytest.mark.parametrize("folder", [None, 7, b"out", "a\0b", ["out"]])
def test_a_folder_for_features_that_is_no_path_is_refused(folder, resnet):
    with pytest.raises(FeatlibError, match="folder"):
        extract(good, folder, resnet)


@pytest.mark.parametrize("network", [None, "bundled", 7, torch.nn.Identity(), Path("x")])
def test_what_is_no_backbone_is_refused(network, tmp_path):
    with pytest.raises(FeatlibError, match="resnet18"):
        extract(good, tmp_path / "o", network)


# A folder of features that is damaged: what is whole stays, the rest is named and made again


def twelve(bad=None):
    """Return twelve rows, of which the sixth cannot be read."""
    return Rows(bad, rows=(5,), n=12)


@pytest.fixture(scope="module")
def small():
    return backbone.resnet18(size=32)


@pytest.fixture(scope="module")
def kept(tmp_path_factory, small):
    """Return a folder of three shards of four rows; and another, of other rows."""
    folder = tmp_path_factory.mktemp("features")
    extract(twelve(), folder / "ours", small, shard_size=4)
    extract(Rows(None, rows=(6,), n=12), folder / "others", small, shard_size=4)
    return folder


@pytest.fixture
def out(kept, tmp_path):
    return shutil.copytree(kept / "ours", tmp_path / "out")


@pytest.fixture
def again(out, small, caplog):
    """Return a function that repeats the call; it returns how many were computed, and warnings."""

    def again():
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            done = extract(twelve(), out, small, shard_size=4)
        assert (done.images, [name for name, _ in done.unreadable]) == (11, ["5"])
        return done.computed, [record.getMessage() for record in caplog.records]

    return again


def vectors(folder):
    table = parquet.read_table(folder)
    return table["path"].to_pylist(), np.stack(table["features"].to_numpy())


def part(folder, n=1):
    return folder / f"part-{n:06d}.parquet"


def record(folder, n=1):
    return folder / "_finished" / f"part-{n:06d}.json"


def reasons(folder, n=1):
    return folder / "_unreadable" / f"part-{n:06d}.json"


def flip(path):
    """Change one bit in the middle; size and times stay as they were."""
    data, times = bytearray(path.read_bytes()), path.stat()
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def cut(path):
    path.write_bytes(path.read_bytes()[:-7])


def swap(first, second):
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)


def swap_all(out, kept):
    for kind in (part, record):
        swap(kind(out, 0), kind(out, 2))


def take_others(out, kept):
    for kind in (part, record):
        shutil.copy(kind(kept / "others"), kind(out))


DAMAGED = {  # what happens to the folder, and which shards it costs
    "an empty file": (lambda out, kept: part(out).write_bytes(b""), [1]),
    "a cut file": (lambda out, kept: cut(part(out)), [1]),
    "another bit": (lambda out, kept: flip(part(out)), [1]),
    "no Parquet file": (lambda out, kept: part(out).write_text("notes"), [1]),
    "two that changed places": (lambda out, kept: swap(part(out, 0), part(out, 2)), [0, 2]),
    "two that changed places, with their records": (swap_all, [0, 2]),
    "a file of another run": (lambda out, kept: shutil.copy(part(kept / "others"), part(out)), [1]),
    "a file of another run, with its record": (take_others, [1]),
    "no record": (lambda out, kept: record(out).unlink(), [1]),
    "an empty record": (lambda out, kept: record(out).write_bytes(b""), [1]),
    "a cut record": (lambda out, kept: cut(record(out)), [1]),
    "a record that is a list": (lambda out, kept: record(out).write_text("[1]"), [1]),
    "a record of many brackets": (lambda out, kept: record(out).write_text("[" * 10**5), [1]),
    "no records": (lambda out, kept: shutil.rmtree(out / "_finished"), [0, 1, 2]),
    "no list of reasons": (lambda out, kept: reasons(out).unlink(), [1]),
    "an empty list of reasons": (lambda out, kept: reasons(out).write_bytes(b""), [1]),
    "a cut list of reasons": (lambda out, kept: cut(reasons(out)), [1]),
    "a list of numbers": (lambda out, kept: reasons(out).write_text("[1]"), [1]),
    "a list of reasons where all is well": (
        lambda out, kept: reasons(out, 0).write_text('[["0", "gone"]]'), [0]),
    "all at once": (
        lambda out, kept: (cut(part(out, 0)), reasons(out).unlink(), record(out, 2).unlink()),
        [0, 1, 2]),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_shard_is_named_and_made_again_and_the_others_stay(case, out, kept, again):
    damage, costs = DAMAGED[case]
    damage(out, kept)
    times = {n: part(out, n).stat().st_ino for n in range(3)}
    computed, [warning] = again()
    assert computed == 4 * len(costs)
    assert re.findall(r"part-00000(\d)", warning) == [str(n) for n in costs]
    assert [n for n in range(3) if part(out, n).stat().st_ino != times[n]] == costs
    names, features = vectors(out)
    expected_names, expected = vectors(kept / "ours")
    assert names == expected_names
    np.testing.assert_allclose(features, expected, atol=1e-5)
    assert again() == (0, [])


PLANS = {
    "a list": b"[1]", "a number": b"3", "null": b"null", "nothing in it": b"{}", "empty": b"",
    "cut": b'{"format": 2, "ima', "binary": bytes(range(256)), "brackets": b"[" * 10**5,
    "infinity": b'{"images": 1e999, "images a shard": 4}', "half a character": b'["\\ud83d"]',
    "words for numbers": b'{"images": "x", "images a shard": []}',
}  # fmt: skip


@pytest.mark.parametrize("case", [*PLANS, "of another run", "gone"])
def test_a_damaged_plan_is_made_again_and_costs_nothing(case, out, kept, again):
    plan = out / "_featlib.json"
    if case == "gone":
        plan.unlink()
    else:
        others = (kept / "others" / plan.name).read_bytes()
        plan.write_bytes(others if case == "of another run" else PLANS[case])
    computed, [warning] = again()
    assert (computed, "_featlib.json" in warning) == (0, True)
    assert plan.read_bytes() == (kept / "ours" / plan.name).read_bytes()
    assert again() == (0, [])


def make_other(path):
    """Make a folder where a file belongs, and the other way round."""
    if path.suffix or path.name == "_lock":
        path.mkdir()
        path = path / "mine"
    path.write_text("precious")


NO_FILES = {
    "a folder": make_other,
    "a link to nothing": lambda path: path.symlink_to(path.parent / "nothing"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a pipe": lambda path: os.mkfifo(path),
    "an endless file": lambda path: path.symlink_to("/dev/zero"),
    "no right to read": lambda path: (path.write_text("x"), path.chmod(0)),
}
PLACES = {
    "plan": lambda out: out / "_featlib.json", "part": part, "record": record, "reasons": reasons,
    "lock": lambda out: out / "_lock", "records": lambda out: out / "_finished",
    "lists": lambda out: out / "_unreadable",
}  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="links and pipes are other things there")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("case", NO_FILES)
def test_what_is_no_file_is_named_and_moving_it_away_helps(case, place, out, again):
    path = PLACES[place](out)
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    NO_FILES[case](path)
    with without_roots_rights(), pytest.raises(FeatlibError) as caught:
        again()
    assert f"'{path}'" in str(caught.value)
    assert "Move it away" in str(caught.value)
    path.rename(out.parent / "away")
    again()
    assert again() == (0, [])


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
@pytest.mark.parametrize("kind", [part, record, reasons])
def test_a_link_to_a_file_of_another_shard_is_replaced(kind, out, kept, again):
    target = kept / "others" / kind(out).relative_to(out)
    before = target.read_bytes()
    kind(out).unlink()
    kind(out).symlink_to(target)
    computed, [warning] = again()
    assert (computed, "part-000001" in warning) == (4, True)
    assert target.read_bytes() == before
    assert again() == (0, [])


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_to_another_plan_is_replaced(out, kept, again):
    target = kept / "others" / "_featlib.json"
    before = target.read_bytes()
    (out / target.name).unlink()
    (out / target.name).symlink_to(target)
    assert again()[0] == 0
    assert target.read_bytes() == before


# A folder of an earlier featlib, without records


@pytest.fixture
def old(out):
    shutil.rmtree(out / "_finished")
    plan = out / "_featlib.json"
    plan.write_text(json.dumps({**json.loads(plan.read_text()), "format": 1}))
    return out


def test_an_older_folder_is_read_once_and_recorded(old, kept, again):
    assert again() == (0, [])
    assert (old / "_featlib.json").read_bytes() == (kept / "ours/_featlib.json").read_bytes()
    for n in range(3):
        assert record(old, n).read_bytes() == record(kept / "ours", n).read_bytes()
    flip(part(old))
    assert again()[0] == 4


def no_numbers(out, kept):
    table = parquet.read_table(part(out))
    features = np.full((len(table), 512), np.nan, np.float32)
    table = table.set_column(
        2, "features", pa.FixedSizeListArray.from_arrays(features.ravel(), 512)
    )
    parquet.write_table(table, part(out))


def other_columns(out, kept):
    parquet.write_table(parquet.read_table(part(out)).drop(["label"]), part(out))


OLD = {
    **{name: DAMAGED[name] for name in (
        "an empty file", "a cut file", "no Parquet file", "two that changed places",
        "no list of reasons", "an empty list of reasons", "a list of numbers",
        "a list of reasons where all is well")},
    "fewer rows": (
        lambda out, kept: parquet.write_table(parquet.read_table(part(out))[1:], part(out)), [1]),
    "no numbers": (no_numbers, [1]),
    "other columns": (other_columns, [1]),
}  # fmt: skip


@pytest.mark.parametrize("case", OLD)
def test_what_is_damaged_in_an_older_folder_is_made_again(case, old, kept, again):
    damage, costs = OLD[case]
    damage(old, kept)
    computed, [warning] = again()
    assert computed == 4 * len(costs)
    assert re.findall(r"part-00000(\d)", warning) == [str(n) for n in costs]
    assert vectors(old)[0] == vectors(kept / "ours")[0]
    assert again() == (0, [])


def test_no_terminal_obeys_the_name_of_a_folder(out, kept, small, tmp_path, caplog):
    name = "\x1b[31m\x9b\u202e[bold]"
    out = out.rename(tmp_path / name)
    cut(part(out))
    (out / "_featlib.json").write_text("[1]")
    extract(twelve(), out, small, shard_size=4)
    (out / "mine.parquet").write_text("precious")
    with pytest.raises(FeatlibError) as caught:
        extract(twelve(), out, small, shard_size=4)
    for text in [*caplog.messages, str(caught.value)]:
        assert text.isprintable()
        assert r"\x1b[31m\x9b\u202e[bold]" in text
    assert len(caplog.messages) == 2
