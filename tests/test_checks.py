"""The checks as such: what passes, what is refused, and what the message says.

Wrong arrays have their table in tests/robustness/test_bad_arrays.py.
"""

import os
import pickle
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import without_roots_rights
from hypothesis import given
from hypothesis import strategies as st

from featlib import FeatlibError, checks, preprocess
from featlib.engine import words


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


def repr_or_type(value):
    try:
        return repr(value)[:20]
    except (RuntimeError, ValueError):
        return type(value).__name__


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


# Arrays of any kind: the advice is right for the very value that was given

CHECKS = {
    "pixels": lambda value: checks.pixels(value, "here"),
    "unit images": lambda value: checks.unit_images(value, "here"),
    "features": lambda value: checks.features(value, "here"),
    "labels": lambda value: checks.labels(value, "here", 4, 3),
}
ADVICE = re.compile(r": (\(*(?:image|images|features|labels|np|torch|preprocess)\b.*)\.$")
DTYPES = [
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16,
    torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64,
    torch.float8_e4m3fn,
]  # fmt: skip
SHAPES = st.one_of(
    st.lists(st.integers(0, 5), max_size=5),
    st.sampled_from([
        (4,), (4, 1), (4, 3), (2, 3, 8, 8), (2, 8, 8, 3), (2, 8, 8), (3, 8, 8), (8, 8, 3), (8, 8),
        (2, 1, 8, 8), (2, 8, 8, 1), (2, 4, 8, 8), (2, 8, 8, 4), (2, 768), (0, 3, 8, 8),
    ]),
)  # fmt: skip
RANGES = st.sampled_from([(0, 1), (0, 2), (0, 255), (-3, 3), (0, 60_000), (0, float("nan"))])
FORMS = ("as it is", "on no device", "sparse", "of NumPy", "turned around")
WITHOUT_NUMPY = (torch.bfloat16, torch.float8_e4m3fn)
WITHOUT_SPARSE = (torch.uint16, torch.float8_e4m3fn)


def made(shape, dtype, span, form):
    low, high = span
    n = torch.Size(shape).numel()
    values = low + (high - low) * torch.linspace(0, 1, max(1, n))[:n].view(shape)
    whole = not (dtype.is_floating_point or dtype.is_complex)
    value = (values.nan_to_num(nan=0) if whole else values).to(dtype)
    if form == "on no device":
        return value.to("meta")
    if form == "sparse" and dtype not in WITHOUT_SPARSE and value.ndim:
        return value.to_sparse()
    if form in ("of NumPy", "turned around") and dtype not in WITHOUT_NUMPY:
        return value.numpy()[::-1] if form == "turned around" and value.ndim else value.numpy()
    return value


def advice_on(check, value):
    """Return the message of a check, and the Python in it; empty where there is none."""
    try:
        check(value)
    except FeatlibError as refusal:
        found = ADVICE.search(str(refusal))
        return str(refusal), found[1] if found else ""
    return "", ""


def follow(code, value):
    names = dict.fromkeys(("image", "images", "features", "labels"), value)
    return eval(code, names | {"np": np, "torch": torch, "preprocess": preprocess})


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
@given(SHAPES, st.sampled_from(DTYPES), RANGES, st.sampled_from(FORMS))
def test_of_any_tensor_a_check_says_nothing_or_how_to_convert_it(check, shape, dtype, span, form):
    value = made(shape, dtype, span, form)
    message, code = advice_on(check, value)
    if code:
        check(follow(code, value))
    elif message:
        assert message.startswith("here: wanted ")


