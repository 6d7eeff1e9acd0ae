"""featlib against four ways that people take to features, from the same files and weights.

    python -m pip install --editable '.[scale]' img2vec-pytorch timm embetter
    python benchmarks/extraction.py --images 10000 --repeats 3

A folder of PNG and JPEG files becomes 512 features an image, decoding included; all ways take turns
in one process. Beside each stands its share of what the processor could do at best, from the rate
of a large matrix product measured in the same run and the operations that are not with padding, and
the accuracy of the same head on its features.

- tutorial: ImageFolder, DataLoader with two workers, torchvision's resnet18, batches of 32.
- img2vec-pytorch: Pillow, `Img2Vec.get_vec` in batches of 32.
- timm: ImageFolder, DataLoader with two workers, timm's resnet18 and its own transform.
- embetter: `ImageLoader` and `TimmEncoder` in a scikit-learn pipeline, an image at a time.
- featlib: `shards.extract` into Parquet files, in fp32, and in bf16 where the processor has
  instructions for it; "warm" is the same call again.
"""

import argparse
import math
import os
import statistics
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image
from pyarrow import parquet
from rich.console import Console
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18
from torchvision.transforms import v2

from featlib import backbone, features, head, images, plots, weights
from featlib.engine import fused
from featlib.scale import shards
from featlib.tables import Table

MEAN, STD, SIZE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 64
CHART = Path(__file__).parent / "extraction.png"
WORKERS = 2


def write_pictures(folder, n, side):
    """Write n varied copies of the bundled pictures as PNG and JPEG files; return the originals.

    The name of each file begins with the number of the picture that it was made from.
    """
    own, chance = images.load("emoji10"), np.random.default_rng(0)
    for i in range(n):
        source = i % len(own)
        place = folder / own.classes[own.labels[source]]
        place.mkdir(parents=True, exist_ok=True)
        picture = own.picture(source).resize((side, side), Image.Resampling.BICUBIC)
        shift = chance.integers(-20, 21, 3)
        picture = Image.fromarray((np.asarray(picture) + shift).clip(0, 255).astype(np.uint8))
        picture.save(place / f"{source:04}-{i // len(own):03}.{'png' if i % 2 else 'jpg'}")
    return own


def plain_network():
    """Return torchvision's resnet18 with the bundled weights and without its last layer."""
    network = resnet18(num_classes=200)
    network.load_state_dict(load_file(weights.BUNDLED))
    network.fc = nn.Identity()
    return network.eval()


def loop(folder, transform, network):
    """Send a folder through a network as tutorials do; return paths and features."""
    dataset = ImageFolder(folder, transform)
    rows = []
    with torch.inference_mode():
        for batch, _ in DataLoader(dataset, batch_size=32, num_workers=WORKERS):
            rows.append(network(batch))
    return [Path(path).name for path, _ in dataset.samples], torch.cat(rows)


def tutorial(folder):
    """Do as torchvision's tutorials do."""
    steps = [v2.Resize(SIZE), v2.CenterCrop(SIZE), v2.PILToTensor()]
    steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    return loop(folder, v2.Compose(steps), plain_network())


def with_timm(folder):
    """Do as timm's documentation says."""
    import timm

    network = timm.create_model("resnet18", num_classes=0).eval()
    network.load_state_dict(_timm_state())
    return loop(folder, _timm_transform(timm), network)


def with_img2vec(folder):
    """Use img2vec-pytorch with these weights and this size."""
    from img2vec_pytorch import Img2Vec

    def ours(weights=None):
        network = resnet18(num_classes=200)
        network.load_state_dict(load_file(weights.BUNDLED))
        return network

    with mock.patch("img2vec_pytorch.img_to_vec.resnet18", ours):
        img2vec = Img2Vec(model="resnet18")
    img2vec.transforms.transforms[2] = v2.Resize((SIZE, SIZE))
    files, rows = sorted(folder.glob("*/*")), []
    for start in range(0, len(files), 32):
        pictures = [Image.open(file).convert("RGB") for file in files[start : start + 32]]
        rows.append(img2vec.get_vec(pictures, tensor=True).flatten(1))
    return [file.name for file in files], torch.cat(rows)


def with_embetter(folder):
    """Use embetter's pipeline with these weights and this size."""
    import timm
    from embetter.vision import ImageLoader, TimmEncoder
    from sklearn.pipeline import make_pipeline

    create = timm.create_model

    def ours(name, pretrained, num_classes=0):
        network = create(name, num_classes=0).eval()
        network.load_state_dict(_timm_state())
        return network

    with mock.patch("timm.create_model", ours):
        encoder = TimmEncoder("resnet18")
    encoder.transform_img = _timm_transform(timm)
    files = sorted(folder.glob("*/*"))
    rows = make_pipeline(ImageLoader(), encoder).fit_transform([str(file) for file in files])
    return [file.name for file in files], torch.from_numpy(rows)


