"""Entries of the cache: kept whole, computed again when damaged, and deleted when too many."""

import os
import stat
from pathlib import Path

import pytest
import torch
from helpers import without_roots_rights
from safetensors.torch import load_file, save_file

from featlib.engine import cache, words

ROWS = torch.arange(12.0).reshape(3, 4)
DIGEST = "0a1b" * 16
of_unix = pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")


@pytest.fixture
def entry(empty_cache):
    """Return the file of an entry that holds rows and a note."""
    path = cache.entry("features", DIGEST)
    cache.write(path, ROWS, "a note")
    return path


def test_what_is_kept_is_read(entry, empty_cache, caplog):
    rows, note = cache.read(entry)
    assert torch.equal(rows, ROWS)
    assert note == "a note"
    assert entry == empty_cache / "features" / f"{DIGEST}.safetensors"
    assert not caplog.records


@of_unix
@pytest.mark.parametrize(
    ("root", "umask", "folder", "file"),
    [
        (0o755, 0o077, 0o755, 0o644),
        (0o1777, 0o077, 0o1777, 0o644),
        (0o750, 0o077, 0o750, 0o640),
        (0o700, 0o077, 0o700, 0o600),
        (0o700, 0o022, 0o755, 0o644),
    ],
)
def test_an_entry_has_the_readers_of_the_cache_folder(empty_cache, root, umask, folder, file):
    empty_cache.mkdir(parents=True, exist_ok=True)
    empty_cache.chmod(root)
    before = os.umask(umask)
    try:
        path = cache.entry("features", DIGEST)
        cache.write(path, ROWS)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path.parent, path)]
    assert [*map(oct, modes)] == [oct(folder), oct(file)]
    assert cache.read(path)[0] is not None


def private_file(home):
    (home / "key").write_text("secret")
    (home / "key").chmod(0o600)
    return home / "key"


# What somebody who may write to the cache folder may put there: where, and what it leads to.
PLANTED = {
    "a link to a file": ("datasets/x", private_file, os.symlink),
    "a link to a folder": ("datasets/x", lambda home: home, os.symlink),
    "the folder itself": ("datasets", lambda home: home, os.symlink),
    "a second name of a file": ("datasets/x", private_file, os.link),
    "a link to nothing": ("datasets/x", lambda home: home / "none", os.symlink),
    "a pipe": ("datasets/x", lambda home: home, lambda _, path: os.mkfifo(path, 0o600)),
}


@of_unix
@pytest.mark.parametrize("case", PLANTED)
def test_nothing_private_is_opened_through_what_others_put_into_the_cache(
    empty_cache, tmp_path, case
):
    at, lead, plant = PLANTED[case]
    home, folder = tmp_path / "home", empty_cache / "datasets"
    home.mkdir(mode=0o700)
    private = [home, private_file(home)]
    empty_cache.mkdir(parents=True, exist_ok=True)
    empty_cache.chmod(0o1777)
    (empty_cache / at).parent.mkdir(exist_ok=True)
    plant(lead(home), planted := empty_cache / at)
    if own := [folder / "own"] if planted != folder else []:
        own[0].touch(0o600)
    kept = [*private, *([] if planted.is_symlink() else [planted])]
    before = [each.stat().st_mode for each in kept]
    cache.share(folder, *folder.rglob("*"), empty_cache / "gone")
    assert [each.stat().st_mode for each in kept] == before
    assert [stat.S_IMODE(each.stat().st_mode) for each in own] == [0o644] * len(own), "shared"


@of_unix
def test_nothing_outside_the_cache_folder_is_shared(empty_cache, tmp_path):
    empty_cache.mkdir(parents=True, exist_ok=True)
    empty_cache.chmod(0o1777)
    outside = private_file(tmp_path)
    cache.share(outside, tmp_path)
    assert stat.S_IMODE(outside.stat().st_mode) == 0o600
    assert tmp_path.stat().st_mode & 0o077 == 0


@of_unix
def test_an_entry_is_not_written_through_a_link(empty_cache, tmp_path):
    mine, path = tmp_path / "mine.txt", cache.entry("features", DIGEST)
    mine.write_text("mine")
    path.parent.mkdir(parents=True)
    path.symlink_to(mine)
    cache.write(path, ROWS)
    assert mine.read_text() == "mine"
    assert cache.read(path)[0] is None