CONVERTED = {
    "gray images": ((2, 8, 8), torch.uint8, "images[:, None].expand(-1, 3, -1, -1)"),
    "gray, with an axis": ((2, 1, 8, 8), torch.uint8, "images.expand(-1, 3, -1, -1)"),
    "channels last": ((2, 8, 8, 3), torch.uint8, "images.permute(0, 3, 1, 2)"),
    "one image": ((3, 8, 8), torch.uint8, "image[None]"),
    "one image, channels last": ((8, 8, 3), torch.uint8, "image[None].permute(0, 3, 1, 2)"),
    "one gray image": ((8, 8), torch.uint8, "image[None, None].expand(-1, 3, -1, -1)"),
    "a fourth channel": ((2, 4, 8, 8), torch.uint8, "images[:, :3]"),
    "flat": ((2, 768), torch.uint8, "images.reshape(-1, 3, 16, 16)"),
    "true and false": ((2, 3, 8, 8), torch.bool, "images.to(torch.uint8) * 255"),
    "int64": ((2, 3, 8, 8), torch.int64, "images.to(torch.uint8)"),
    "halves": (
        (2, 3, 8, 8), torch.float16, "(images.to(torch.float32) * 255).round().to(torch.uint8)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CONVERTED)
def test_the_conversion_of_images_is_named(case):
    shape, dtype, code = CONVERTED[case]
    value = made(shape, dtype, (0, 1), "as it is")
    assert advice_on(CHECKS["pixels"], value)[1] == code
    checks.pixels(follow(code, value), "here")


def test_where_a_tensor_lies_is_said_and_how_to_get_it():
    assert "on 'meta'" in advice_on(CHECKS["pixels"], PIXELS.to("meta"))[0]
    assert "no values" in advice_on(CHECKS["features"], ROWS.to("meta"))[0]
    assert advice_on(CHECKS["pixels"], PIXELS.to_sparse())[1] == "images.to_dense()"


class OnGPU(torch.Tensor):
    """A tensor that says it is somewhere else."""

    device = torch.device("cuda:0")

    def cpu(self):
        return self.as_subclass(torch.Tensor)


def test_a_tensor_on_a_gpu_is_told_to_come_to_the_cpu():
    message, code = advice_on(CHECKS["pixels"], PIXELS.as_subclass(OnGPU))
    assert "on 'cuda:0'" in message
    assert code == "images.cpu()"
    checks.pixels(follow(code, PIXELS.as_subclass(OnGPU)), "here")


def test_names_as_labels_can_be_numbered():
    value = np.array(["dog", "cat", "dog", "bird"])
    _, code = advice_on(CHECKS["labels"], value)
    assert code == "torch.from_numpy(np.unique(labels, return_inverse=True)[1])"
    assert follow(code, value).tolist() == [2, 1, 2, 0]


def test_one_hot_labels_can_be_numbered():
    _, code = advice_on(CHECKS["labels"], torch.eye(3)[[0, 2, 1, 1]])
    assert code == "labels.int().argmax(1)"


class Odd:
    """What raises wherever it is looked at."""

    @property
    def shape(self):
        raise RuntimeError("no")

    dtype = ndim = device = shape

    def __repr__(self):
        raise RuntimeError("no")

    __str__ = __len__ = __float__ = __eq__ = __iter__ = __repr__


class OddPath(os.PathLike):
    def __fspath__(self):
        raise KeyError("no")

    __str__ = __fspath__


NO_ARRAYS = [None, True, 5, "x", b"x", [], [[1, 2], [3, 4]], {}, object(), len, Odd()]


@pytest.mark.parametrize("value", NO_ARRAYS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)
def test_what_is_no_array_is_refused_in_words(check, value):
    with pytest.raises(FeatlibError, match="here: wanted"):
        check(value)


def test_a_refusal_holds_nothing_that_a_terminal_would_obey():
    with pytest.raises(FeatlibError) as refusal:
        checks.file("\x1b[31mred\x07.png", "here", "a picture")
    assert r"'\x1b[31mred\x07.png'" in str(refusal.value)


NAMES = {
    "Escape": ("\x1b[31m", r"\x1b[31m"),
    "a bell": ("\x07", r"\x07"),
    "a line break": ("\n", r"\n"),
    "a tab": ("\t", r"\t"),
    "the C1 form of Escape [": ("\x9b2J", r"\x9b2J"),
    "a line break of Unicode": ("\u2028", r"\u2028"),
    "writing from right to left": ("\u202egnp.exe", r"\u202egnp.exe"),
    "half a character": ("\udcff", r"\udcff"),
    "other letters and signs": ("é 家 👩\u200d🎓 \\n", "é 家 👩\u200d🎓 \\n"),
}


@pytest.mark.parametrize("case", NAMES)
def test_what_a_terminal_would_obey_is_written_out(case):
    name, shown = NAMES[case]
    assert words.printable(f"a{name}b") == f"a{shown}b"
    with pytest.raises(FeatlibError) as refusal:
        checks.file(f"nowhere/a{name}b", "here", "a picture")
    assert f"a{shown}b" in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_list_of_faults_keeps_its_lines():
    error = FeatlibError("here: wanted no faults, got 2:\n- one\x1b\n- two\nFix each.")
    assert str(error).splitlines()[1] == r"- one\x1b"


def test_what_cannot_be_written_is_no_text():
    assert checks.text(3, "here", "a name") == "3"
    for value in (10**5000, Odd()):
        with pytest.raises(FeatlibError, match=r"here: wanted a name as text, got .*cannot be sh"):
            checks.text(value, "here", "a name")


# Class names


def test_classes_become_a_tuple_of_text():
    assert checks.classes(["cat", "dog"], "here") == ("cat", "dog")
    assert checks.classes(iter([1, 2]), "here") == ("1", "2")


@pytest.mark.parametrize(
    "names", [[], ["cat"], ["cat", "cat"], [1, "1"], "cat", None, 5, torch.tensor(3), Odd()]
)
def test_too_few_or_equal_classes_are_refused(names):
    with pytest.raises(FeatlibError, match="at least two classes"):
        checks.classes(names, "here")


CAT_AND_DOG = {"cat": 1, "dog": 0}


@pytest.mark.parametrize(
    "names",
    [set(CAT_AND_DOG), frozenset(CAT_AND_DOG), CAT_AND_DOG, CAT_AND_DOG.keys()],
    ids=lambda names: type(names).__name__,
)
def test_class_names_without_an_order_of_their_own_are_refused(names):
    with pytest.raises(FeatlibError, match="Pass a list: the order gives each name its number"):
        checks.classes(names, "here")


@pytest.mark.parametrize("name", [10**5000, Odd()], ids=repr_or_type)
def test_a_class_name_that_cannot_be_written_is_refused(name):
    with pytest.raises(FeatlibError, match="each class name as text"):
        checks.classes(["cat", name], "here")


def test_names_that_end_in_an_error_are_refused():
    with pytest.raises(FeatlibError, match="at least two classes"):
        checks.classes((1 / n for n in (1, 0)), "here")


# Numbers


@pytest.mark.parametrize("value", [1, 3, np.int64(2)])
def test_whole_numbers_within_the_range_pass(value):
    found = checks.whole_number(value, "here", "n", 1, 3)
    assert found == value
    assert type(found) is int


@pytest.mark.parametrize(
    ("value", "near"),
    [
        (0, 1), (4, 3), (2.0, 2), ("2", 2), (True, 1), (None, 1), (float("nan"), 1), ([], 1),
        (10**400, 3), (-float("inf"), 1), (torch.tensor(2), 2), (np.zeros(3), 1), ("many", 1),
    ],
)  # fmt: skip
def test_of_other_whole_numbers_the_nearest_that_fits_is_named(value, near):
    wanted = rf"n as a whole number from 1 to 3, got .*Try n={near}\.$"
    with pytest.raises(FeatlibError, match=wanted):
        checks.whole_number(value, "here", "n", 1, 3)


def test_a_whole_number_may_have_no_upper_end():
    assert checks.whole_number(10**12, "here", "n") == 10**12
    with pytest.raises(FeatlibError, match=r"of at least 1, got int 0\. Try n=1"):
        checks.whole_number(0, "here", "n")


@pytest.mark.parametrize("value", [10**101, 10**5000], ids=repr_or_type)
def test_a_number_that_no_library_can_use_is_refused(value):
    assert checks.whole_number(10**100, "here", "n") == 10**100
    with pytest.raises(
        FeatlibError, match=r"n as a whole number of at least 1, and at most 10\*\*100.*Try n=1000"
    ):
        checks.whole_number(value, "here", "n")


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.25), Fraction(1, 2)])
def test_numbers_within_the_range_pass_both_ends_included(value):
    found = checks.number(value, "here", "x", 0, 1)
    assert found == float(value)
    assert type(found) is float


