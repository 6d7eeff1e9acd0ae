"""featlib on TrashNet: photographs by others, beside the figure that these others report.

    python benchmarks/trashnet.py --data trashnet/data/dataset-resized

The photographs show six kinds of waste, taken by phone. Each random split has 70 % of them to train
a linear head on, with featlib's own recipe, and 17 % to test it on. The other 13 % are left aside:
the authors chose by them, and here nothing is chosen.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from rich.console import Console
from sklearn.model_selection import train_test_split

from featlib import backbone, checks, features, head, images, validation
from featlib.tables import Table

SOURCE = "https://github.com/garythung/trashnet"
CLASSES = ("cardboard", "glass", "metal", "paper", "plastic", "trash")
PICTURES = 2524  # of 2527 files; three are exact copies of others
FILE_SIZE = (512, 384)  # width and height of the authors' files, in pixels
TRAIN, TEST = 0.70, 0.17
FEWEST = 10  # pictures of a class, so that each side of a split has one
PUBLISHED = {
    "accuracy": 0.75,
    "words": "around 75% test accuracy (with 70/13/17 train/val/test split)",
    "network": "a convolutional network of the authors' own, trained from scratch",
    "source": f"{SOURCE}, README.md",
}
LIMITS = (
    "The splits are random. A thing that was photographed twice may stand on both sides of a "
    "split, and so it may in the published figure.",
    "The published figure is of one split that is not this one, and is given as 'around'. Its "
    "authors do not say whether the class 'trash' is in it. Here it is.",
    "featlib's network has seen ImageNet's photographs before; theirs had seen none. So this "
    "compares reusing a network with training one from scratch, not two kinds of network.",
    "Exact copies of a picture are left out, all but the first.",
    "The splits share pictures. The interval of the mean allows for that by an estimate.",
    "What an earlier run left in the cache is only read, which takes less time.",
)


def split(labels: torch.Tensor, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw the rows to train on and the rows to test on, in proportion from each class.

    Parameters
    ----------
    labels : torch.Tensor
        int64 N: the classes.
    seed : int
        Another seed gives another split.

    Returns
    -------
    train, test : torch.Tensor
        int64 row numbers, 70 % and 17 % of N. The other rows are in neither.
    """
    train, test = train_test_split(
        range(len(labels)), train_size=TRAIN, test_size=TEST, stratify=labels, random_state=seed
    )
    return torch.tensor(train), torch.tensor(test)


def mean_interval(accuracies: Sequence[float], train: int, test: int) -> tuple[float, float]:
    """Return a 95 % interval of the mean accuracy over random splits of the same pictures.

    Splits share pictures; `featlib.validation.OverSplits` corrects for that.

    Parameters
    ----------
    accuracies : sequence of float
        One of each split, at least two.
    train, test : int
        How many pictures a split trains on and tests on.

    Returns
    -------
    tuple of (float, float)
        Lower and upper end, within 0–1.
    """
    low, high = validation.OverSplits(tuple(accuracies), test / train).interval
    return max(0.0, low), min(1.0, high)


def check_folder(path: str | Path) -> Path:
    """Return the folder if its subfolders are the six classes; refuse any other."""
    folder = checks.folder(path, "--data", "TrashNet's photographs")
    found = list(checks.listing(folder, "--data").classes.get("", ()))
    if found != list(CLASSES):
        wanted = f"the folders {', '.join(CLASSES)} in '{folder}', and no others"
        shown = ", ".join(found[:8]) + (", …" if len(found) > 8 else "")
        got = f"{len(found)} folders: {shown}" if found else "none"
        fix = f"Unpack data/dataset-resized.zip of {SOURCE}; --data is its folder dataset-resized."
        checks.refuse("--data", wanted, got, fix)
    return folder


def read(path: str | Path, size: int, progress: bool = True) -> images.ImageSet:
    """Read the photographs, and refuse a class that is too small to be split."""
    pictures = images.from_folder(check_folder(path), size=size, progress=progress)
    counts = torch.bincount(pictures.labels, minlength=len(CLASSES)).tolist()
    for name, count in zip(CLASSES, counts, strict=True):
        if count < FEWEST:
            wanted, got = f"at least {FEWEST} different pictures of '{name}'", str(count)
            checks.refuse("--data", wanted, got, "Unpack all of TrashNet.")
    return pictures


def measure(path: str | Path, size: int, n_splits: int, progress: bool = True) -> dict[str, Any]:
    """Train and test on every split; return what was found, ready to be written as JSON.

    Parameters
    ----------
    path : str or pathlib.Path
        The folder of the six classes.
    size : int
        Height and width in pixels at which the network sees the pictures.
    n_splits : int
        How many random splits, at least two.
    progress : bool
        Whether to show a bar when something takes long.

    Returns
    -------
    dict
        The accuracies, their mean, standard deviation and interval, the seconds and the limits.

    Raises
    ------
    featlib.FeatlibError
        If the folder is not TrashNet's.
    """
    seconds, started = {}, time.perf_counter()
    pictures = read(path, size, progress)
    seconds["decoding"] = time.perf_counter() - started
    file_size = _file_size(Path(path), pictures.captions)
    network = backbone.resnet18()
    started = time.perf_counter()
    rows, cached = features.extract_or_read(pictures, network, progress=progress)
    step = "extraction, read from the cache" if cached else "extraction"
    seconds[step] = time.perf_counter() - started
    started = time.perf_counter()
    splits = [_one_split(rows, pictures, seed) for seed in range(n_splits)]
    seconds["training, all splits"] = time.perf_counter() - started
    accuracies = [found["accuracy"] for found in splits]
    train, test = splits[0]["trained_on"], splits[0]["tested_on"]
    return {
        "pictures": len(pictures),
        "file_size": file_size,
        "left_out": [f"{file}: {reason}" for file, reason in pictures.skipped],
        "size": size,
        "recipe": str(head.Recipe()),
        "trained_on": train,
        "tested_on": test,
        "splits": splits,
        "mean": statistics.mean(accuracies),
        "standard_deviation": statistics.stdev(accuracies),
        "interval": mean_interval(accuracies, train, test),
        "seconds": seconds,
        "published": PUBLISHED,
        "limits": [*_differences(len(pictures), file_size), *LIMITS],
    }