def test_tensors_of_any_shape_and_dtype_are_kept(empty_cache):
    path = cache.entry("pictures", "0")
    for tensor in (ROWS[0], ROWS.byte(), ROWS[:0]):
        cache.write(path, tensor)
        found, note = cache.read(path)
        assert torch.equal(found, tensor)
        assert (found.dtype, note) == (tensor.dtype, "")


def test_without_an_entry_there_is_nothing_to_say(empty_cache, caplog):
    assert cache.read(cache.entry("features", "0")) == (None, "")
    assert not caplog.records


def changed(path, tensor=ROWS, **facts):
    """Write a file as the cache does, but with a checksum of another tensor or note."""
    right = {"sha256": cache._hash(ROWS, "a note"), "note": "a note"}
    save_file({"tensor": tensor}, path, right | facts)


DAMAGE = {
    "another number": lambda path: changed(path, ROWS + 1),
    "another note": lambda path: changed(path, note="another"),
    "another checksum": lambda path: changed(path, sha256="0" * 64),
    "no facts": lambda path: save_file({"tensor": ROWS}, path),
    "another name": lambda path: save_file({"rows": ROWS}, path),
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-4]),
    "empty": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_entry_is_no_entry_and_is_named(case, entry, caplog):
    DAMAGE[case](entry)
    assert cache.read(entry) == (None, "")
    [record] = caplog.records
    assert f"'{entry}' is damaged" in record.message


def test_every_change_of_one_byte_of_the_numbers_is_noticed(entry):
    whole = bytearray(entry.read_bytes())
    numbers = ROWS.numel() * ROWS.element_size()  # at the end of the file
    for place in range(len(whole) - numbers, len(whole)):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1
        entry.write_bytes(spoiled)
        assert cache.read(entry)[0] is None
    entry.write_bytes(whole)
    assert torch.equal(cache.read(entry)[0], ROWS)


def test_an_entry_is_an_ordinary_safetensors_file(entry):
    assert torch.equal(load_file(entry)["tensor"], ROWS)


# Who may read and write


@of_unix
def test_a_folder_that_may_not_be_entered_has_no_entries(entry, caplog):
    entry.parent.chmod(0)
    with without_roots_rights():
        assert not cache.has(entry)
        assert cache.read(entry) == (None, "")
        cache.write(entry, ROWS)
        assert cache.usage()["features"] == (0, 0)
    assert "not readable" in caplog.text
    entry.parent.chmod(0o755)
    assert torch.equal(cache.read(entry)[0], ROWS)


@of_unix
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_the_mode_of_an_entry_follows_the_umask(mask, mode, empty_cache):
    before = os.umask(mask)
    try:
        cache.write(cache.entry("features", DIGEST), ROWS)
    finally:
        os.umask(before)
    assert cache.entry("features", DIGEST).stat().st_mode & 0o777 == mode


def test_a_disk_that_is_full_is_said_once(empty_cache, monkeypatch, caplog):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for digit in "123":
        cache.write(cache.entry("features", digit * 64), ROWS)
    [record] = caplog.records
    assert record.message.endswith("cannot be written: No space left on device")


# How much is kept


@pytest.fixture
def fill(empty_cache):
    """Return a function that writes entries of a thousand numbers, each a second older."""

    def write(n, kind="features"):
        written = [cache.entry(kind, f"{i:064x}") for i in range(n)]
        for i, path in enumerate(written):
            cache.write(path, torch.zeros(1000))
            os.utime(path, (1_000_000 - i, 1_000_000 - i))
        return written

    return write


def allow(n, monkeypatch):
    """Let n entries fit, and half of one more."""
    [size] = {path.stat().st_size for path in cache.entries()}
    monkeypatch.setenv("FEATLIB_CACHE_GB", str((n + 0.5) * size / 1e9))


@pytest.mark.parametrize("kind", ["features", "pictures"])
def test_those_used_longest_ago_are_deleted(kind, fill, monkeypatch):
    written = fill(6, kind)
    allow(3, monkeypatch)
    cache.read(written[5])
    new = cache.entry("features", "f" * 64)
    cache.write(new, torch.zeros(1000))
    assert cache.entries() == sorted([new, written[0], written[5]])


def test_up_to_the_limit_nothing_is_deleted(fill, monkeypatch):
    fill(3)
    allow(4, monkeypatch)
    cache.write(cache.entry("pictures", "f" * 64), torch.zeros(1000))
    assert len(cache.entries()) == 4