@pytest.mark.parametrize(
    "value",
    [-0.1, 1.1, float("nan"), float("inf"), float("-inf"), True, "0.5", None, 1j, 10**400, Odd()],
    ids=repr_or_type,
)
def test_other_numbers_are_refused(value):
    with pytest.raises(FeatlibError, match="x as a number of at least 0 and at most 1") as refusal:
        checks.number(value, "here", "x", 0, 1)
    checks.number(float(str(refusal.value).removesuffix(".").split("Try x=")[1]), "here", "x", 0, 1)


def test_a_number_may_have_to_be_above_the_lower_end():
    assert checks.number(1e-9, "here", "x", above=True) == 1e-9
    with pytest.raises(FeatlibError, match=r"x as a number above 0, got int 0\. Try x=0\.01\."):
        checks.number(0, "here", "x", above=True)


def test_infinity_is_refused_where_there_is_no_upper_end():
    with pytest.raises(FeatlibError, match="of at least 0, got float inf"):
        checks.number(float("inf"), "here", "x")


def test_three_numbers():
    for three in ([0.5, -1, 2], np.array([0.5, -1, 2])):
        assert checks.three_numbers(three, "here", "mean") == (0.5, -1.0, 2.0)
    for bad in ([1, 2], [1, 2, 3, 4], "abc", None):
        with pytest.raises(FeatlibError, match="mean as three numbers"):
            checks.three_numbers(bad, "here", "mean")
    with pytest.raises(FeatlibError, match="std as a number above 0"):
        checks.three_numbers([1, 0, 1], "here", "std", above=True)


