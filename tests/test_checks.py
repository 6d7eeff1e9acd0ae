"""The checks as such: what passes, what is refused, and what the message says.

Wrong arrays have their table in tests/robustness/test_bad_arrays.py.
"""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from helpers import without_roots_rights

from featlib import FeatlibError, checks
from featlib.engine.files import sha256


def test_checks_need_no_torch():
    script = "import sys, featlib.checks; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "False", answer.stderr


def test_a_refusal_says_where_what_was_wanted_what_was_given_and_how_to_fix_it():
    with pytest.raises(FeatlibError) as refusal:
        checks.refuse("here", "a cat", "a dog", "Bring a cat.")
    assert str(refusal.value) == "here: wanted a cat, got a dog. Bring a cat."
    assert isinstance(refusal.value, ValueError)


def test_a_refusal_can_be_printed_whatever_the_name_of_a_file():
    with pytest.raises(FeatlibError, match=r"caf\\udce9"):
        checks.refuse("here", "a picture", "caf\udce9.png", "Rename it.")


# Arrays that are right

PIXELS = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
ROWS = torch.zeros(2, 5)


def test_right_arrays_pass():
    checks.pixels(PIXELS, "here")
    checks.unit_images(torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1), "here")
    checks.features(ROWS, "here")
    checks.features(ROWS, "here", width=5)
    checks.labels(torch.tensor([0, 2]), "here", 2, 3)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0]])
def test_labels_out_of_range_are_refused(labels):
    with pytest.raises(FeatlibError, match=f"0 to 2, got labels from {labels[0]} to {labels[1]}"):
        checks.labels(torch.tensor(labels), "here", 2, 3)


def test_values_just_outside_0_to_1_are_refused():
    for value, said in ((1.01, "normalized already"), (-0.01, "normalized already")):
        with pytest.raises(FeatlibError, match=said):
            checks.unit_images(torch.full((1, 3, 2, 2), value), "here")


# Class names


def test_classes_become_a_tuple_of_text():
    assert checks.classes(["cat", "dog"], "here") == ("cat", "dog")
    assert checks.classes(iter([1, 2]), "here") == ("1", "2")


@pytest.mark.parametrize("names", [[], ["cat"], ["cat", "cat"], [1, "1"], "cat"])
def test_too_few_or_equal_classes_are_refused(names):
    with pytest.raises(FeatlibError, match="at least two classes"):
        checks.classes(names, "here")


# Numbers


@pytest.mark.parametrize("value", [1, 3, np.int64(2)])
def test_whole_numbers_within_the_range_pass(value):
    found = checks.whole_number(value, "here", "n", 1, 3)
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize("value", [0, 4, 2.0, "2", True, None, float("nan")])
def test_other_whole_numbers_are_refused(value):
    with pytest.raises(FeatlibError, match=r"n as a whole number from 1 to 3.*Try n=3"):
        checks.whole_number(value, "here", "n", 1, 3)


def test_a_whole_number_may_have_no_upper_end():
    assert checks.whole_number(10**12, "here", "n") == 10**12
    with pytest.raises(FeatlibError, match=r"of at least 1, got int 0\. Try n=1"):
        checks.whole_number(0, "here", "n")


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.25), Fraction(1, 2)])
def test_numbers_within_the_range_pass_both_ends_included(value):
    found = checks.number(value, "here", "x", 0, 1)
    assert found == float(value)
    assert type(found) is float


@pytest.mark.parametrize(
    "value", [-0.1, 1.1, float("nan"), float("inf"), float("-inf"), True, "0.5", None, 1j]
)
def test_other_numbers_are_refused(value):
    with pytest.raises(FeatlibError, match="x as a number of at least 0 and at most 1"):
        checks.number(value, "here", "x", 0, 1)


def test_a_number_may_have_to_be_above_the_lower_end():
    assert checks.number(1e-9, "here", "x", above=True) == 1e-9
    with pytest.raises(FeatlibError, match="x as a number above 0, got"):
        checks.number(0, "here", "x", above=True)


def test_infinity_is_refused_where_there_is_no_upper_end():
    with pytest.raises(FeatlibError, match="of at least 0, got float inf"):
        checks.number(float("inf"), "here", "x")


def test_three_numbers():
    assert checks.three_numbers([0.5, -1, 2], "here", "mean") == (0.5, -1.0, 2.0)
    for bad in ([1, 2], [1, 2, 3, 4], "abc", None):
        with pytest.raises(FeatlibError, match="mean as three numbers"):
            checks.three_numbers(bad, "here", "mean")
    with pytest.raises(FeatlibError, match="std as a number above 0"):
        checks.three_numbers([1, 0, 1], "here", "std", above=True)


def test_a_choice():
    checks.one_of("cpu", "here", "device", ("cpu", "cuda"))
    with pytest.raises(FeatlibError, match="device to be one of 'cpu', 'cuda', got str 'tpu'"):
        checks.one_of("tpu", "here", "device", ("cpu", "cuda"))


# Files and folders


@pytest.fixture
def places(tmp_path):
    (tmp_path / "full.txt").write_text("text")
    (tmp_path / "empty.txt").touch()
    return tmp_path


def test_a_file_that_is_there_is_returned_as_a_path(places, monkeypatch):
    assert checks.file(str(places / "full.txt"), "here", "a text") == places / "full.txt"
    monkeypatch.setenv("HOME", str(places))
    monkeypatch.setenv("USERPROFILE", str(places))
    assert checks.file("~/full.txt", "here", "a text") == places / "full.txt"
    assert checks.folder("~", "here", "texts") == places


@pytest.mark.parametrize(
    ("name", "got"), [("none.txt", "nothing there"), (".", "a folder"), ("empty.txt", "an empty")]
)
def test_what_is_no_file_is_refused(places, name, got):
    with pytest.raises(FeatlibError, match=f"a text at '.*', got {got}"):
        checks.file(places / name, "here", "a text")


@pytest.mark.parametrize(("name", "got"), [("none", "nothing there"), ("full.txt", "a file")])
def test_what_is_no_folder_is_refused(places, name, got):
    with pytest.raises(FeatlibError, match=f"a folder of texts at '.*', got {got}"):
        checks.folder(places / name, "here", "texts")


@pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")
def test_a_folder_that_cannot_be_listed_is_refused(places):
    secret = places / "secret"
    secret.mkdir()
    secret.chmod(0o000)
    with without_roots_rights(), pytest.raises(FeatlibError, match=r"to list.*Permission denied"):
        checks.folder(secret, "here", "texts")
    secret.chmod(0o755)


def test_a_checksum_in_small_or_capital_letters(places):
    expected = sha256(places / "full.txt")
    checks.checksum(places / "full.txt", expected, "here")
    checks.checksum(places / "full.txt", expected.upper(), "here")
    with pytest.raises(FeatlibError, match=r"SHA-256 0{12}….*\(4 bytes\).*cut off or altered"):
        checks.checksum(places / "full.txt", "0" * 64, "here")
