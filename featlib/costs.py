"""What a training costs: the memory and the arithmetic of a network, and what was measured once.

Some measurements take long, or need drawings that do not come with featlib. A script of the
repository made them, and they come with the package, with the machine and the checksums of weights
and pictures that they hold for.
"""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from featlib import checks, tables, validation, weights
from featlib.engine.assets import read_published
from featlib.engine.files import sha256
from featlib.engine.words import describe, p_text, reason

__all__ = ["measured", "operations", "outputs_kept", "table"]

_KEPT = ("strategies", "pictures")
_HOW = "five heads ± spread; points beside the first row, over 20 splits"
_POINTS = ">points (95% interval)"


def measured(name: str) -> dict[str, Any]:
    """Return what a script of the repository has measured once, with the bundled weights.

    Parameters
    ----------
    name : {"strategies", "pictures"}
        ``"strategies"``: ways to a classifier, from `tools/compare_strategies.py`.
        ``"pictures"``: what size and background do, from `tools/compare_pictures.py`.

    Returns
    -------
    dict
        The results, and ``made_by``, ``machine``, ``versions``, ``weights`` and ``images``.

    Raises
    ------
    featlib.FeatlibError
        If there is no such measurement, the file is altered, or the bundled weights are others
        than it was measured with.

    Examples
    --------
    >>> from featlib import costs
    >>> costs.measured("strategies")["made_by"]
    'python tools/compare_strategies.py'
    """
    where = "costs.measured"
    checks.one_of(name, where, "name", _KEPT)
    file = Path(__file__).parent / "assets" / f"{name}.json"
    fix = "Reinstall featlib: pip install --force-reinstall featlib."
    try:
        found = read_published(file)
        now = sha256(weights.BUNDLED)
    except (OSError, ValueError) as error:
        checks.refuse(where, f"'{file.name}' as it comes with featlib", reason(error), fix)
    if found["weights"]["sha256"] != now:
        fix = f"Measure anew: {found['made_by']}"
        checks.refuse(where, "the weights that it was measured with", "others", fix)
    return found


def table(what: str) -> tables.Table:
    """Show what was measured once as a table.

    Parameters
    ----------
    what : {"recipes", "leads", "prices", "sizes", "backgrounds"}
        Of the strategies: the recipes that were chosen and the accuracy of each seed; each beside
        the frozen features, picture by picture (`featlib.validation.compare`); seconds and memory.
        Of the pictures: what their size does, or what is behind the emoji, each beside the first
        row (`featlib.validation.compare_over_splits`).

    Returns
    -------
    featlib.tables.Table

    Raises
    ------
    featlib.FeatlibError
        If there is no such table, and as `measured` does.

    Examples
    --------
    >>> from featlib import costs
    >>> costs.table("sizes").columns
    ('pictures', '>maps of layer4', '>accuracy', '>points (95% interval)', '>times the seconds')
    """
    made = {
        "recipes": _recipes,
        "leads": _leads,
        "prices": _prices,
        "sizes": _sizes,
        "backgrounds": _backgrounds,
    }
    checks.one_of(what, "costs.table", "what", made)
    return made[what]()


def _recipes() -> tables.Table:
    rows = tuple(
        (
            way["label"],
            f"{way['recipe']['learning_rate']:g}",
            str(way["recipe"]["epochs"]),
            f"{way['runs'][0]['history'][-1]['loss']:.2f}",
            _spread(way),
            ", ".join(f"{run['accuracy']:.3f}" for run in way["runs"]),
        )
        for way in measured("strategies")["strategies"].values()
    )
    columns = ("strategy", ">rate", ">epochs", ">training loss", ">accuracy", "seed by seed")
    return tables.Table("The recipe that was chosen, and what it gave", columns, rows)


def _leads() -> tables.Table:
    ways, rows = measured("strategies")["strategies"], []
    frozen = _right(ways["frozen"])
    for name, way in ways.items():
        if name != "frozen":
            found = validation.compare(_right(way), frozen)
            p = p_text(found.p_value).removeprefix("= ")
            rows.append((way["label"], str(found.first_alone), str(found.second_alone), p))
    columns = ("strategy", ">it alone is right", ">frozen alone is right", ">p")
    return tables.Table("Beside frozen features + linear head", columns, tuple(rows))


def _right(way: dict[str, Any]) -> torch.Tensor:
    """Return which of the 200 pictures the first run of a strategy gets right: bool 200."""
    return torch.tensor([hit == "1" for hit in way["runs"][0]["history"][-1]["right"]])


def _prices() -> tables.Table:
    found = measured("strategies")
    unit = found["strategies"]["frozen"]["cpu_seconds"]
    rows = tuple(
        (
            way["label"],
            f"{way['cpu_seconds']:.1f}",
            f"{way['cpu_seconds'] / unit:.1f}",
            f"{way['memory_mb']['peak'] - way['memory_mb']['before']:,.0f}",
        )
        for way in found["strategies"].values()
    )
    columns = ("strategy", ">seconds", ">times the frozen one's", ">added MB")
    return tables.Table(f"On one {found['machine']['processor']}", columns, rows)