def test_a_choice():
    checks.one_of("cpu", "here", "device", ("cpu", "cuda"))
    with pytest.raises(FeatlibError, match="device to be one of 'cpu', 'cuda', got str 'tpu'"):
        checks.one_of("tpu", "here", "device", ("cpu", "cuda"))


@pytest.mark.parametrize("value", [None, 3, ["cpu"], {}, torch.zeros(3), np.array(["cpu", "x"])])
def test_what_is_no_text_is_no_choice(value):
    with pytest.raises(FeatlibError, match="device to be one of 'cpu', 'cuda'"):
        checks.one_of(value, "here", "device", {"cpu": 1, "cuda": 2})


def test_the_nearest_setting_is_named():
    known = ("epochs", "learning_rate", "weight_decay")
    checks.settings({"epochs": 1}, "here", known)
    for name, near in (("epoch", "epochs"), ("LR", "learning_rate"), ("wd", "weight_decay")):
        with pytest.raises(FeatlibError, match=f"got {name}.*did you mean '{near}'"):
            checks.settings({name: 1}, "here", known)
    with pytest.raises(FeatlibError, match=r"Check the spelling\.$"):
        checks.settings({"momentum": 1}, "here", known)


@pytest.mark.parametrize(("value", "found"), [(True, True), (np.False_, False)])
def test_a_switch_is_true_or_false(value, found):
    assert checks.switch(value, "here", "cache") is found


@pytest.mark.parametrize(
    ("value", "near"), [("no", False), (0, False), (None, False), ("yes", True), (1, True)]
)
def test_what_else_a_switch_was_probably_meant_to_be(value, near):
    with pytest.raises(FeatlibError, match=f"cache as True or False.*Try cache={near}"):
        checks.switch(value, "here", "cache")


def test_a_number_too_long_to_write_was_probably_meant_as_on():
    with pytest.raises(FeatlibError, match=r"x as True or False.*Try x=True"):
        checks.switch(10**5000, "here", "x")


def test_an_instance_is_given_back():
    assert checks.instance(3, int, "here", "a number", "Pass 3.") == 3
    with pytest.raises(FeatlibError, match=r"here: wanted a number, got str 'x'\. Pass 3\."):
        checks.instance("x", int, "here", "a number", "Pass 3.")


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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among its files")
def test_what_is_there_but_no_file_is_called_what_it_is(places):
    os.mkfifo(places / "pipe")
    for path, kind in ((places / "pipe", "a pipe"), (os.devnull, "a device")):
        with pytest.raises(FeatlibError, match=f"got {kind}"):
            checks.file(path, "here", "a text")


