"""What a training costs is counted right, and what was measured once holds for these weights."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

from featlib import FeatlibError, costs, tables, validation, weights
from featlib.engine.files import sha256


@pytest.fixture
def small():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 3))


@pytest.fixture
def batch():
    return torch.ones(4, 3, 2, 2)


@pytest.mark.parametrize("name", ["strategies", "pictures"])
def test_what_was_measured_is_of_the_bundled_weights(name):
    found = costs.measured(name)
    assert found["weights"]["sha256"] == sha256(weights.BUNDLED)
    assert found["made_by"].startswith("python tools/compare_")


def test_what_was_measured_with_other_weights_is_refused(tmp_path, monkeypatch):
    other = tmp_path / "other.safetensors"
    other.write_bytes(b"other weights")
    monkeypatch.setattr(weights, "BUNDLED", other)
    with pytest.raises(FeatlibError, match=r"Measure anew: python tools/compare_pictures\.py"):
        costs.measured("pictures")


def test_an_altered_file_is_refused(monkeypatch):
    def altered(file):
        raise ValueError(f"{file.name} is altered or cut off")

    monkeypatch.setattr(costs, "read_published", altered)
    with pytest.raises(FeatlibError, match=r"strategies.json is altered.*Reinstall"):
        costs.measured("strategies")


@pytest.mark.parametrize("what", ["recipes", "leads", "prices", "sizes", "backgrounds"])
def test_a_table_has_a_row_for_each_measurement(what):
    strategies = costs.measured("strategies")["strategies"]
    pictures = costs.measured("pictures")
    n = {"leads": len(strategies) - 1} | {name: len(pictures[name]) for name in pictures}
    table = costs.table(what)
    assert isinstance(table, tables.Table)
    assert len(table.rows) == n.get(what, len(strategies))


def test_the_lead_is_that_of_the_first_runs():
    ways = costs.measured("strategies")["strategies"]
    ours, theirs = (ways[name]["runs"][0]["history"][-1]["right"] for name in ("frozen", "layer4"))
    alone = sum(a > b for a, b in zip(ours, theirs, strict=True))
    [row] = [row for row in costs.table("leads").rows if row[0] == ways["layer4"]["label"]]
    assert row[2] == str(alone)


@pytest.mark.parametrize(("what", "part"), [("sizes", ()), ("backgrounds", ("features",))])
def test_a_gain_is_shown_with_its_interval_over_splits(what, part):
    others = costs.measured("pictures")[what][1:]
    table = costs.table(what)
    assert not any("to" in cell for cell in table.rows[0]), "the first row is what others gain on"
    for row, found in zip(table.rows[1:], others, strict=True):
        for name in part:
            found = found[name]
        over = validation.OverSplits(**found["over_splits"])
        assert len(over.values) == 20
        low, high = (100 * end for end in over.interval)
        assert any(cell.endswith(f"({low:+.1f} to {high:+.1f})") for cell in row), row


def test_a_linear_layer_is_counted_by_hand(small, batch):
    # 4×12 inputs; the logarithms of 4×3 probabilities; 4 labels of 8 bytes, the sum of weights
    head_alone = 4 * (4 * 5 + 4 * 3 + 1) + 4 * 8
    assert costs.outputs_kept(small, batch, ["3"]) == head_alone
    assert costs.outputs_kept(small, batch, ["1", "2", "3"]) > head_alone
    assert costs.operations(small, batch) == 2 * (12 * 5 + 5 * 3)
    # Backward: the gradient of each weight, and that of what went into the last layer.
    assert costs.operations(small, batch, ["1", "3"]) == 2 * (2 * 60 + 3 * 15)
    assert costs.operations(small, batch, ["3"]) == 2 * (60 + 2 * 15)


def test_the_network_stays_as_it_is(small, batch):
    before = {name: value.clone() for name, value in small.state_dict().items()}
    small.train()
    small[1].requires_grad_(False)
    costs.outputs_kept(small, batch, ["1", "3"])
    costs.operations(small, batch, ["1", "3"])
    assert small.training
    assert not small[1].weight.requires_grad
    assert all(p.grad is None for p in small.parameters())
    assert all(value.equal(before[name]) for name, value in small.state_dict().items())


def test_training_more_parts_keeps_more_and_costs_more():
    network, batch = resnet18(num_classes=10), torch.rand(2, 3, 64, 64)
    every = [name for name, _ in network.named_children()]
    sides = (["fc"], ["layer4", "fc"], every)
    kept = [costs.outputs_kept(network, batch, trained) for trained in sides]
    work = [costs.operations(network, batch, trained) for trained in sides]
    assert kept == sorted(kept)
    assert work == sorted(work)
    assert 2.9 < work[2] / costs.operations(network, batch) < 3  # one forward, two backward


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((None, torch.ones(1, 3, 2, 2), ["1"]), "wanted a torch.nn.Module"),
        ((nn.Flatten(), "cat.png", []), "wanted a batch that the network takes"),
        ((nn.Sequential(nn.Flatten()), torch.ones(1, 3, 2, 2), ["fc"]), "a part of trained"),
        ((nn.Sequential(nn.Flatten()), torch.ones(1, 3, 2, 2), "fc"), "trained as names of parts"),
        ((nn.Sequential(nn.Flatten()), torch.ones(1, 3, 2, 2), 3), "trained as names of parts"),
        ((nn.Sequential(nn.Flatten()), torch.ones(0, 3, 2, 2), []), "a batch of one picture"),
    ],
)
def test_what_cannot_be_counted_is_refused(given, said):
    for count in (costs.outputs_kept, costs.operations):
        with pytest.raises(FeatlibError, match=said):
            count(*given)


@pytest.mark.parametrize("ask", [costs.measured, costs.table])
def test_a_name_that_there_is_not_is_refused(ask):
    with pytest.raises(FeatlibError, match="seconds"):
        ask("seconds")
