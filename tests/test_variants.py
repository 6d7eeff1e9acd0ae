"""A learner's own split: drawn from a name, honest, kept, and told to nobody who did not ask."""

import json
from itertools import combinations

import pytest
import torch

from featlib import FeatlibError, doctor, features, head, images, quiz, variants, weights

NAMES = [f"learner-{i}" for i in range(1, 31)]


@pytest.fixture
def data(tmp_path, monkeypatch):
    """Return a data folder of the test's own; no variant is chosen."""
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FEATLIB_VARIANT", "")
    return tmp_path / "data"


def test_without_a_variant_the_split_is_that_of_the_file(data, emoji10):
    for same in (images.load("emoji10"), images.load("emoji10", variant="default")):
        assert torch.equal(same.validation, emoji10.validation)
        assert torch.equal(same.train, emoji10.train)


@pytest.mark.parametrize("name", NAMES[:3])
def test_a_variant_has_an_honest_split_of_the_same_pictures(name, emoji10):
    own = images.load("emoji10", variant=name)
    assert torch.equal(own.pixels, emoji10.pixels)
    assert own.labels[own.validation].bincount().tolist() == [20] * 10
    assert torch.equal(torch.cat([own.train, own.validation]).sort().values, torch.arange(1000))
    assert not set(own.groups[own.train].tolist()) & set(own.groups[own.validation].tolist())
    assert own.captions.index("cat face") in own.validation, "the head has not seen who travels"


def test_the_3d_emoji_follow_the_variant():
    flat, drawn = (images.load(name, variant="otter") for name in ("emoji10", "emoji3d"))
    held_out = {flat.captions[i] for i in flat.validation.tolist()}
    trained = {flat.captions[i] for i in flat.train.tolist()}
    seen = {drawn.captions[i] for i in drawn.train.tolist()}
    asked = {drawn.captions[i] for i in drawn.validation.tolist()}
    assert not asked & (trained - held_out)
    assert not seen & (held_out - trained)


def test_a_name_gives_the_same_split_everywhere():
    """It must never change: what a learner has answered would be wrong the next day."""
    groups, labels = "aabbcddeffgg", [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1]
    drawn = [variants.held_out(groups, labels, [3, 2], "c", name) for name in ("otter", "fox")]
    assert [sorted(some) for some in drawn] == [["a", "c", "g"], ["b", "c", "g"]]


def test_thirty_names_have_thirty_splits():
    card, content = images._read_bundled(images.EMOJI10)
    tensors = images.load_tensors(content)
    labels, validation = tensors["labels"], tensors["validation"]
    drawn = [images._held_out(name, card, labels, validation) for name in NAMES]
    shared = [len(a & b) / len(a) for a, b in combinations(drawn, 2)]
    assert max(shared) < 0.4, "the share of groups that two validate on"


def test_other_names_give_other_numbers():
    """No two of three runs on coarse pixels end at the same loss and accuracy."""
    splits = [images.load("emoji10", variant=name) for name in ("", *NAMES[:2])]
    rows = torch.nn.functional.avg_pool2d(splits[0].pixels / 255, 8).flatten(1)
    found = set()
    for own in splits:
        unseen = rows[own.validation], own.labels[own.validation]
        trained = rows[own.train], own.labels[own.train]
        last = head.train(*trained, 10, validation=unseen, epochs=1)[1].epochs[-1]
        found.add((round(last.loss, 3), round(last.val_accuracy, 3)))
    assert len(found) == 3


def test_a_variant_costs_no_new_features():
    network = weights.read_weights()
    sets = (images.load("emoji10", variant=name) for name in ("", "otter"))
    first, second = (features.cache_paths(each.pixels, network, "fp32", "cpu") for each in sets)
    assert first == second


def test_a_kept_variant_holds_in_every_process_until_it_is_given_back(data, monkeypatch):
    assert variants.current() == ""
    assert variants.keep(" Otter") == "otter"
    monkeypatch.setenv("FEATLIB_VARIANT", "")  # as on another day
    assert variants.current() == "otter"
    own = images.load("emoji10", variant="otter").validation
    assert torch.equal(images.load("emoji10").validation, own)
    assert images.my_caption() == "cat face"
    cat = images.load("emoji10", variant="")
    assert torch.equal(images.my_picture(), cat.pixels[cat.captions.index("cat face")])
    variants.keep("default")
    assert variants.current() == ""


def test_the_environment_comes_first(data, monkeypatch):
    variants.keep("otter")
    monkeypatch.setenv("FEATLIB_VARIANT", "Fox")
    assert variants.current() == "fox"


@pytest.mark.parametrize("name", ["../x", "a\nb", "\x1b[31m", "x" * 41, "-", "a\udc80"])
def test_what_is_no_name_is_refused(name):
    with pytest.raises(FeatlibError, match="such as otter"):
        variants.name(name, "here")


@pytest.mark.parametrize("content", [b"\xff", b"x" * 2000, b"a/b"])
def test_a_damaged_file_is_named(data, content):
    data.mkdir()
    (data / "variant.txt").write_bytes(content)
    with pytest.raises(FeatlibError, match=r"variant\.txt"):
        variants.current()
    [finding] = doctor._looked("your variant", doctor._variant)
    assert finding.fix


def test_an_export_holds_the_variant(data, tmp_path):
    progress = quiz.Progress(tmp_path / "answers.jsonl")
    for wanted in ("", "otter"):
        if wanted:
            variants.keep(wanted)
        assert json.loads(progress.export(tmp_path / "a.json").read_text())["variant"] == wanted


def test_the_doctor_says_the_variant(data):
    assert doctor._looked("your variant", doctor._variant) == []
    variants.keep("otter")
    assert doctor._looked("your variant", doctor._variant) == [
        doctor.Finding("your variant", "otter")
    ]
