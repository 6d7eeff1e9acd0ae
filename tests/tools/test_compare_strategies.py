"""The comparison of strategies: run here on a few pictures, and what it found once on all."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import compare_strategies as tool
import pytest
import torch

from featlib import backbone, images, weights
from featlib.engine.files import sha256

AGAIN = f"the kept results are of other weights or pictures: run {tool.COMMAND}"
TRAINED = {
    "raw_pixels": 3 * 64 * 64 * 10 + 10,
    "from_scratch": 11_181_642,
    "frozen": 512 * 10 + 10,
    "frozen_varied": 512 * 10 + 10,
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
    return replace(strategy, epochs=1, folds=1)


def quiet(line):
    pass


# The program


@pytest.mark.parametrize("name", tool.STRATEGIES)
def test_each_strategy_trains_what_it_says(name, few):
    lines, strategy = [], short(name)
    run = tool.train(strategy, strategy.recipe(0.001, 1), 0, few, say=lines.append)
    assert run["trainable_parameters"] == TRAINED[name]
    assert run["accuracy"] == run["history"][-1]["accuracy"]
    assert run["seconds"] > 0
    assert run["memory_mb"]["peak"] >= run["memory_mb"]["before"] > 100
    assert len(lines) == 1
    assert "epoch  1/1" in lines[0]
    assert run["history"][-1]["right"].count("1") == round(run["accuracy"] * 10)
    found = tool.summarize(strategy, strategy.recipe(0.001, 1), [run, run | {"accuracy": 1.0}])
    assert found["accuracy"] == pytest.approx((run["accuracy"] + 1) / 2)
    assert found["spread"] > 0
    assert found["interval"][0] <= found["accuracy"] <= found["interval"][1]


@pytest.mark.parametrize("name", ["layer4", "frozen_varied"])
def test_what_is_frozen_does_not_move(name, few):
    frozen, strategy = backbone.resnet18(), short(name)
    before = {k: v.clone() for k, v in frozen.network.state_dict().items()}
    recipe = strategy.recipe(0.001, 1)
    network, *_ = tool._train_network(frozen, strategy, recipe, 0, few, tool.Clock())
    after = network.state_dict()
    moved = {k.split(".")[0] for k, v in before.items() if not v.equal(after[k])}
    assert moved == set(strategy.trains)


@pytest.mark.long
def test_a_second_run_finds_the_same_and_another_seed_something_else(few):
    strategy = short("fine_tuned")
    recipe = strategy.recipe(0.001, 1)
    one, again, other = (tool.train(strategy, recipe, seed, few, quiet) for seed in (0, 0, 1))
    assert one["history"] == again["history"]
    assert one["history"] != other["history"]


def test_fine_tuning_starts_from_a_trained_head(few):
    frozen, strategy = backbone.resnet18(), short("fine_tuned")
    network = tool._network(frozen, strategy, 0, few)
    right = tool._right(network.eval(), few.pixels, few.labels, few.train, frozen.transform)
    assert right.float().mean() > 0.9  # of its own training pictures, before the first step


@pytest.mark.long
def test_a_training_that_stops_early_begins_like_a_longer_one(few):
    strategy = replace(short("layer4"), epochs=3)
    short_one, whole = (
        tool.train(strategy, strategy.recipe(0.001, epochs), 0, few, quiet) for epochs in (2, 3)
    )
    assert short_one["history"] == whole["history"][:2]


def test_varied_pictures_stay_pictures_and_are_repeatable(few):
    def varied(seed):
        return tool.vary(few.pixels[:6], torch.Generator().manual_seed(seed))

    assert varied(0).shape == (6, 3, 64, 64)
    assert 0 <= varied(0).min() < varied(0).max() <= 1
    assert torch.equal(varied(0), varied(0))
    assert not torch.equal(varied(0), varied(1))


def test_rates_are_tried_without_a_look_at_validation(monkeypatch):
    pictures = tool._few(images.load("emoji10"), 8)
    seen = []

    def note(strategy, recipe, seed, given, say):
        seen.append(given)
        return {"history": [{"accuracy": 0.1}, {"accuracy": 0.2 * len(seen)}, {"accuracy": 0.2}]}

    monkeypatch.setattr(tool, "train", note)
    found = tool.try_rate(tool.STRATEGIES["frozen"], 0.002, pictures, quiet)
    assert found["curve"] == pytest.approx([0.1, 0.5, 0.2])
    assert (found["accuracy"], found["epochs"]) == (pytest.approx(0.5), 2)
    assert len(seen) == tool.PARTS
    for given in seen:
        inner, held_out = given.train, given.validation
        assert set(torch.cat([inner, held_out]).tolist()) == set(pictures.train.tolist())
        both = set(pictures.groups[inner].tolist()) & set(pictures.groups[held_out].tolist())
        assert not both


def search(accuracy_of):
    """Return the rates that are tried, in their order."""
    strategy, tried = tool.STRATEGIES["layer4"], []
    while (rate := tool.next_rate(strategy, tried)) is not None:
        tried.append({"learning_rate": rate, "accuracy": accuracy_of(rate)})
    return [row["learning_rate"] for row in tried]


def test_the_search_goes_on_until_the_best_rate_lies_between_two_worse_ones():
    assert search(lambda rate: -abs(rate - 0.001)) == [0.001, 3e-4, 0.003]
    assert search(lambda rate: -abs(rate - 1e-4)) == [0.001, 3e-4, 1e-4, 3e-5]
    assert search(lambda rate: rate)[-1] == tool.COARSE[-1]  # no end within the range


def test_what_was_measured_is_not_measured_again(tmp_path, monkeypatch, capsys):
    tried, trained = [], []

    def try_rate(strategy, rate, pictures, say):
        tried.append(rate)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return {"learning_rate": rate, "accuracy": 0.5 - abs(rate - 0.002), "epochs": 4}

    def run(name, recipe, seed, options):
        trained.append((seed, recipe))
        history = [{"right": "1100"}]
        costs = {"seconds": 1, "cpu_seconds": 1, "trainable_parameters": 5130}
        memory = {"before": 1, "peak": 2}
        return {"accuracy": 0.5, "history": history, "memory_mb": memory} | costs

    monkeypatch.setattr(tool, "try_rate", try_rate)
    monkeypatch.setattr(tool, "_in_a_fresh_process", run)
    command = ["frozen", "--seeds", "2", "--out", str(tmp_path / "out.json")]
    with pytest.raises(KeyboardInterrupt):
        tool.main(command)
    assert tool.main(command) == 0
    assert tried == [0.002, 0.001, 0.005, 0.005]
    assert trained == [(seed, tool.Recipe(4, 0.002)) for seed in (0, 1)]
    assert tool.main([*command, "--seeds", "3"]) == 0
    assert len(trained) == 3
    assert "rate 0.002: 0.500 after 4 epochs" in capsys.readouterr().out


@pytest.mark.long
def test_memory_is_that_of_the_process_alone():
    much = bytearray(800_000_000)
    script = "import compare_strategies as tool; print(tool.peak_memory())"
    command, folder = [sys.executable, "-c", script], Path(tool.__file__).parent
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert float(said) < tool.peak_memory() - 200
    assert len(much) == 800_000_000


@pytest.mark.long
def test_the_command_runs_each_in_a_fresh_process_and_keeps_the_others(tmp_path, capfd):
    out = tmp_path / "strategies.json"
    options = ["--per-class", "8", "--epochs", "1", "--seeds", "1", "--out", str(out)]
    assert tool.main(["raw_pixels", *options]) == 0
    first = json.loads(out.read_text(encoding="utf-8"))
    assert list(first["strategies"]) == ["raw_pixels"]
    assert first["weights"]["sha256"] == sha256(weights.BUNDLED)
    assert "epoch  1/1" in capfd.readouterr().out
    out.write_text(json.dumps(first | {"weights": {"sha256": "of other weights"}}))
    assert tool.main(["frozen", *options]) == 1
    assert "other weights: run it with --again" in capfd.readouterr().out
    assert list(json.loads(out.read_text())["strategies"]) == ["raw_pixels"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["frosen"], "no strategy 'frosen'; there are raw_pixels, from_scratch, frozen"),
        (["--seeds", "0"], "--seeds must be at least 1"),
        (["--epochs", "1"], "give --out"),
        (["--per-class", "4", "--out", "x"], "--per-class must be at least 5"),
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
        strategy, recipe = tool.STRATEGIES[name], tool.Recipe(**result["recipe"])
        assert [run["seed"] for run in result["runs"]] == list(range(tool.SEEDS)), AGAIN
        assert result == tool.summarize(strategy, recipe, result["runs"]), AGAIN
        for run in result["runs"]:
            assert len(run["history"]) == recipe.epochs


def test_the_kept_results_are_sane(kept):
    for name, result in kept["strategies"].items():
        assert result["trainable_parameters"] == TRAINED[name]
        assert 0.2 < result["interval"][0] < result["accuracy"] < result["interval"][1]
        assert 0.05 < result["cpu_seconds"] < 1000
        assert 200 < result["memory_mb"]["before"] < result["memory_mb"]["peak"] < 8000
        for run in result["runs"]:
            last = run["history"][-1]
            assert run["accuracy"] == last["accuracy"] == last["right"].count("1") / 200


def test_reuse_beats_starting_over_in_accuracy_and_seconds(kept):
    frozen, scratch = (kept["strategies"][name] for name in ("frozen", "from_scratch"))
    assert frozen["accuracy"] > scratch["accuracy"]
    assert frozen["cpu_seconds"] < scratch["cpu_seconds"]


def test_each_recipe_is_the_best_that_was_tried_with_a_worse_one_on_both_sides(kept):
    for name, strategy in tool.STRATEGIES.items():
        tried = kept["choice"][name]
        assert tool.next_rate(strategy, tried) is None, f"run {tool.COMMAND}"
        best = max(tried, key=lambda row: row["accuracy"])
        assert tried[0] != best != tried[-1]
        assert best["accuracy"] == max(best["curve"])
        chosen = strategy.recipe(best["learning_rate"], best["curve"].index(max(best["curve"])) + 1)
        assert kept["strategies"][name]["recipe"] == tool.asdict(chosen)
