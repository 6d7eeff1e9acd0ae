"""Entries of the cache: kept whole, and computed again when they are damaged."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from featlib.engine import cache

ROWS = torch.arange(12.0).reshape(3, 4)


@pytest.fixture
def entry(empty_cache):
    """Return the file of an entry that holds rows and a note."""
    path = cache.entry("features", "0a1b")
    cache.write(path, ROWS, "a note")
    return path


def test_what_is_kept_is_read(entry, empty_cache, caplog):
    rows, note = cache.read(entry)
    assert torch.equal(rows, ROWS)
    assert note == "a note"
    assert entry == empty_cache / "features" / "0a1b.safetensors"
    assert not caplog.records


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
