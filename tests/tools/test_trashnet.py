"""The benchmark on TrashNet: its splits, what it refuses and what it says, on made-up pictures."""

import importlib.util
import json
import shutil
import statistics
from pathlib import Path

import pytest
import torch
from helpers import make_pictures

FILE = Path(__file__).parents[2] / "benchmarks" / "trashnet.py"
COLORS = {
    "cardboard": (150, 110, 60),
    "glass": (60, 140, 80),
    "metal": (150, 150, 160),
    "paper": (230, 230, 230),
    "plastic": (90, 120, 220),
    "trash": (60, 50, 50),
}


@pytest.fixture(scope="module")
def tool():
    place = importlib.util.spec_from_file_location("trashnet", FILE)
    assert place
    assert place.loader
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of the six classes, 20 pictures each, one of them a copy."""
    root = make_pictures(tmp_path_factory.mktemp("own") / "dataset-resized", COLORS, n=20)
    shutil.copy(root / "glass" / "3.png", root / "metal" / "5.png")
    return root


@pytest.fixture(scope="module")
def found(tool, folder):
    return tool.measure(folder, 32, 3, progress=False)


@pytest.fixture(scope="module")
def labels(tool):
    """Return the labels of TrashNet without its copies."""
    counts = torch.tensor([403, 501, 409, 594, 480, 137])
    assert counts.sum() == tool.PICTURES
    return torch.arange(6).repeat_interleave(counts)


# Splits


def test_a_split_has_the_published_shares_of_each_class(tool, labels):
    counts = torch.bincount(labels)
    train, test = tool.split(labels, 0)
    aside = torch.ones(len(labels), dtype=torch.bool)
    aside[torch.cat([train, test])] = False
    for rows, share in ((train, 0.70), (test, 0.17), (aside.nonzero()[:, 0], 0.13)):
        assert len(rows) == pytest.approx(share * len(labels), abs=1)
        torch.testing.assert_close(
            torch.bincount(labels[rows]).double(), share * counts.double(), rtol=0, atol=1.5
        )


def test_the_sides_of_a_split_share_no_picture(tool, labels):
    for seed in range(5):
        rows = torch.cat(tool.split(labels, seed))
        assert len(rows.unique()) == len(rows)


def test_a_seed_gives_the_same_split_again_and_another_seed_another(tool, labels):
    tests = [set(tool.split(labels, seed)[1].tolist()) for seed in (0, 1, 0)]
    assert tests[0] == tests[2]
    assert len(tests[0] & tests[1]) < len(tests[0]) / 2


# The interval


def test_the_interval_of_the_mean_is_wider_than_if_splits_shared_nothing(tool):
    accuracies = [0.83, 0.85, 0.87]
    low, high = tool.mean_interval(accuracies, train=70, test=17)
    # Student's t of 2 degrees of freedom leaves 2.5 % above 4.3027 (from any table).
    half = 4.3027 * 0.02 * (1 / 3 + 17 / 70) ** 0.5
    assert (low, high) == pytest.approx((0.85 - half, 0.85 + half), abs=1e-5)
    assert high - low > 2 * 4.3027 * 0.02 / 3**0.5


def test_the_interval_stays_within_0_and_1(tool):
    assert tool.mean_interval([0.0, 1.0], train=70, test=17) == (0, 1)


# A run


def test_a_copy_is_left_out(found):
    assert found["pictures"] == 6 * 20 - 1
    glass, metal = Path("glass", "3.png"), Path("metal", "5.png")
    assert found["left_out"] == [f"{metal}: same picture as {glass}"]


def test_pictures_are_read_at_the_size_that_is_asked_for(tool, folder):
    assert tool.read(folder, 32, progress=False).pixels.shape == (119, 3, 32, 32)


def test_a_run_measures_every_split(tool, found):
    assert [one["seed"] for one in found["splits"]] == [0, 1, 2]
    for one in found["splits"]:
        assert (one["trained_on"], one["tested_on"]) == (83, 21)
        assert one["accuracy"] == one["right"] / 21
        assert one["interval"] == tool.validation.wilson_interval(one["right"], 21)
    accuracies = [one["accuracy"] for one in found["splits"]]
    assert found["mean"] == pytest.approx(sum(accuracies) / 3)
    assert found["standard_deviation"] == statistics.stdev(accuracies)
    assert found["interval"] == tool.mean_interval(accuracies, 83, 21)
    assert found["mean"] > 0.5  # six plain colors; one in six by guessing
    assert found["size"] == 32
    assert all(seconds > 0 for seconds in found["seconds"].values())


def test_a_head_is_trained_by_its_training_rows_alone(tool, folder, monkeypatch):
    pictures = tool.read(folder, 32, progress=False)
    numbers = torch.arange(len(pictures)).float()[:, None].expand(-1, 8).contiguous()
    given = {}
    train, evaluate = tool.head.train, tool.validation.evaluate

    def note_train(rows, *rest, **settings):
        given["train"], given["settings"] = rows[:, 0].long(), settings
        return train(rows, *rest, **settings)

    def note_test(layer, rows, *rest):
        given["test"] = rows[:, 0].long()
        return evaluate(layer, rows, *rest)

    monkeypatch.setattr(tool.head, "train", note_train)
    monkeypatch.setattr(tool.validation, "evaluate", note_test)
    tool._one_split(numbers, pictures, seed=2)
    for side, rows in zip(("train", "test"), tool.split(pictures.labels, 2), strict=True):
        assert torch.equal(given[side], rows)
    assert given["settings"] == {}  # featlib's own recipe


def test_json_holds_what_the_run_found(tool, folder, found, capsys):
    assert tool.main(["--data", str(folder), "--size", "32", "--splits", "3", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    same = json.loads(json.dumps(found))
    for name in same.keys() - {"seconds"}:
        assert said[name] == same[name], name
    # The fixture has left its features in the cache.
    assert "extraction, read from the cache" in said["seconds"]


def test_the_table_stands_beside_the_published_figure_and_its_limits(tool, folder, found, capsys):
    assert tool.main(["--data", str(folder), "--size", "32", "--splits", "3"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for one in found["splits"]:
        low, high = one["interval"]
        assert f"split {one['seed']} {one['accuracy']:.3f} {low:.3f} to {high:.3f}" in said
    assert f"mean {found['mean']:.3f} ± {found['standard_deviation']:.3f}" in said
    assert "published, from scratch around 0.75" in said
    for words in (
        "Files left out: 1",
        "decoding",
        "training, all splits",
        "same picture as",
        "Wilson",
        "Nadeau and Bengio",
        "around 75% test accuracy (with 70/13/17 train/val/test split)",
        *found["limits"],
    ):
        assert words in said


def test_pictures_that_are_not_the_published_ones_are_named(tool, found):
    assert "119 different pictures, not 2,524" in found["limits"][0]
    assert "most are 80×60 pixels, theirs are 512×384" in found["limits"][1]
    assert tool._differences(tool.PICTURES, tool.FILE_SIZE) == []


# What is refused


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ([], "got none"),
        (["dataset-resized", "__MACOSX"], "got 1 folders: dataset-resized."),
        (["cardboard", "glass", "metal", "paper", "plastic"], "got 5 folders: cardboard, glass"),
        ([*COLORS, "wood"], "got 7 folders: cardboard, glass"),
        ([f"kind {i}" for i in range(9)], "kind 7, …."),
    ],
)
def test_a_folder_of_other_classes_is_refused_in_a_line(tool, classes, said, tmp_path, capsys):
    for name in classes:
        (tmp_path / name).mkdir()
    assert tool.main(["--data", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert said in err
    assert "Unpack data/dataset-resized.zip" in err


def test_no_folder_is_refused_in_a_line(tool, tmp_path, capsys):
    assert tool.main(["--data", str(tmp_path / "nowhere")]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "nowhere" in err


def test_a_class_of_few_pictures_is_refused_in_a_line(tool, tmp_path, capsys):
    make_pictures(tmp_path, COLORS, n=10)
    (tmp_path / "paper" / "0.png").unlink()
    assert tool.main(["--data", str(tmp_path), "--size", "32"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "wanted at least 10 different pictures of 'paper', got 9" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "required: --data"),
        (["--data", "x", "--splits", "1"], "--splits must be at least 2, not 1"),
    ],
)
def test_wrong_use_is_said_in_a_line(tool, arguments, said, capsys):
    with pytest.raises(SystemExit) as error:
        tool.main(arguments)
    assert error.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_help_says_where_the_photographs_are(tool, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "500")  # so that no address is broken into lines
    with pytest.raises(SystemExit) as leaving:
        tool.main(["--help"])
    assert leaving.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in ("dataset-resized.zip", tool.SOURCE, "--data", "--size", "--splits", "--json"):
        assert words in said
