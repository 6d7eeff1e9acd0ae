"""featlib against what a learner copies from the usual transfer-learning tutorial.

    python benchmarks/tutorial.py

Both start from a folder of 1000 PNG files and end with a validated classifier after five epochs,
with the same weights, the same cores, alternating in one process:

- tutorial: ImageFolder, DataLoader, resnet18 with `requires_grad=False` and a new fc; every epoch
  sends every image through the whole network, and validates. With no worker processes and with
  two, since tutorials differ; the faster of the two is what featlib is compared with.
- featlib, cold cache: decode, extract, five epochs, validate.
- featlib, warm cache: decode, read the features, five epochs, validate.
"""

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from rich.console import Console
from safetensors.torch import load_file
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18
from torchvision.transforms import v2

from featlib import backbone, features, head, images, validation, weights
from featlib.tables import Table

EPOCHS = 5
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def write_folders(root):
    """Write emoji10 as PNG files, split by folder as the tutorial wants it."""
    own = images.load("emoji10")
    for side in ("train", "validation"):
        for i in getattr(own, side).tolist():
            folder = root / side / own.classes[own.labels[i]]
            folder.mkdir(parents=True, exist_ok=True)
            own.picture(i).save(folder / f"{i:04}.png")
    both = root / "both"
    for file in root.glob("*/*/*.png"):
        (both / file.parent.name).mkdir(parents=True, exist_ok=True)
        os.link(file, both / file.parent.name / file.name)


def tutorial(root, workers):
    """Train as the tutorial does; return the last validation accuracy."""
    torch.manual_seed(0)
    transform = v2.Compose(
        [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    )
    loaders = {
        side: DataLoader(
            ImageFolder(root / side, transform),
            batch_size=32,
            shuffle=side == "train",
            num_workers=workers,
        )
        for side in ("train", "validation")
    }
    model = resnet18(num_classes=200)
    model.load_state_dict(load_file(weights.BUNDLED))
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Linear(512, 10)
    optimizer = optim.Adam(model.fc.parameters(), lr=0.001)
    for _ in range(EPOCHS):
        model.train()
        for batch, labels in loaders["train"]:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(batch), labels).backward()
            optimizer.step()
        model.eval()
        right = 0
        with torch.no_grad():
            for batch, labels in loaders["validation"]:
                right += int((model(batch).argmax(1) == labels).sum())
    return right / len(loaders["validation"].dataset)


def ours(root):
    """Do the same with featlib; return the validation accuracy."""
    own = images.from_folder(root / "both", size=64, progress=False)
    trained_on = torch.tensor([(root / "train" / name).exists() for name in own.captions])
    own = replace(own, train=trained_on.nonzero()[:, 0], validation=(~trained_on).nonzero()[:, 0])
    rows = features.extract(own, backbone.resnet18(), progress=False)
    train, held_out = ((rows[side], own.labels[side]) for side in (own.train, own.validation))
    layer, _ = head.train(*train, len(own.classes), validation=held_out, epochs=EPOCHS)
    return validation.evaluate(layer, *held_out, own.classes).accuracy


def main():
    """Run all ways in turn and print their times as ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way (3)")
    repeats = parser.parse_args().repeats
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_folders(root)
        seconds, accuracy = {}, {}

        def measure(name, way, *arguments):
            started = time.perf_counter()
            accuracy[name] = way(*arguments)
            seconds.setdefault(name, []).append(time.perf_counter() - started)

        for i in range(repeats):
            os.environ["FEATLIB_CACHE_DIR"] = str(root / f"cache {i}")
            measure("tutorial, 0 workers", tutorial, root, 0)
            measure("tutorial, 2 workers", tutorial, root, 2)
            measure("featlib, cold cache", ours, root)
            measure("featlib, warm cache", ours, root)
    best = {name: statistics.median(times) for name, times in seconds.items()}
    reference = min(value for name, value in best.items() if name.startswith("tutorial"))
    rows = tuple(
        (name, f"{value:.2f}", f"{reference / value:.1f}", f"{accuracy[name]:.3f}")
        for name, value in best.items()
    )
    columns = ("way", ">seconds (median)", ">times as fast", ">validation accuracy")
    title = f"From 1000 PNG files to a validated head, {torch.get_num_threads()} threads"
    Console().print(Table(title, columns, rows))


if __name__ == "__main__":
    main()