def _timm_state():
    return {k: v for k, v in load_file(weights.BUNDLED).items() if not k.startswith("fc.")}


def _timm_transform(timm):
    return timm.data.create_transform((3, SIZE, SIZE), mean=MEAN, std=STD, crop_pct=1.0)


def ours(folder, out, precision):
    """Use featlib; return paths and features."""
    shards.extract(folder, out, backbone.resnet18(), precision=precision, progress=False)
    table = parquet.read_table(out)
    rows = torch.from_numpy(np.stack(table["features"].to_numpy()))
    return [Path(path).name for path in table["path"].to_pylist()], rows


def accuracy(names, rows, own):
    """Train the lesson's head on copies of training pictures, and validate on those of others."""
    source = torch.tensor([int(name[:4]) for name in names])
    held_out = torch.isin(source, own.validation)
    labels = own.labels[source]
    layer, _ = head.train(rows[~held_out], labels[~held_out], len(own.classes))
    with torch.no_grad():
        return (layer(rows[held_out]).argmax(1) == labels[held_out]).float().mean().item()


def best_rate(dtype, n=2048):
    """Return the rate of a large matrix product, in operations a second: the best of ten."""
    a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
    a @ b
    times = []
    for _ in range(10):
        started = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - started)
    return 2 * n**3 / min(times)


def precisions():
    """Return the precisions that this processor has instructions for."""
    return ("fp32", "bf16") if fused.computes_bf16() else ("fp32",)


def operations():
    """Return the multiplications and additions for one image, but for those with padding."""
    counts = []

    def count(layer, inputs, output):
        pairs = layer.in_channels * layer.out_channels
        sides = zip(inputs[0].shape[2:], output.shape[2:], strict=True)
        counts.append(2 * pairs * math.prod(_products(layer, *side) for side in sides))

    network = plain_network()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(count)
    network(torch.zeros(1, 3, SIZE, SIZE))
    return sum(counts)


def _products(layer, before, after):
    """Return how often a kernel meets a pixel along one side, over all its places."""
    starts = (place * layer.stride[0] - layer.padding[0] for place in range(after))
    reach = layer.kernel_size[0]
    return sum(0 <= start + k < before for start in starts for k in range(reach))


WAYS = {
    "tutorial loop": tutorial,
    "img2vec-pytorch": with_img2vec,
    "timm": with_timm,
    "embetter": with_embetter,
}


def main():
    """Run all ways in turn and print their rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=10_000, metavar="N", help="files (10000)")
    parser.add_argument("--side", type=int, default=128, metavar="N", help="their size (128)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of each way (3)")
    parser.add_argument("--only", nargs="*", metavar="WAY", help="some of the peers")
    options = parser.parse_args()
    seconds, accuracies = {}, {}

    def measure(name, way, *arguments):
        started = time.perf_counter()
        names, rows = way(*arguments)
        seconds.setdefault(name, []).append(time.perf_counter() - started)
        if name not in accuracies:
            accuracies[name] = accuracy(names, rows, own)
        print(f"{name}: {seconds[name][-1]:.1f} s", flush=True)

    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "pictures"
        own = write_pictures(folder, options.images, options.side)
        for i in range(options.repeats):
            for name, way in WAYS.items():
                if options.only is None or name in options.only:
                    measure(name, way, folder)
            for precision in precisions():
                out = Path(work) / f"{precision} {i}"
                measure(f"featlib {precision}", ours, folder, out, precision)
            measure("featlib, warm", ours, folder, out, precision)
    show(seconds, accuracies, options)


def show(seconds, accuracies, options):
    """Print the table and draw the chart."""
    best = {name: statistics.median(times) for name, times in seconds.items()}
    peers = [value for name, value in best.items() if not name.startswith("featlib")]
    limits = {name: best_rate(features.PRECISIONS[name]) for name in precisions()}
    rows = []
    for name, value in best.items():
        limit = operations() * options.images / limits["bf16" if "bf16" in name else "fp32"]
        share = "" if "warm" in name else f"{limit / value:.0%}"
        times = f"{min(peers) / value:.2f}" if peers else ""
        cells = (name, f"{value:.1f}", f"{options.images / value:.0f}", times, share)
        rows.append((*cells, f"{accuracies[name]:.3f}"))
    columns = ("way", ">seconds (median)", ">images a second", ">times the best peer")
    columns += (">of the limit", ">head's accuracy")
    title = f"{options.images} files of {options.side}×{options.side}"
    title += f", {torch.get_num_threads()} threads"
    Console(width=120).print(Table(title, columns, tuple(rows)))
    rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in limits.items())
    print(f"matrix product, billions of operations a second: {rates}; cores: {os.cpu_count()}")
    chart = plots.bars(
        {name: options.images / value for name, value in best.items() if "warm" not in name},
        title=f"From {options.images} files to features",
        xlabel="images a second",
        ylabel="way",
    )
    CHART.write_bytes(chart._repr_mimebundle_()[0]["image/png"])


if __name__ == "__main__":
    main()