def _sizes() -> tables.Table:
    found = measured("pictures")["sizes"]
    rows = tuple(
        (
            f"{row['side']}×{row['side']}",
            f"{row['maps']}×{row['maps']}",
            _spread(row),
            _over_splits(row),
            f"{row['cpu_seconds'] / found[0]['cpu_seconds']:.1f}",
        )
        for row in found
    )
    columns = ("pictures", ">maps of layer4", ">accuracy", _POINTS, ">times the seconds")
    title = f"The renderings at five sizes: {_HOW}"
    return tables.Table(title, columns, rows)


def _backgrounds() -> tables.Table:
    inputs, rows = ("raw_pixels", "features"), []
    for row in measured("pictures")["backgrounds"]:
        found = [cell(row[name]) for name in inputs for cell in (_spread, _over_splits)]
        rows.append((row["trained_on"], row["tested_on"], *found))
    columns = ("trained on", "tested on", ">raw pixels", _POINTS, ">features", _POINTS)
    title = f"The same emoji on gradients and on white: {_HOW}"
    return tables.Table(title, columns, tuple(rows))


def _spread(found: dict[str, Any]) -> str:
    return f"{found['accuracy']:.3f} ± {found['spread']:.3f}"


def _over_splits(found: dict[str, Any]) -> str:
    """Write by how many points it is above the first row; nothing for the first row itself."""
    if "over_splits" not in found:
        return ""
    mean, low, high = validation.OverSplits(**found["over_splits"]).points
    return f"{mean} ({low} to {high})"


def outputs_kept(network: nn.Module, batch: torch.Tensor, trained: Sequence[str]) -> int:
    """Count the bytes that PyTorch keeps between forward and backward pass.

    To change a weight, the backward pass needs what went into its layer. Parameters are not
    counted: they are there anyway.

    Parameters
    ----------
    network : torch.nn.Module
        Such as torchvision's ``resnet18()``. It stays as it is.
    batch : torch.Tensor
        float32 N×3×H×W, prepared images.
    trained : sequence of str
        The names of the parts that are trained; all others are frozen, as in ``("layer4", "fc")``.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    featlib.FeatlibError
        If the network has no such part, or cannot take the batch.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from featlib import costs
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3, 10, bias=False))
    >>> costs.outputs_kept(network, torch.ones(2, 3, 1, 1), ["1"])  # 24 of inputs, 100 of the loss
    124
    """
    where = "costs.outputs_kept"
    network = _with_trained(network, trained, where)
    weights_at = {p.data_ptr() for p in network.parameters()}
    sizes = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in weights_at:
            sizes[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = _loss(network, batch, where)
    del loss  # until here, what was kept has its own places in memory
    return sum(sizes.values())


def operations(network: nn.Module, batch: torch.Tensor, trained: Sequence[str] = ()) -> float:
    """Count the multiplications and additions for one picture.

    Parameters
    ----------
    network : torch.nn.Module
        Such as torchvision's ``resnet18()``. It stays as it is.
    batch : torch.Tensor
        float32 N×3×H×W, prepared images.
    trained : sequence of str
        The names of the parts that are trained: forward and backward pass are counted. If there
        are none, the forward pass alone.

    Returns
    -------
    float
        Of one of the N pictures.

    Raises
    ------
    featlib.FeatlibError
        If the network has no such part, or cannot take the batch.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from featlib import costs
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(3, 10))
    >>> costs.operations(network, torch.ones(2, 3, 1, 1))  # 3×10 multiplications, and additions
    60.0
    """
    where = "costs.operations"
    network = _with_trained(network, trained, where).eval()
    with FlopCounterMode(display=False) as counter:
        loss = _loss(network, batch, where)
        if loss.requires_grad:
            loss.backward()
    return counter.get_total_flops() / len(batch)


def _with_trained(network: nn.Module, trained: Sequence[str], where: str) -> nn.Module:
    """Return a copy of the network in which these parts are trained, and all others frozen."""
    fix = "Build one, such as torchvision.models.resnet18()."
    network = checks.instance(network, nn.Module, where, "a torch.nn.Module", fix)
    fix = 'Pass a list of names, such as ["layer4", "fc"].'
    names = checks.instance(trained, (list, tuple, set), where, "trained as names of parts", fix)
    network = copy.deepcopy(network)
    parts = dict(network.named_children())
    for name in names:
        checks.one_of(name, where, "a part of trained", parts)
    for name, part in parts.items():
        part.requires_grad_(name in names).train(name in names)
    return network


def _loss(network: nn.Module, batch: torch.Tensor, where: str) -> torch.Tensor:
    if isinstance(batch, torch.Tensor) and not batch.numel():
        checks.refuse(where, "a batch of one picture or more", "none", "Pass some pictures.")
    try:
        logits = network(batch)
        return cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))
    except Exception as error:  # whatever a network of somebody else's raises
        wanted, got = "a batch that the network takes, float32 N×3×H×W", describe(batch)
        checks.refuse(where, wanted, got, f"The network said: {reason(error)}")
