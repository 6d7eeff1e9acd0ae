"""Measure what the pictures do to a frozen network: their size, and what is behind the emoji.

    npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0    # and unpack both
    python tools/compare_pictures.py --noto google/package --twemoji twitter/package

Notebook 09 shows the result, which is kept in `featlib/assets/pictures.json`: some minutes of work,
and drawings that do not come with featlib. It repeats one point of each, and compares.
"""

import argparse
import json
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from build_emoji10 import build
from compare_strategies import conditions

import featlib
from featlib import backbone, features, head, images, preprocess, validation
from featlib.engine.files import atomic_write_text, sha256

OUT = Path(featlib.__file__).parent / "assets" / "pictures.json"
COMMAND = "python tools/compare_pictures.py"
NOTE = (
    "accuracy: share of the validation pictures, the mean of five heads that featlib.head.train "
    "makes with its default settings and the seeds 0 to 4; spread is their standard deviation. "
    "over_splits: by how much it is above the first row over 20 random splits by emoji, seed 0, as "
    "featlib.validation.compare_over_splits measures it. "
    "cpu_seconds: of the extraction, all threads together"
)
SIDES = (64, 96, 128, 160, 224)
SEEDS = 5


def sizes(resnet):
    """Read the renderings of emoji3d at several sizes, and train heads on each.

    Parameters
    ----------
    resnet : featlib.backbone.Backbone
        The frozen network.

    Returns
    -------
    list of dict
        Height and width, those of the last maps, accuracy, spread and seconds of each.
    """
    rows, smallest = [], None
    for side in SIDES:
        pictures = images.load("emoji3d", size=side)
        started = time.process_time()
        vectors = features.extract(pictures, resnet, cache=False, progress=False)
        seconds = time.process_time() - started
        measured = {"side": side, "maps": -(-side // 32)}
        measured |= accuracy(vectors, vectors, pictures, smallest)
        rows.append(measured | {"cpu_seconds": round(seconds, 3)})
        smallest = smallest or (vectors, vectors)
        print(rows[-1], flush=True)
    return rows


def enlarged(pictures):
    """Enlarge the pictures of emoji10 before the network sees them: no detail is added.

    Parameters
    ----------
    pictures : featlib.images.ImageSet
        emoji10.

    Returns
    -------
    list of dict
        Height and width that the network sees, accuracy and spread of each.
    """
    rows, as_it_is = [], None
    for side in (64, 128):
        network = backbone.resnet18(size=side)
        vectors = features.extract(pictures, network, cache=False, progress=False)
        rows.append({"side": side} | accuracy(vectors, vectors, pictures, as_it_is))
        as_it_is = as_it_is or (vectors, vectors)
        print(rows[-1], flush=True)
    return rows


def backgrounds(pictures, folders, resnet):
    """Take the gradients behind the emoji away, from training and validation pictures in turn.

    Parameters
    ----------
    pictures : featlib.images.ImageSet
        emoji10.
    folders : dict of str to pathlib.Path
        The two packages of drawings, as `build_emoji10.build` takes them.
    resnet : featlib.backbone.Backbone
        The frozen network.

    Returns
    -------
    list of dict
        Accuracy and spread of both inputs, for each pair of backgrounds.

    Raises
    ------
    SystemExit
        If the drawings do not give the bundled pictures again.
    """
    if not torch.equal(torch.from_numpy(build(folders)[0]["pixels"]), pictures.pixels):
        sys.exit("the drawings do not give emoji10 again: another version of Pillow, or of them")
    white = torch.from_numpy(build(folders, white=True)[0]["pixels"])
    sets = {"gradients": pictures, "white": replace(pictures, pixels=white)}
    inputs = {
        "raw_pixels": {name: preprocess.scale(s.pixels).flatten(1) for name, s in sets.items()},
        "features": {
            name: features.extract(s, resnet, cache=False, progress=False)
            for name, s in sets.items()
        },
    }
    rows = []
    for trained_on in sets:
        for tested_on in sets:
            rows.append({"trained_on": trained_on, "tested_on": tested_on})
            for name, x in inputs.items():
                bundled = (x["gradients"], x["gradients"]) if len(rows) > 1 else None
                rows[-1][name] = accuracy(x[trained_on], x[tested_on], pictures, bundled)
            print(rows[-1], flush=True)
    return rows


def accuracy(trained_on, tested_on, pictures, beside=None):
    """Train five heads on the training rows of one input, and test them on another's rows.

    Parameters
    ----------
    trained_on, tested_on : torch.Tensor
        float32 N×D, a row for each picture.
    pictures : featlib.images.ImageSet
        Their labels, the split and the groups.
    beside : tuple of (torch.Tensor, torch.Tensor), optional
        Two other inputs of the same kind, to compare with over random splits.

    Returns
    -------
    dict
        The mean of the accuracies, and their standard deviation; beside others, the differences.
    """
    score = _score(trained_on, tested_on, pictures)
    found = [score(pictures.train, pictures.validation, seed) for seed in range(SEEDS)]
    result = {
        "accuracy": round(statistics.mean(found), 4),
        "spread": round(statistics.stdev(found), 4),
    }
    if beside:
        other = _score(*beside, pictures)
        over = validation.compare_over_splits(score, other, pictures.groups)
        result["over_splits"] = {
            "values": [round(value, 5) for value in over.values],
            "tested_per_trained": round(over.tested_per_trained, 5),
        }
    return result


def _score(trained_on, tested_on, pictures):
    """Return how to train on some rows of one input, and to measure on rows of another."""

    def score(train, test, seed=0):
        layer, _ = head.train(
            trained_on[train], pictures.labels[train], len(pictures.classes), seed=seed
        )
        right = head.logits(layer, tested_on[test]).argmax(1) == pictures.labels[test]
        return right.double().mean().item()

    return score


def main(arguments=None):
    """Measure all of it, and keep what was found."""
    parser = argparse.ArgumentParser(description="Measure what size and background do.")
    for vendor, name in (("noto", "google"), ("twemoji", "twitter")):
        say = f"emoji-datasource-{name} 16.0.0, unpacked"
        parser.add_argument(f"--{vendor}", type=Path, required=True, metavar="DIR", help=say)
    say = "the file to write (default: the one that the notebook reads)"
    parser.add_argument("--out", type=Path, default=OUT, help=say)
    options = parser.parse_args(arguments)
    pictures, resnet = images.load("emoji10"), backbone.resnet18()
    now = conditions()
    now["images"] = {"emoji10": sha256(images.EMOJI10), "emoji3d": sha256(images.EMOJI3D)}
    folders = {"noto": options.noto, "twemoji": options.twemoji}
    found = {
        "backgrounds": backgrounds(pictures, folders, resnet),
        "sizes": sizes(resnet),
        "enlarged": enlarged(pictures),
    }
    kept = {"made_by": COMMAND, "note": NOTE} | now | found
    atomic_write_text(options.out, json.dumps(kept, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