def test_an_entry_larger_than_the_limit_is_not_kept_and_drives_none_out(fill, monkeypatch, caplog):
    written = fill(2)
    allow(3, monkeypatch)
    cache.write(cache.entry("features", "f" * 64), torch.zeros(10_000))
    assert cache.entries() == written
    assert "is not kept" in caplog.text


def test_with_zero_nothing_is_kept(empty_cache, monkeypatch):
    monkeypatch.setenv("FEATLIB_CACHE_GB", "0")
    cache.write(cache.entry("features", DIGEST), ROWS)
    assert cache.entries() == []


@pytest.mark.parametrize(
    ("text", "bytes_"), [("", 2e9), ("0.5", 5e8), ("10", 1e10), ("inf", float("inf"))]
)
def test_the_limit_is_two_gigabytes_or_what_a_variable_says(text, bytes_, monkeypatch, caplog):
    monkeypatch.setenv("FEATLIB_CACHE_GB", text)
    assert cache.limit() == bytes_
    assert not caplog.records


@pytest.mark.parametrize("text", ["two", "-1", "nan", "2 GB", "1,5"])
def test_a_limit_that_is_none_is_said_once(text, monkeypatch, caplog):
    monkeypatch.setenv("FEATLIB_CACHE_GB", text)
    words.say_once.cache_clear()
    assert cache.limit() == cache.limit() == 2e9
    [record] = caplog.records
    assert f"FEATLIB_CACHE_GB={text!r}" in record.message


def test_what_cannot_be_deleted_is_passed_over(fill, monkeypatch):
    """As on Windows, where another process reads it."""
    written = fill(3)
    allow(1, monkeypatch)
    unlink = Path.unlink

    def in_use(path, missing_ok=False):
        if path == written[2]:
            raise PermissionError(13, "in use", str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", in_use)
    new = cache.entry("features", "f" * 64)
    cache.write(new, torch.zeros(1000))
    assert cache.entries() == [written[2], new]
    assert cache.clear() > 0
    assert cache.entries() == [written[2]]


# What is ours

OURS = (
    f"features/{DIGEST}.safetensors",
    f"pictures/{DIGEST}.safetensors",
    "features/_0123456789abcdef.tmp",
    "datasets/cifar-10-python.tar.gz",
    "datasets/cifar-10-batches-py/data_batch_1",
    "datasets/FashionMNIST/raw/t10k-labels-idx1-ubyte.gz",
    "weights/resnet18-f37072fd.pth",
)
FOREIGN = (
    "answers.jsonl",
    "notes.txt",
    f"{DIGEST}.safetensors",
    "features/notes.txt",
    "features/mine.safetensors",
    f"features/inner/{DIGEST}.safetensors",
    f"models/{DIGEST}.safetensors",
    "datasets/holiday/cat.png",
    "datasets/FashionMNIST/mine.csv",
    "weights/mine.pth",
)


@pytest.fixture
def mixed(empty_cache):
    """Return a cache folder in which a user keeps files of theirs, each of ten bytes."""
    for name in OURS + FOREIGN:
        (empty_cache / name).parent.mkdir(parents=True, exist_ok=True)
        (empty_cache / name).write_bytes(b"0123456789")
    return empty_cache


def test_usage_counts_what_is_ours_by_its_kind(mixed):
    assert cache.usage() == {
        "features": (2, 20),
        "pictures": (1, 10),
        "datasets": (3, 30),
        "weights": (1, 10),
    }


def test_clear_deletes_what_is_ours_and_nothing_else(mixed):
    assert cache.clear() == 10 * len(OURS)
    left = {path.relative_to(mixed).as_posix() for path in mixed.rglob("*") if path.is_file()}
    assert left == set(FOREIGN)
    assert cache.clear() == 0


def test_nothing_foreign_makes_room(mixed, monkeypatch):
    monkeypatch.setenv("FEATLIB_CACHE_GB", "1e-6")
    cache.write(cache.entry("features", "f" * 64), ROWS)
    assert all((mixed / name).exists() for name in FOREIGN)
    assert (mixed / "weights/resnet18-f37072fd.pth").exists(), "downloads do not count"


def test_without_a_folder_there_is_nothing(empty_cache):
    assert set(cache.usage().values()) == {(0, 0)}
    assert cache.clear() == 0
