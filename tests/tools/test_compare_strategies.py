"""The comparison of strategies: run here on a few pictures, and what it found once on all."""

import json
from dataclasses import replace

import compare_strategies as tool
import pytest
import torch

from featlib import backbone, images, validation, weights
from featlib.engine.files import sha256

AGAIN = f"the kept results are of other weights or pictures: run {tool.COMMAND}"
TRAINED = {
    "raw_pixels": 3 * 64 * 64 * 10 + 10,
    "from_scratch": 11_181_642,
    "frozen": 512 * 10 + 10,
    "layer4": 8_398_858,
    "fine_tuned": 11_181_642,
}


@pytest.fixture(scope="module")
def few():
    return tool._few(images.load("emoji10"), 1)


@pytest.fixture(scope="module")
def kept():
    return json.loads(tool.OUT.read_text(encoding="utf-8"))


def short(name):
    strategy = tool.STRATEGIES[name]
    return replace(strategy, recipe=replace(strategy.recipe, epochs=1))


# The program


@pytest.mark.parametrize("name", tool.STRATEGIES)
def test_each_strategy_trains_what_it_says(name, few):
    lines = []
    result = tool.train(short(name), few, say=lines.append)
    assert result["trainable_parameters"] == TRAINED[name]
    assert result["accuracy"] == result["history"][-1]["accuracy"]
    assert result["interval"][0] <= result["accuracy"] <= result["interval"][1]
    assert result["seconds"] > 0
    assert result["memory_mb"]["peak"] >= result["memory_mb"]["before"] > 100
    assert len(lines) == 1
    assert "epoch  1/1" in lines[0]
    if name in ("from_scratch", "layer4", "fine_tuned"):
        assert result["history"][-1]["right"].count("1") == round(result["accuracy"] * 10)


def test_what_is_frozen_does_not_move(few):
    frozen, strategy = backbone.resnet18(), short("layer4")
    before = {k: v.clone() for k, v in frozen.network.state_dict().items()}
    network, *_ = tool._train_network(frozen, strategy, few, tool.Clock(), say=lambda line: None)
    after = network.state_dict()
    assert {k.split(".")[0] for k, v in before.items() if not v.equal(after[k])} == {"layer4"}


def test_a_second_run_finds_the_same(few):
    one, other = (tool.train(short("fine_tuned"), few, say=lambda line: None) for _ in range(2))
    assert one["history"] == other["history"]


def test_varied_pictures_stay_pictures_and_are_repeatable(few):
    def varied(seed):
        return tool.vary(few.pixels[:6], torch.Generator().manual_seed(seed))

    assert varied(0).shape == (6, 3, 64, 64)
    assert 0 <= varied(0).min() < varied(0).max() <= 1
    assert torch.equal(varied(0), varied(0))
    assert not torch.equal(varied(0), varied(1))


def test_recipes_are_chosen_without_a_look_at_validation(monkeypatch):
    pictures = tool._few(images.load("emoji10"), 8)
    seen = []

    def note(strategy, given, say):
        seen.append(given)
        return {"accuracy": 0.1 * len(seen)}

    monkeypatch.setattr(tool, "train", note)
    found = tool.inner_accuracy(tool.STRATEGIES["frozen"], pictures)
    assert found == pytest.approx((0.1 + 0.2 + 0.3 + 0.4 + 0.5) / 5)
    groups = tool._groups(pictures)
    for given in seen:
        inner, held_out = given.train, given.validation
        assert set(torch.cat([inner, held_out]).tolist()) == set(pictures.train.tolist())
        assert not set(groups[inner].tolist()) & set(groups[held_out].tolist())


def test_a_candidate_is_tried_once(tmp_path, monkeypatch, capsys):
    tried = []

    def note(strategy, pictures, say):
        tried.append(strategy.recipe.learning_rate)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return 0.5

    monkeypatch.setattr(tool, "inner_accuracy", note)
    command = ["frozen", "--choose", "--out", str(tmp_path / "out.json")]
    with pytest.raises(KeyboardInterrupt):
        tool.main(command)
    assert tool.main(command) == 0
    rates = [recipe.learning_rate for recipe in tool.STRATEGIES["frozen"].candidates]
    assert tried == [*rates, rates[-1]]
    assert "learning rate 0.008: 0.500" in capsys.readouterr().out


@pytest.mark.long
def test_the_command_runs_each_in_a_fresh_process_and_keeps_the_others(tmp_path, capfd):
    out = tmp_path / "strategies.json"
    options = ["--per-class", "1", "--epochs", "1", "--out", str(out)]
    assert tool.main(["raw_pixels", *options]) == 0
    first = json.loads(out.read_text(encoding="utf-8"))
    assert list(first["strategies"]) == ["raw_pixels"]
    assert first["weights"]["sha256"] == sha256(weights.BUNDLED)
    assert "epoch  1/1" in capfd.readouterr().out
    out.write_text(json.dumps(first | {"weights": {"sha256": "of other weights"}}))
    assert tool.main(["frozen", *options]) == 1
    assert "other weights" in capfd.readouterr().out
    assert list(json.loads(out.read_text())["strategies"]) == ["raw_pixels"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frosen"], "no strategy 'frosen'; there are raw_pixels, from_scratch, frozen"),
        (["--epochs", "1"], "give --out"),
        (["--per-class", "0", "--out", "x"], "--per-class must be at least 1"),
    ],
)
def test_wrong_use_is_said_in_a_line(arguments, said, capsys):
    with pytest.raises(SystemExit) as error:
        tool.main(arguments)
    assert error.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


# The kept results


def test_the_kept_results_are_of_the_bundled_weights_and_pictures(kept):
    assert kept["weights"]["sha256"] == sha256(weights.BUNDLED), AGAIN
    assert kept["images"]["sha256"] == sha256(images.EMOJI10), AGAIN


def test_the_kept_results_are_complete(kept):
    assert list(kept["strategies"]) == list(tool.STRATEGIES)
    for name, result in kept["strategies"].items():
        strategy = tool.STRATEGIES[name]
        assert result["recipe"] == tool.asdict(strategy.recipe), AGAIN
        assert result["label"] == strategy.label
        assert len(result["history"]) == strategy.recipe.epochs


def test_the_kept_results_are_sane(kept):
    for name, result in kept["strategies"].items():
        right = round(200 * result["accuracy"])
        assert result["accuracy"] == right / 200
        assert result["interval"] == pytest.approx(validation.wilson_interval(right, 200), abs=1e-4)
        assert result["trainable_parameters"] == TRAINED[name]
        assert result["accuracy"] > 0.2
        assert 0.05 < result["seconds"] < 1000
        assert 200 < result["memory_mb"]["before"] < result["memory_mb"]["peak"] < 8000
        for row in result["history"]:
            assert len(row.get("right", "0" * 200)) == 200


def test_reuse_beats_starting_over_in_accuracy_and_seconds(kept):
    frozen, scratch = (kept["strategies"][name] for name in ("frozen", "from_scratch"))
    assert frozen["accuracy"] > scratch["accuracy"]
    assert frozen["seconds"] < scratch["seconds"]


def test_each_recipe_is_the_best_of_its_candidates(kept):
    for name, strategy in tool.STRATEGIES.items():
        tried = kept["choice"][name]
        assert [row["recipe"] for row in tried] == [tool.asdict(c) for c in strategy.candidates]
        best = max(tried, key=lambda row: row["accuracy"])
        assert best["recipe"] == tool.asdict(strategy.recipe), f"run {tool.COMMAND} --choose"
