"""PyTorch's private operators are tried first: if they are missing or wrong, all is only slower."""

import logging
import threading
import time

import pytest
import torch
from torch.nn.functional import conv2d, linear

from featlib.engine import fused, onednn, trial

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Operators:
    """What oneDNN's operators compute, said with public functions, so that it runs anywhere."""

    def _reorder_convolution_weight(self, weight, padding, stride, dilation, groups):
        return weight

    def _reorder_linear_weight(self, weight):
        return weight

    def _convolution_pointwise(self, x, weight, bias, padding, stride, dilation, groups, *then):
        y = conv2d(x, weight, bias, stride, padding, dilation, groups)
        return y.relu() if then[0] == "relu" else y

    def _convolution_pointwise_(self, add, x, *known):
        *convolution, _binary, _alpha, then, _scalars, _algorithm = known
        y = self._convolution_pointwise(x, *convolution, "none") + add
        return y.relu() if then == "relu" else y

    def _linear_pointwise(self, x, weight, bias, then, *_):
        y = linear(x, weight, bias)
        return y.relu() if then == "relu" else y


def without(name):
    """Return operators of a PyTorch that lacks one of them."""
    kept = {key: value for key, value in vars(Operators).items() if key != name}
    return type("Fewer", (), kept)()


def with_changed(name, change):
    """Return operators of which one gives a changed result."""
    right = getattr(Operators, name)

    def changed(self, *args):
        return change(right(self, *args))

    return type("Changed", (Operators,), {name: changed})()


def refuse(result):
    raise RuntimeError("expected 11 arguments\nand more lines")


NAMES = [name for name in vars(Operators) if name.startswith(("_conv", "_linear", "_reorder"))]
COMPUTING = [name for name in NAMES if not name.startswith("_reorder")]
WRONG = {
    "a little too large": lambda y: y + 0.3,
    "negative": lambda y: -y,
    "not finite": lambda y: y * float("nan"),
    "of another shape": lambda y: y[:1],
    "of another dtype": lambda y: y.double(),
}
FAULTS = (
    {f"{name} is missing": without(name) for name in NAMES}
    | {f"{name} raises": with_changed(name, refuse) for name in NAMES}
    | {
        f"{name} gives numbers {how}": with_changed(name, change)
        for name in COMPUTING
        for how, change in WRONG.items()
    }
)


@pytest.fixture(autouse=True)
def another_pytorch(monkeypatch):
    """Let this be a processor with oneDNN, on which nothing has been tried yet."""
    monkeypatch.setattr(fused, "has_onednn", lambda device, dtype: True)
    monkeypatch.setattr(trial, "_found", {})


@pytest.fixture
def operators(monkeypatch):
    """Return a function that replaces PyTorch's operators."""
    return lambda chosen: monkeypatch.setattr(onednn, "operators", lambda: chosen)


def network(resnet, dtype=torch.float32):
    return fused.FusedResNet18(resnet.state(), 32, "cpu", dtype)


def kinds(network):
    return {type(layer) for layer in network.layers.values()}


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
def test_operators_that_pass_are_used_and_nothing_is_said(dtype, resnet, operators, caplog):
    operators(Operators())
    assert kinds(network(resnet, dtype)) == {onednn.Convolution, onednn.WholeMap}
    assert not caplog.records


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_any_operator_is_found(fault, dtype, operators, caplog):
    operators(FAULTS[fault])
    assert not trial.works(dtype)
    assert len(caplog.records) == 1


FALLING_BACK = {
    "missing": (object(), "has no attribute '_reorder_convolution_weight'"),
    "raising": (with_changed("_linear_pointwise", refuse), "(expected 11 arguments)"),
    "wrong": (with_changed("_convolution_pointwise_", lambda y: y + 0.3), "other numbers"),
}


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=DTYPES)
@pytest.mark.parametrize("case", FALLING_BACK)
def test_after_a_fault_networks_compute_the_plain_way_and_one_line_says_so(
    case, dtype, resnet, operators, monkeypatch, caplog
):
    images = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with monkeypatch.context() as patch:
        patch.setattr(fused, "has_onednn", lambda device, dtype: False)
        plain = network(resnet, dtype)(images)
    chosen, reason = FALLING_BACK[case]
    operators(chosen)
    for _ in range(2):
        found = network(resnet, dtype)
        assert kinds(found) == {fused.Convolution}
        assert torch.equal(found(images), plain)
    [record] = caplog.records
    assert (record.name, record.levelno) == ("featlib", logging.WARNING)
    assert reason in record.message
    assert "the results are the same, it only takes longer" in record.message
    assert "\n" not in record.message


def test_threads_that_come_at_once_wait_for_one_trial(operators, monkeypatch):
    begun = []

    def slow(dtype):
        begun.append(dtype)
        time.sleep(0.05)
        return ""

    monkeypatch.setattr(trial, "_fault", slow)
    found = []
    comers = [
        threading.Thread(target=lambda: found.append(trial.works(torch.float32))) for _ in range(8)
    ]
    for comer in comers:
        comer.start()
    for comer in comers:
        comer.join()
    assert found == [True] * 8
    assert begun == [torch.float32]


def test_the_users_settings_and_random_numbers_stay_as_they_are(operators):
    operators(Operators())
    torch.manual_seed(0)
    wanted = torch.rand(5)
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            assert trial.works(torch.float32)
            assert torch.is_autocast_enabled("cpu")
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.rand(5), wanted)


@pytest.mark.skipif(not fused.has_onednn("cpu", torch.float32), reason="a processor with AVX-512")
def test_pytorchs_own_operators_pass():
    assert trial.works(torch.float32)
    if fused.computes_bf16():
        assert trial.works(torch.bfloat16)
