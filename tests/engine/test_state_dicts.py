"""A ResNet18 is found by what stands there; what does not fit is named in the order of its weight.

How whole checkpoints are read is tested with `weights.read_weights`.
"""

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torchvision import models

from featlib.engine import state_dicts

FIRST = "layer1.0.conv1.weight"


def bare(**options):
    with torch.device("meta"):  # the shapes are enough
        return models.resnet18(**options).state_dict()


def test_the_shapes_are_those_of_torchvisions_resnet18():
    theirs = {name: tuple(t.shape) for name, t in bare(num_classes=200).items() if t.ndim}
    assert theirs == state_dicts.SHAPES


def deep(levels):
    held = torch.zeros(1)
    for _ in range(levels):
        held = [held]
    return held


TOO_MUCH = {
    "tensors": lambda: dict.fromkeys(map(str, range(10_001)), torch.zeros(1)),
    "one tensor again and again": lambda: [torch.zeros(1)] * 10_001,
    "lists": lambda: [[] for _ in range(100_001)],
    "lists in each other": lambda: deep(100_000),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_what_is_too_much_to_look_through_is_refused(case):
    with pytest.raises(ValueError, match="more than 10,000 tensors, or lists deep in each other"):
        state_dicts.flatten(TOO_MUCH[case]())


def test_numbers_beside_the_tensors_may_be_many():
    assert list(state_dicts.flatten({"losses": [0.5] * 10**6, "w": torch.zeros(1)})) == ["w"]


def test_of_ten_thousand_networks_only_the_first_are_looked_at():
    tensors = {f"net{i}.{FIRST}": torch.zeros(1) for i in range(10_000)}
    assert len(state_dicts.candidates(tensors)) == 20


def test_nested_tensors_are_flattened_by_the_keys_on_the_way():
    one, two = torch.zeros(1), nn.Parameter(torch.ones(2))
    held = {"a": {"b": one}, "c": [3, two], "d": "words", 5: (one,)}
    flat = state_dicts.flatten(held)
    assert list(flat) == ["a.b", "c.1", "5.0"]
    assert not flat["c.1"].requires_grad


@pytest.mark.parametrize(
    ("prefixes", "first"),
    [
        (["", "module."], ""),
        (["encoder_k.", "encoder_q."], "encoder_q."),
        (["teacher.backbone.", "student.backbone."], "student.backbone."),
        (["ema_model.", "model."], "model."),
        (["target_network.", "online_network."], "online_network."),
        (["avg_model.", "net."], "net."),
        (["polyak2.", "net."], "net."),
        (["modelEMA.", "net."], "net."),
        (["emaModel.", "net."], "net."),
        (["EMANet.", "net."], "net."),
        (["encoderK.", "encoderQ."], "encoderQ."),
        (["slow_encoder.", "net."], "net."),
        (["offline_encoder.", "net."], "net."),
        (["shadow.", "net."], "net."),
        (["initial_state.", "net."], "net."),
        (["prev_model.", "net."], "net."),
        (["semantic.", "depth."], "semantic."),
        (["keypoints.", "depth."], "keypoints."),
    ],
)
def test_a_network_comes_before_the_copies_that_follow_it(prefixes, first):
    found = state_dicts.candidates({prefix + FIRST: torch.zeros(1) for prefix in prefixes})
    assert found[0].prefix == first
    assert {one.prefix for one in found} == set(prefixes)


def test_numbers_of_a_sequential_are_names_only_where_they_can_be():
    tensors = dict.fromkeys(["0.weight", "4.0.conv1.weight", "10.weight"], torch.zeros(2, 2))
    (found,) = state_dicts.candidates(tensors)
    assert list(found.tensors) == ["conv1.weight", FIRST, "fc.weight"]
    assert state_dicts.candidates({"layer4.0.conv1.weight": torch.zeros(1)}) == []


def test_a_module_and_arrays_are_flattened_and_what_has_no_shape_is_left_out():
    backwards = torch.arange(3.0).numpy()[::-1]
    held = {
        "net": nn.Linear(2, 1),
        "a": backwards,
        "b": backwards.astype(">f4"),
        "c": nn.LazyLinear(1),
    }
    flat = state_dicts.flatten(held | {"d": backwards.astype(object)})
    assert list(flat) == ["a", "b", "net.weight", "net.bias"]
    assert flat["a"].tolist() == flat["b"].tolist() == [2, 1, 0]


WRAPPERS = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "module"]


@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_wrappers_of_layers_are_no_part_of_their_names(wrapper):
    inner = FIRST.replace(".", f".{wrapper}.")
    given = dict.fromkeys([f"net.{inner}", f"net.bn1.{wrapper}.bias"], torch.zeros(1))
    (found,) = state_dicts.candidates(given)
    assert found.prefix == "net."
    assert list(found.tensors) == [FIRST, "bn1.bias"]


def test_pruned_weights_are_multiplied_with_their_masks():
    layer = prune.l1_unstructured(nn.Linear(4, 4), "weight", 0.5)
    flat = state_dicts.flatten({"fc": layer})
    assert torch.equal(flat["fc.weight"], layer.weight)
    (found,) = state_dicts.candidates(flat | {FIRST: torch.zeros(1)})
    assert found.tensors.keys() == {"fc.weight", "fc.bias", FIRST}


@pytest.mark.parametrize("counter", [torch.ones(1), torch.ones((), dtype=torch.int32)], ids=str)
def test_counters_of_another_form_are_ignored(counter):
    wanted = {name: tuple(tensor.shape) for name, tensor in bare().items() if tensor.ndim}
    given = {name: torch.zeros(shape) for name, shape in wanted.items()}
    tensors, faults = state_dicts.complete(given | {"bn1.num_batches_tracked": counter}, wanted)
    assert faults == {}
    assert tensors["bn1.num_batches_tracked"].dtype == torch.int64


def test_faults_are_named_from_what_says_most():
    wanted = {name: tuple(tensor.shape) for name, tensor in bare().items() if tensor.ndim}
    given = {name: torch.zeros(shape) for name, shape in wanted.items()}
    given |= {"bn1.bias": torch.full((64,), torch.nan), "layer9.x": torch.zeros(3)}
    given |= {"fc.weight": torch.zeros(10, 3), "conv1.weight": torch.zeros(64, 1, 7, 7)}
    del given["bn1.weight"]
    _, faults = state_dicts.complete(given, wanted)
    assert list(faults) == [
        "conv1.weight",
        "fc.bias",
        "fc.weight",
        "layer9.x",
        "bn1.weight",
        "bn1.bias",
    ]
    assert faults["conv1.weight"] == "64×1×7×7 instead of 64×3×7×7"


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (bare(), "changed, or damaged"),
        (bare() | {"conv1.weight": torch.zeros(64, 2, 7, 7)}, "a ResNet18 for 2 channels"),
        (bare() | {"conv1.weight": torch.zeros(64, 3, 5, 5)}, "with 5×5 at its start"),
        (bare() | {"conv1.weight": torch.zeros(32, 3, 7, 7)}, "a ResNet18 of another width"),
        (bare() | {"conv1.weight": torch.zeros(1)}, "changed, or damaged"),
        (bare() | {"layer1.2.conv1.weight": torch.zeros(1)}, "another ResNet"),
        ({FIRST: torch.zeros(1)}, "another ResNet"),
        ({"blocks.0.attn.qkv.weight": torch.zeros(1)}, "another architecture"),
    ],
)
def test_what_it_probably_is(state, said):
    assert said in state_dicts.probably(state)
