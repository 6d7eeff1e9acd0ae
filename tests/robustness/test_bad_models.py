"""Folders of models that are damaged, do not fit, or come from somebody who means harm."""

import hashlib
import json
import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

import featlib
from featlib import FeatlibError, images, lesson

pytestmark = pytest.mark.usefixtures("memory_stays_bounded")


@pytest.fixture(scope="module")
def model(emoji10, tmp_path_factory):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    finished = lesson.run(few, epochs=1, baselines=False, progress=False)
    return finished.save(tmp_path_factory.mktemp("sound") / "m")


@pytest.fixture(scope="module")
def known(model):
    return featlib.load(model)


@pytest.fixture
def copy(model, tmp_path):
    """Return a copy of the model that a test may damage."""
    return Path(shutil.copytree(model, tmp_path / "m"))


def facts(folder):
    return json.loads((folder / "card.json").read_text(encoding="utf-8"))


def sign(folder, card):
    """Write a card as somebody would who knows how its checksum is made."""
    rest = {name: value for name, value in card.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    (folder / "card.json").write_text(json.dumps(rest | {"sha256": digest}), encoding="utf-8")


def put_head(folder, content):
    (folder / "head.safetensors").write_bytes(content)
    sign(folder, facts(folder) | {"head_sha256": hashlib.sha256(content).hexdigest()})


def refused(folder, match):
    with pytest.raises(FeatlibError, match=match) as error:
        featlib.load(folder)
    assert "\x1b" not in str(error.value)
    return str(error.value)


def test_the_test_can_sign_a_card(copy):
    sign(copy, facts(copy) | {"date": "2020-01-01"})
    assert featlib.load(copy).card.date == "2020-01-01"


def test_a_card_may_be_laid_out_anew(copy):
    (copy / "card.json").write_text(json.dumps(dict(reversed(facts(copy).items())), indent=7))
    assert len(featlib.load(copy).classes) == 10


@pytest.mark.parametrize("name", ["card.json", "head.safetensors"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    refused(copy, f"wanted a model, a folder with card.json and head.safetensors.*no {name} there")


@pytest.mark.parametrize("name", ["card.json", "head.safetensors"])
@pytest.mark.parametrize("keep", [0, 1, 300, -1])
def test_a_file_that_is_cut_off_is_refused(copy, name, keep):
    file = copy / name
    file.write_bytes(file.read_bytes()[:keep])
    refused(copy, "cut off or altered|as its card says")


@pytest.mark.parametrize("name", ["card.json", "head.safetensors"])
def test_a_folder_or_a_pipe_in_the_place_of_a_file_is_refused(copy, name):
    (copy / name).unlink()
    (copy / name).mkdir()
    refused(copy, "a folder, no file|Permission denied")
    if hasattr(os, "mkfifo"):
        (copy / name).rmdir()
        os.mkfifo(copy / name)
        refused(copy, "a pipe, no file")


def test_a_file_larger_than_a_head_is_not_read(copy):
    with open(copy / "head.safetensors", "ab") as file:
        file.truncate(10**10)
    refused(copy, "larger than")


@pytest.mark.parametrize(
    "change",
    [
        {"accuracy": 0.99}, {"classes": [*"abcdefghij"]}, {"date": "2020-01-01"}, {"more": 1},
        {"transform": {"mean": [0, 0, 0], "std": [1, 1, 1], "size": 64}}, {"sha256": None},
    ],
)  # fmt: skip
def test_facts_that_were_altered_are_refused(copy, change):
    (copy / "card.json").write_text(json.dumps(facts(copy) | change))
    refused(copy, "facts that are not those of its checksum")


@pytest.mark.parametrize(
    "change",
    [
        {"classes": [*"abcdefghi"], "training_pictures": [1] * 9},
        {"classes": [*"abcdefghijk"], "training_pictures": [1] * 11},
        {"classes": [*"aabcdefghi"]}, {"classes": ["a"]}, {"classes": "abcdefghij"},
        {"classes": [1] * 10}, {"classes": {}}, {"training_pictures": [1] * 9},
        {"training_pictures": [-1] * 10}, {"training_pictures": [10**300] * 10},
        {"validation_pictures": 0}, {"validation_pictures": 1.5}, {"accuracy": 2},
        {"accuracy": True}, {"interval": [0.1]}, {"interval": None}, {"backbone": "../own"},
        {"backbone": "/etc/passwd"}, {"backbone_sha256": "0" * 64}, {"picture_size": 0},
        {"picture_size": 10**9}, {"picture_size": 10**300}, {"picture_size": 64.5},
        {"transform": {"mean": [0, 0, 0], "std": [0, 1, 1], "size": 64}},
        {"transform": {"mean": [0, 0, 0], "std": [1, 1, 1], "size": 10**6}},
        {"transform": {"mean": [0, 0, 0], "std": [1, 1, 1], "size": None}},
        {"transform": {"mean": [0, 0], "std": [1, 1, 1], "size": 64}}, {"transform": []},
        {"precision": "fp8"}, {"recipe": {"epochs": 0}}, {"recipe": {"eggs": 1}}, {"recipe": []},
        {"head_sha256": "0" * 64}, {"head_sha256": None}, {"date": "\x1b[31m"},
        {"featlib": "\x1b["}, {"format": "other"}, {"version": "1"}, {"version": 0},
        {"version": None}, {"surprise": 1},
    ],
    ids=lambda change: next(f"{name} {value}"[:40] for name, value in change.items()),
)  # fmt: skip
def test_a_card_of_somebody_who_can_sign_is_refused(copy, change):
    sign(copy, facts(copy) | change)
    refused(copy, "wanted")


def test_each_fact_is_needed(copy):
    whole = facts(copy)
    for name in whole.keys() - {"sha256"}:
        sign(copy, {key: value for key, value in whole.items() if key != name})
        refused(copy, "wanted the card of a featlib model")


def test_a_newer_format_says_how_to_read_it(copy):
    (copy / "card.json").write_text(json.dumps({"format": "featlib model", "version": 2}))
    refused(copy, r"wanted a model of version 1, got version 2.*pip install --upgrade featlib")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", "1", '"text"', "{}", "[" * 100_000, "\0", "NaN", '{"a": 1e999}'],
)
def test_what_is_no_card_is_refused(copy, content):
    (copy / "card.json").write_text(content)
    refused(copy, "wanted the card of a featlib model")


def test_names_of_classes_may_hold_what_a_terminal_obeys_but_show_it_written_out(copy):
    names = ["\x1b[31mred", "\x9b", "a\nb", "\u202egnp", *"efghij"]
    sign(copy, facts(copy) | {"classes": names})
    loaded = featlib.load(copy)
    assert loaded.classes == tuple(names)
    assert r"\x1b[31mred, \x9b, a\nb, \u202egnp" in repr(loaded)


@pytest.mark.parametrize(
    "tensors",
    [
        {}, {"weight": torch.zeros(10, 512)},
        {"weight": torch.zeros(10, 512), "b": torch.zeros(10)},
        {"weight": torch.zeros(9, 512), "bias": torch.zeros(9)},
        {"weight": torch.zeros(10, 511), "bias": torch.zeros(10)},
        {"weight": torch.zeros(512, 10), "bias": torch.zeros(10)},
        {"weight": torch.zeros(10, 512), "bias": torch.zeros(10, 1)},
        {"weight": torch.zeros(10, 512).half(), "bias": torch.zeros(10).half()},
        {"weight": torch.zeros(10, 512, dtype=torch.int32), "bias": torch.zeros(10)},
        {"weight": torch.full((10, 512), float("nan")), "bias": torch.zeros(10)},
        {"weight": torch.zeros(10, 512), "bias": torch.full((10,), float("inf"))},
        {"weight": torch.zeros(10, 512), "bias": torch.zeros(10), "more": torch.zeros(1)},
    ],
)  # fmt: skip
def test_a_head_that_does_not_fit_its_card_is_refused(copy, tensors):
    put_head(copy, save(tensors))
    refused(copy, "wanted a head of 10 classes|wanted features")


class Touches:
    """When it is unpickled as Python would, it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_nothing_is_unpickled(copy, tmp_path):
    torch.save(Touches(tmp_path / "harm"), tmp_path / "harmful.pt")
    for content in (
        pickle.dumps(Touches(tmp_path / "harm")),
        (tmp_path / "harmful.pt").read_bytes(),
    ):
        put_head(copy, content)
        refused(copy, "a damaged file")
    assert not (tmp_path / "harm").exists()


def test_files_are_opened_once(copy, monkeypatch):
    opened, real = [], os.open

    def count(path, *rest, **more):
        opened.append(os.path.basename(path))
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", count)
    featlib.load(copy)
    assert sorted(name for name in opened if name in os.listdir(copy)) == [
        "card.json", "head.safetensors",
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["", None, 3, "a\0b", "https://example.org/m", [], "nowhere"])
def test_what_is_no_folder_is_refused(path):
    with pytest.raises(FeatlibError, match="wanted"):
        featlib.load(path)


@pytest.mark.parametrize(
    "given",
    [
        None, 0, 1.5, True, "", "nowhere.png", "a\0b", b"bytes", {}, {"a": 1}, {1, 2}, [None],
        [[1, 2], [3, 4]], [[]], torch.zeros(3), torch.zeros(0, 3, 8, 8), torch.zeros(2, 3, 8, 8),
        torch.full((3, 8, 8), float("nan")), {"a.png"}, iter([]), "https://example.org/a.png",
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_what_is_no_picture_is_refused(known, given):
    for ask in (known.predict, known.predict_proba, known.explain):
        with pytest.raises(FeatlibError, match="wanted"):
            ask(given)


def test_a_folder_without_a_picture_is_refused(known, tmp_path):
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(FeatlibError, match=r"wanted pictures in .*notes.txt \(no PNG"):
        known.predict(tmp_path)


@pytest.fixture(scope="module")
def is_known(known):
    """Return a function, since Hypothesis would print a classifier with all its weights."""
    weight = known.head.weight
    return lambda found: found.card == known.card and torch.equal(found.head.weight, weight)


_EDITS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "cut", "insert", "copy"]), st.floats(0, 1), st.binary(max_size=9)
    ),
    min_size=1,
    max_size=3,
)


def edited(content, edits):
    for kind, place, data in edits:
        at = int(place * len(content))
        if kind == "cut":
            content = content[:at]
        elif kind == "flip":
            content = content[:at] + data + content[at + len(data) :]
        elif kind == "insert":
            content = content[:at] + data + content[at:]
        else:
            content = content[:at] + content[at // 2 :]
    return content


# Two files, so 300 edited ones in the daily run, and 12,000 in the long one.
@settings(max_examples=settings().max_examples * 3 // 2)
@given(_EDITS)
def test_an_edited_file_is_refused_or_loads_as_it_was(model, is_known, edits):
    for name in ("card.json", "head.safetensors"):
        content = (model / name).read_bytes()
        try:
            (model / name).write_bytes(edited(content, edits))
            loaded = featlib.load(model)
        except FeatlibError:
            continue
        finally:
            (model / name).write_bytes(content)
        assert is_known(loaded)