def _file_size(folder: Path, names: Sequence[str]) -> tuple[int, int]:
    """Return width and height of most files: others hand TrashNet on in other sizes."""
    sizes: Counter[tuple[int, int]] = Counter()
    for name in names:
        with Image.open(folder / name) as picture:
            sizes[picture.size] += 1
    return sizes.most_common(1)[0][0]


def _one_split(rows: torch.Tensor, pictures: images.ImageSet, seed: int) -> dict[str, Any]:
    train, test = split(pictures.labels, seed)
    layer, _ = head.train(rows[train], pictures.labels[train], len(CLASSES))
    report = validation.evaluate(layer, rows[test], pictures.labels[test], CLASSES)
    return {
        "seed": seed,
        "trained_on": len(train),
        "tested_on": len(test),
        "right": int(report.confusion.trace()),
        "accuracy": report.accuracy,
        "interval": report.interval,
    }


def show(found: dict[str, Any], console: Console) -> None:
    """Print the accuracies beside the published figure, the seconds and the limits."""
    rows = [
        (f"split {one['seed']}", f"{one['accuracy']:.3f}", "", _from_to(one["interval"]))
        for one in found["splits"]
    ]
    spread = f"± {found['standard_deviation']:.3f}"
    rows.append(("mean", f"{found['mean']:.3f}", spread, _from_to(found["interval"])))
    rows.append(("published, from scratch", f"around {PUBLISHED['accuracy']}", "", "not given"))
    title = (
        f"TrashNet: {found['pictures']:,} pictures at {found['size']} pixels, "
        f"{found['trained_on']:,} to train and {found['tested_on']:,} to test"
    )
    columns = ("split", ">accuracy", ">standard deviation", ">95 % interval")
    console.print(Table(title, columns, tuple(rows)))
    seconds = ((step, f"{time:.1f}") for step, time in found["seconds"].items())
    console.print(Table("Time of this run", ("step", ">seconds"), tuple(seconds)))
    n, some = len(found["left_out"]), "; ".join(found["left_out"][:5])
    lines = (
        f"Head: {found['recipe']}.",
        f"Files left out: {n}" + (f", such as {some}." if n else "."),
        "95 % interval of a split: Wilson's, of its test pictures. Of the mean: Student's t over "
        "the splits, corrected for the pictures that they share (Nadeau and Bengio, 2003).",
        f'Published: "{PUBLISHED["words"]}" ({PUBLISHED["source"]}).',
        *found["limits"],
    )
    for line in lines:
        console.print(f"- {line}", highlight=False, markup=False)


def _differences(n: int, size: tuple[int, int]) -> list[str]:
    """Say in what a folder of n pictures is not the one that the authors publish."""
    lines = []
    if n != PICTURES:
        lines.append(
            f"This is not all of TrashNet: {n:,} different pictures, not {PICTURES:,}. The "
            "published figure is not of these."
        )
    if size != FILE_SIZE:
        (width, height), (w, h) = size, FILE_SIZE
        lines.append(
            f"These are not the authors' own files: most are {width}×{height} pixels, theirs are "
            f"{w}×{h}."
        )
    return lines


def _from_to(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure featlib's accuracy on TrashNet, photographs of six kinds of waste, "
        f"beside the accuracy that its authors report: around {PUBLISHED['accuracy']}.",
        epilog=f"The photographs are not part of featlib. Get data/dataset-resized.zip of {SOURCE} "
        "(MIT license), unpack it, and give --data its folder dataset-resized. A first run takes "
        "a few minutes on two cores; the next finds its features in the cache.",
    )
    say = "the folder dataset-resized, with the folders " + ", ".join(CLASSES)
    parser.add_argument("--data", required=True, metavar="FOLDER", help=say)
    say = "pixels a side at which the network sees the pictures (224)"
    parser.add_argument("--size", type=int, default=224, metavar="PIXELS", help=say)
    say = "how many random splits, at least 2 (5)"
    parser.add_argument("--splits", type=int, default=5, metavar="N", help=say)
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead")
    options = parser.parse_args(arguments)
    if options.splits < 2:
        parser.error(f"--splits must be at least 2, not {options.splits}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print tables or JSON; return 0, or 1 where the folder is refused."""
    options = _options(arguments)
    try:
        found = measure(options.data, options.size, options.splits)
    except (checks.FeatlibError, OSError) as error:
        print(f"trashnet: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        show(found, Console(width=100))
    return 0


if __name__ == "__main__":
    sys.exit(main())