@pytest.mark.parametrize("path", [None, 5, b"x", [], "", " ", True, np.zeros(3)])
@pytest.mark.parametrize("check", [checks.file, checks.folder])
def test_what_is_no_path_is_refused(check, path):
    with pytest.raises(FeatlibError, match=r"wanted the path of.*Pass its path as text"):
        check(path, "here", "texts")


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "~nobody-of-this-name/x"])
@pytest.mark.parametrize("check", [checks.file, checks.folder])
def test_a_path_that_cannot_be_is_refused(check, path):
    with pytest.raises(FeatlibError, match=r"here: wanted .*Check the path"):
        check(path, "here", "texts")


@pytest.mark.parametrize("address", ["https://example.org/a.png", "s3://bucket/a"])
def test_an_address_has_to_be_downloaded_first(address):
    with pytest.raises(FeatlibError, match=f"the address {address}. Download it"):
        checks.file(address, "here", "a text")


def test_a_file_with_nearly_the_name_is_named(places):
    with pytest.raises(FeatlibError, match=r"did you mean 'full\.txt'"):
        checks.file(places / "ful.txt", "here", "a text")


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


# Where files will be written


def test_a_folder_for_output_may_be_there_or_not(tmp_path):
    for path in (tmp_path, tmp_path / "new" / "folder", str(tmp_path / "new")):
        assert checks.output_folder(path, "here", "the report") == Path(path)
    assert list(tmp_path.iterdir()) == []


def test_where_a_file_is_there_can_be_no_folder(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for path, got in ((file, "a file there"), (file / "below" / "it", f"the file '{file}'")):
        with pytest.raises(FeatlibError, match=re.escape(f"got {got}. Choose another folder")):
            checks.output_folder(path, "here", "the report")


def test_where_nothing_can_be_written_can_be_no_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    with pytest.raises(FeatlibError, match="got no right to write in"):
        checks.output_folder(tmp_path / "new", "here", "the report")


@pytest.mark.parametrize("path", [None, "", 5, b"x", "a\0b", "~nobody-of-this-name/x", OddPath()])
def test_what_is_no_path_can_be_no_folder_for_output(path):
    with pytest.raises(FeatlibError, match="here: wanted "):
        checks.output_folder(path, "here", "the report")


def test_no_error_holds_what_a_terminal_obeys():
    assert str(FeatlibError("a\x1b[2J\u202eb\nc")) == "a\\x1b[2J\\u202eb\nc"
    assert str(pickle.loads(pickle.dumps(FeatlibError("x\x1b")))) == r"x\x1b"


def hostile():
    name = "a\x1b[2J\u202eb\nc"
    checks.refuse(name, name, name, name)


def test_a_refusal_is_one_line():
    with pytest.raises(FeatlibError) as error:
        hostile()
    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("given", "meant"),
    [("gpu", "cuda"), ("GPU:1", "cuda"), ("cpu:0", "cpu"), ("cuda:0", "cuda"), ("metal", "mps")],
)
def test_a_device_by_another_name(given, meant):
    with pytest.raises(FeatlibError, match=f"did you mean '{meant}'"):
        checks.one_of(given, "here", "device", ("auto", "cpu", "cuda", "mps"))


def test_a_file_to_write_is_checked_before_the_work(tmp_path):
    assert checks.output_file(tmp_path / "new" / "page.html", "here", "x").parent.name == "new"
    assert not (tmp_path / "new").exists()
    (tmp_path / "taken").touch()
    for path, said in (
        (tmp_path, "a folder there"),
        (tmp_path / "taken" / "page.html", "a file there"),
        ("~nobody-of-that-name/page.html", "home directory"),
        (3, "int 3"),
    ):
        with pytest.raises(FeatlibError, match=said):
            checks.output_file(path, "here", "the page")
