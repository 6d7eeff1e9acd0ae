"""Train the final layer of the bundled weights: a linear head on their own frozen features.

    python tools/train_fc.py --data tiny-imagenet-200 --out weights

The published network ends at its 512 features. The layer after them, `fc`, lets the lesson ask what
the network takes a picture for: one of the 200 classes of Tiny ImageNet
(http://cs231n.stanford.edu/tiny-imagenet-200.zip). That is a subset of ImageNet, whose images are
provided for non-commercial research and education. Nothing but this layer is trained: it is the
lesson's own strategy.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load, save
from torch import nn
from torch.nn.functional import cross_entropy

from featlib import checks, features, weights
from featlib.engine.files import atomic_write, sha256
from featlib.engine.progress_bar import progress_bar
from featlib.engine.strict_json import read_card

WHERE = "train_fc"
SIDE = 64  # pixels, of Tiny ImageNet's pictures


@dataclass(frozen=True)
class Recipe:
    """The settings of the training; as a text, what the card says of them.

    Attributes
    ----------
    sizes : tuple of int
        Pixels a side at which the network sees each picture. All features are mixed.
    epochs, batch_size : int
        Passes over all features, and features a step.
    learning_rate, weight_decay : float
        Of AdamW. The rate falls to 0 along half a cosine.
    seed : int
        Of the first weights and of the order.
    """

    sizes: tuple[int, ...] = (64, 160)
    epochs: int = 15
    batch_size: int = 1024
    learning_rate: float = 0.002
    weight_decay: float = 0.01
    seed: int = 0

    def __str__(self) -> str:
        sizes = " and ".join(f"{size} px" for size in self.sizes)
        return (
            f"features standardised; AdamW, rate {self.learning_rate:g} falling by a cosine, "
            f"weight decay {self.weight_decay:g}, {self.epochs} epochs, "
            f"batches of {self.batch_size}, {sizes} mixed; "
            f"then the standardisation folded into the layer; seed {self.seed}"
        )


class Pictures(NamedTuple):
    """Pictures of one side, training or validation.

    Attributes
    ----------
    pixels : torch.Tensor
        uint8 N×3×64×64.
    labels : torch.Tensor
        int64 N.
    """

    pixels: torch.Tensor
    labels: torch.Tensor


def read_tiny_imagenet(folder: Path, wnids: Sequence[str]) -> tuple[Pictures, Pictures]:
    """Read Tiny ImageNet's unpacked archive.

    Parameters
    ----------
    folder : pathlib.Path
        Holds ``train/WNID/images/*.JPEG``, ``val/images`` and ``val/val_annotations.txt``.
    wnids : sequence of str
        ImageNet's names of the classes, such as ``"n01443537"``. Their order gives the labels.

    Returns
    -------
    train, validation : Pictures
        All pictures of these classes.

    Raises
    ------
    featlib.FeatlibError
        If something is missing, of another class or size, or cannot be read.
    """
    checks.folder(folder, WHERE, "the unpacked tiny-imagenet-200")
    training = [
        (file, label)
        for label, wnid in enumerate(wnids)
        for file in _pictures_of(folder / "train" / wnid / "images")
    ]
    validation = _annotated(folder / "val", wnids)
    return _read_files(training, "training pictures"), _read_files(
        validation, "validation pictures"
    )


def _pictures_of(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.JPEG"))
    if not files:
        _refuse(f"pictures *.JPEG in '{folder}'", "none")
    return files


def _annotated(folder: Path, wnids: Sequence[str]) -> list[tuple[Path, int]]:
    """Return the validation pictures and their labels, as the file beside them tells."""
    label = {wnid: number for number, wnid in enumerate(wnids)}
    annotations = checks.file(folder / "val_annotations.txt", WHERE, "annotations")
    entries = []
    for number, line in enumerate(annotations.read_text(encoding="utf-8").splitlines(), 1):
        name, wnid, *_ = [*line.split("\t"), "", ""]
        if wnid not in label:
            place = f"line {number} of '{annotations}'"
            _refuse(f"one of the card's {len(label)} classes in {place}", f"'{wnid}'")
        entries.append((folder / "images" / name, label[wnid]))
    return entries


def _read_files(entries: list[tuple[Path, int]], words: str) -> Pictures:
    pixels = torch.empty(len(entries), 3, SIDE, SIDE, dtype=torch.uint8)
    for row, (file, _) in enumerate(progress_bar(words, len(entries), "image", steps=entries)):
        pixels[row] = _read_picture(file)
    return Pictures(pixels, torch.tensor([label for _, label in entries]))


def _read_picture(file: Path) -> torch.Tensor:
    try:
        with Image.open(file) as image:
            array = np.array(image.convert("RGB"))  # a few of the pictures are gray
    except OSError as error:
        _refuse(f"a picture in '{file}'", str(error))
    if array.shape[:2] != (SIDE, SIDE):
        _refuse(f"{SIDE}×{SIDE} pixels in '{file}'", f"{array.shape[1]}×{array.shape[0]}")
    return torch.from_numpy(array).permute(2, 0, 1)


def train(rows: torch.Tensor, labels: torch.Tensor, n_classes: int, recipe: Recipe) -> nn.Linear:
    """Train the layer on standardized features.

    Parameters
    ----------
    rows : torch.Tensor
        float32 N×512, features.
    labels : torch.Tensor
        int64 N.
    n_classes : int
        How many classes.
    recipe : Recipe
        The settings.

    Returns
    -------
    torch.nn.Linear
        It takes features as they are: the standardization is folded in.
    """
    mean, std = standardization(rows)
    torch.manual_seed(recipe.seed)
    layer = nn.Linear(rows.shape[1], n_classes)
    optimizer = torch.optim.AdamW(
        layer.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    n_batches = -(-len(rows) // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * n_batches)
    with progress_bar("training", recipe.epochs * n_batches, "batch") as done:
        for _ in range(recipe.epochs):
            for batch in torch.randperm(len(rows)).split(recipe.batch_size):
                loss = cross_entropy(layer((rows[batch] - mean) / std), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                done.update()
    return fold(layer, mean, std)


def standardization(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what to subtract from each feature, and then to divide it by.

    Parameters
    ----------
    rows : torch.Tensor
        float32 N×D, features.

    Returns
    -------
    mean, std : torch.Tensor
        float32 D each. The std of a feature that never changes is given as 1.
    """
    std = rows.std(0, correction=0)
    return rows.mean(0), torch.where(std > 1e-6, std, 1.0)


@torch.no_grad()
def fold(layer: nn.Linear, mean: torch.Tensor, std: torch.Tensor) -> nn.Linear:
    """Return a layer that gives for features what another gives for standardized ones.

    W · (x − mean) / std + b = (W / std) · x + (b − (W / std) · mean)

    Parameters
    ----------
    layer : torch.nn.Linear
        From D features; it stays as it is.
    mean, std : torch.Tensor
        float32 D each, from `standardization`.

    Returns
    -------
    torch.nn.Linear
    """
    folded = nn.Linear(layer.in_features, layer.out_features)
    folded.weight.copy_(layer.weight / std)
    folded.bias.copy_(layer.bias - folded.weight @ mean)
    return folded


@torch.no_grad()
def accuracy(layer: nn.Linear, rows: torch.Tensor, labels: torch.Tensor, top: int) -> float:
    """Return how often the label is among the highest outputs.

    Parameters
    ----------
    layer : torch.nn.Linear
        From D features.
    rows : torch.Tensor
        float32 N×D, features.
    labels : torch.Tensor
        int64 N.
    top : int
        How many of the highest outputs count; more than there are count as all.

    Returns
    -------
    float
        From 0 to 1.
    """
    best = layer(rows).topk(min(top, layer.out_features)).indices
    return (best == labels[:, None]).any(1).float().mean().item()


def rounded(layer: nn.Linear) -> nn.Linear:
    """Return a layer whose numbers are those that float16 can hold, to compute with in float32.

    Parameters
    ----------
    layer : torch.nn.Linear
        It stays as it is.

    Returns
    -------
    torch.nn.Linear
    """
    other = nn.Linear(layer.in_features, layer.out_features)
    other.load_state_dict({name: part.half() for name, part in layer.state_dict().items()})
    return other


def write(source: Path, layer: nn.Linear, facts: dict[str, Any], folder: Path) -> Path:
    """Write a copy of a weights file with another final layer, and its card.

    Parameters
    ----------
    source : pathlib.Path
        The weights file, ``.safetensors``, with its card.
    layer : torch.nn.Linear
        The final layer; it is kept as float16.
    facts : dict
        What the card is to say instead of what it said.
    folder : pathlib.Path
        It is there.

    Returns
    -------
    pathlib.Path
        The new weights file: of the same name, in the folder.

    Raises
    ------
    featlib.FeatlibError
        If featlib cannot read what was written.
    """
    state = load(source.read_bytes())
    state |= {f"fc.{name}": part.half() for name, part in layer.state_dict().items()}
    path = folder / source.name
    card = read_card(source) | facts  # before the file is written: it may be the same one
    with atomic_write(path) as file:
        file.write(save(state))
    card |= {"file": path.name, "sha256": sha256(path), "bytes": path.stat().st_size}
    with atomic_write(path.with_suffix(".json")) as file:
        file.write(json.dumps(card, indent=1, ensure_ascii=False).encode())
    weights.read_weights(path)
    return path


def _read_wnids(source: Path) -> list[str]:
    """Return the names of the classes, in order, that the card of a weights file tells."""
    if source.suffix != ".safetensors":
        _refuse("weights in a .safetensors file", f"'{source}'")
    classes = read_card(source).get("classes", [])
    wnids = [one["wnid"] for one in classes if "wnid" in one]
    if not wnids or len(wnids) < len(classes):
        card = source.with_suffix(".json")
        _refuse(f"'classes', each with a 'wnid', in the card '{card}'", "none")
    return wnids


def _refuse(wanted: str, got: str) -> NoReturn:
    checks.refuse(WHERE, wanted, got, "See --help for what is needed.")


def run(data: Path, source: Path, out: Path, recipe: Recipe) -> Path:
    """Train the layer, print how good it is, and write it.

    Parameters
    ----------
    data : pathlib.Path
        The unpacked tiny-imagenet-200.
    source : pathlib.Path
        The weights file whose features are taken. Its card names the classes.
    out : pathlib.Path
        The folder for the copy with the new layer; made if need be.
    recipe : Recipe
        The settings.

    Returns
    -------
    pathlib.Path
        The new weights file.

    Raises
    ------
    featlib.FeatlibError
        If the folder or the weights are not as needed.
    OSError
        If nothing can be written to `out`.
    """
    network, wnids = weights.read_weights(source), _read_wnids(source)
    training, validation = read_tiny_imagenet(data, wnids)
    out.mkdir(parents=True, exist_ok=True)  # now, since what follows takes long
    rows = torch.cat([features.extract(training.pixels, network.at(size)) for size in recipe.sizes])
    labels = training.labels.repeat(len(recipe.sizes))
    layer = rounded(train(rows, labels, len(wnids), recipe))
    facts: dict[str, Any] = {"fc_recipe": str(recipe)}
    for size in recipe.sizes:
        unseen = features.extract(validation.pixels, network.at(size))
        top1, top5 = (accuracy(layer, unseen, validation.labels, top) for top in (1, 5))
        print(f"{size} pixels: top-1 {top1:.4f}, top-5 {top5:.4f}")
        facts |= _facts(size, top1, top5)
    return write(source, layer, facts, out)


def _facts(size: int, top1: float, top5: float) -> dict[str, float]:
    """Name what was measured as the card does."""
    if size == SIDE:
        return {"top1": round(top1, 4), "top5": round(top5, 4)}
    return {f"top1_enlarged_to_{size}": round(top1, 4)}


def main(arguments: list[str] | None = None) -> int:
    """Run the tool.

    Parameters
    ----------
    arguments : list of str, optional
        Left out, those of the command line.

    Returns
    -------
    int
        0, or 1 if something is refused.
    """
    parser = argparse.ArgumentParser(
        description="Train the final layer of the bundled weights on Tiny ImageNet, and write it "
        f"into a copy of them. Recipe: {Recipe()}.",
        epilog="The folder of --data is http://cs231n.stanford.edu/tiny-imagenet-200.zip, unpacked "
        "(110,000 pictures). It takes about 3 GB of memory and, on two CPU cores, one to two "
        "hours, most of them for the features at 160 pixels. Features are kept in featlib's "
        "cache folder (450 MB), so that a second run need not compute them again. "
        "example: python tools/train_fc.py --data tiny-imagenet-200 --out weights",
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="holds train/WNID/images/*.JPEG, val/images and val/val_annotations.txt",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        default=weights.BUNDLED,
        metavar="FILE",
        help="the weights file to take the features of, with its card, which names the classes "
        "(default: the bundled one)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("weights"),
        metavar="DIR",
        help="where the copy and its card go (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        path = run(options.data, options.weights, options.out, Recipe())
    except (checks.FeatlibError, OSError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
