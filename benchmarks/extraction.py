"""featlib against the ways that people take to features, with the same weights, at two sizes.

    python -m pip install --editable '.[scale,int8,html]' img2vec-pytorch timm embetter \
        openvino onnxruntime
    python benchmarks/extraction.py --repeats 3

At 64×64 pixels, the size of the lesson, and at 224×224, that of one's own photographs. The ways of
a table take turns in one process, and each precision is compared with itself: fp32, bf16, int8.
bf16 is left out where the processor has no instructions for it. Beside each way in fp32 and bf16
stands its share of what the processor could do at best, from the rate of a large matrix product
measured in the same run and the operations that are not with padding.

The network alone. Pictures lie in memory, float32 and normalized; 512 features each come out. The
script stops if the features of two ways do not agree. Each peer gets the best of several batch
sizes, found before:

- torchvision: its resnet18, in the usual order of memory and in channels-last.
- OpenVINO: the same network converted, a stream for each core, fed by an `AsyncInferQueue`.
- torch.compile: torchvision's network in channels-last with its weights frozen, compiled for each
  batch size; the time that compiling takes is not counted.
- ONNX Runtime: the network as a file, all cores on one batch. It has no bf16 on processors.
- OpenVINO and ONNX Runtime in int8: the bundled file of 8 bits.
- featlib: the network of `features.fast_forward` on the threads of `features.extract`.

From files to features. A folder of PNG and JPEG files, twice as wide as the network's input, is
decoded, too. The last column is the accuracy of the same head on the features:

- tutorial: ImageFolder, DataLoader with two workers, torchvision's resnet18, batches of 32.
- img2vec-pytorch: Pillow, `Img2Vec.get_vec` in batches of 32.
- timm: ImageFolder, DataLoader with two workers, timm's resnet18 and its own transform.
- embetter: `ImageLoader` and `TimmEncoder` in a scikit-learn pipeline, an image at a time.
- OpenVINO: Pillow in a thread for each core, an `AsyncInferQueue`; converted before, not counted.
  In int8, too.
- featlib: `shards.extract` into Parquet files; "warm" is the same call again.
"""

import argparse
import functools
import math
import os
import statistics
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import numpy as np
import onnxruntime
import openvino as ov
import torch
from openvino.preprocess import PrePostProcessor
from PIL import Image
from pyarrow import parquet
from rich.console import Console
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.models import resnet18
from torchvision.transforms import v2

from featlib import backbone, features, head, images, plots, preprocess, weights
from featlib.engine import fused, int8, threads
from featlib.model.network import resnet18_onnx
from featlib.plots.style import new_figure
from featlib.scale import shards
from featlib.tables import Table

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CHART = Path(__file__).parent / "extraction.png"
WORKERS = 2
BATCHES = (1, 4, 8, 32)  # that each peer of the network alone may choose from
TRIED = 128  # pictures on which it chooses
# How far features may lie from torchvision's in fp32; else as a share of the largest feature.
APART = {"fp32": 1e-4, "bf16": 0.05, "int8": 0.35}


def write_pictures(folder, n, side):
    """Write n varied copies of the bundled pictures as PNG and JPEG files; return the originals.

    The name of each file begins with the number of the picture that it was made from.
    """
    own, chance = images.load("emoji10"), np.random.default_rng(0)
    sources = chance.permutation(len(own))  # also few copies are of both sides
    for i in range(n):
        source = sources[i % len(own)]
        place = folder / own.classes[own.labels[source]]
        place.mkdir(parents=True, exist_ok=True)
        picture = own.picture(source).resize((side, side), Image.Resampling.BICUBIC)
        shift = chance.integers(-20, 21, 3)
        picture = Image.fromarray((np.asarray(picture) + shift).clip(0, 255).astype(np.uint8))
        picture.save(place / f"{source:04}-{i // len(own):03}.{'png' if i % 2 else 'jpg'}")
    return own


def prepared_pictures(n, size):
    """Return n of the bundled pictures as the network wants them: float32 N×3×S×S, normalized."""
    pixels = images.load("emoji10").pixels
    transform = weights.read_weights(size=size).transform
    parts = (torch.arange(n) % len(pixels)).split(features.PIECE)
    return torch.cat([preprocess.prepare(pixels[part], transform) for part in parts])


def precisions():
    """Return the precisions that this processor has instructions for."""
    return ("fp32", "bf16") if fused.computes_bf16() else ("fp32",)


def precision_of(name):
    """Return the precision of a way, by its name."""
    return next((precision for precision in ("bf16", "int8") if precision in name), "fp32")


# The networks.


def full_network(**_):
    """Return torchvision's resnet18 with the bundled weights."""
    state = load_file(weights.BUNDLED)
    network = resnet18(num_classes=len(state["fc.weight"]))
    network.load_state_dict(state)
    return network.eval()


def plain_network():
    """Return torchvision's resnet18 with the bundled weights and without its last layer."""
    network = full_network()
    network.fc = nn.Identity()
    return network


@functools.cache
def converted(size):
    """Convert the network for OpenVINO, once."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses a part of PyTorch that will go away
        example = torch.zeros(2, 3, size, size)
        return ov.convert_model(plain_network(), example_input=example, input=[-1, 3, size, size])


@functools.cache
def openvino_model(size, precision, from_bytes=False):
    """Return the network for OpenVINO; in int8 the bundled file of 8 bits.

    Its input is float32 N×3×S×S, normalized; or uint8 N×S×S×3 as Pillow gives it, which OpenVINO
    then normalizes itself.
    """
    if precision == "int8":
        model = ov.Core().read_model(int8.FILE)
        model.reshape([-1, 3, size, size])
    else:
        model = converted(size).clone()
    if not from_bytes:
        return model
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    mean, std = ([255 * x for x in numbers] for numbers in (MEAN, STD))
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(mean).scale(std)
    return steps.build()


def openvino_queue(model, precision, batch):
    """Compile a model for throughput on all cores that PyTorch uses, a stream for each."""
    dimensions = list(model.input().get_partial_shape())
    model.reshape(ov.PartialShape([batch, *dimensions[1:]]))
    settings = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "NUM_STREAMS": torch.get_num_threads(),
    }
    compiled = ov.Core().compile_model(model, "CPU", settings)
    return ov.AsyncInferQueue(compiled, 2 * torch.get_num_threads())


def through_queue(queue, batch, arrays):
    """Send arrays of at most a batch through OpenVINO; return their features in order."""
    found, n, placed = {}, 0, {}

    def collect(slot):
        found[placed.pop(slot)] = queue[slot].get_output_tensor(0).data.copy()

    # No callback: it would run Python on OpenVINO's own threads.
    for place, array in enumerate(arrays):
        n += len(array)
        if len(array) < batch:  # the last one: the model takes whole batches only
            array = np.resize(array, (batch, *array.shape[1:]))
        slot = queue.get_idle_request_id()  # it waits for one; `start_async` takes the same
        if slot in placed:
            collect(slot)
        placed[slot] = place
        queue.start_async({0: array})
    queue.wait_all()
    for slot in list(placed):
        collect(slot)
    return torch.from_numpy(np.concatenate([found[place] for place in sorted(found)])[:n])


# The network alone: of a batch size, a function from prepared pictures to features.


def eager(precision, layout):
    """Use torchvision's network as it is."""
    dtype = features.PRECISIONS[precision]
    network = plain_network().to(dtype=dtype, memory_format=layout)

    def with_batch(batch):
        def run(pictures):
            with torch.inference_mode():
                parts = (part.to(dtype, memory_format=layout) for part in pictures.split(batch))
                return torch.cat([network(part) for part in parts]).float()

        return run

    return with_batch


def openvino_alone(size, precision):
    """Use OpenVINO."""

    def with_batch(batch):
        queue = openvino_queue(openvino_model(size, precision), precision, batch)

        def run(pictures):
            return through_queue(queue, batch, (part.numpy() for part in pictures.split(batch)))

        return run

    return with_batch


def compiled(precision):
    """Use torch.compile, with the weights in what it compiles: BatchNorm is folded in."""
    dtype = features.PRECISIONS[precision]
    network = plain_network().to(dtype=dtype, memory_format=torch.channels_last)
    network = torch.compile(network, dynamic=False, options={"freezing": True})

    def with_batch(batch):
        def run(pictures):
            # Without gradients, not in inference mode: only so are the weights frozen.
            with torch.no_grad():
                parts = (
                    part.to(dtype, memory_format=torch.channels_last)
                    for part in pictures.split(batch)
                )
                return torch.cat([network(part) for part in parts]).float()

        return run

    return with_batch


def onnxruntime_alone(precision):
    """Use ONNX Runtime, all cores on one batch."""
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = torch.get_num_threads()
    file = int8.FILE
    if precision == "fp32":
        file = resnet18_onnx(weights.read_weights().state()).SerializeToString()
    session = onnxruntime.InferenceSession(file, settings)

    def with_batch(batch):
        def run(pictures):
            parts = (part.numpy() for part in pictures.split(batch))
            rows = [session.run(None, {"images": part})[0] for part in parts]
            return torch.from_numpy(np.concatenate(rows))

        return run

    return with_batch


def ours_in_int8(size):
    """Use what `features.extract` uses in 8 bits, a thread for each batch."""
    network = int8.network(int8.library(), size, torch.get_num_threads())

    def compute(part):
        return torch.from_numpy(network(part.contiguous().numpy()))

    def with_batch(batch):
        return lambda pictures: torch.cat(list(threads.map_ordered(compute, pictures.split(batch))))

    return with_batch


def ours_alone(size, precision):
    """Use featlib's network, a thread for each batch."""
    state = weights.read_weights(size=size).state()
    network = fused.FusedResNet18(state, size, "cpu", features.PRECISIONS[precision])

    def compute(part):
        with torch.inference_mode():
            return network(part).float()

    def with_batch(batch):
        return lambda pictures: torch.cat(list(threads.map_ordered(compute, pictures.split(batch))))

    return with_batch


def networks(size, n):
    """Return the ways of the network alone, each with the batch sizes that it may choose from."""
    own = threads.batch_size(min(n, features.PIECE), 64, size)  # as `features.extract` does
    ways = {}
    for name in precisions():
        ways[f"torchvision {name}"] = eager(name, torch.contiguous_format), BATCHES
        ways[f"torchvision, channels-last {name}"] = eager(name, torch.channels_last), BATCHES
        ways[f"torch.compile {name}"] = compiled(name), BATCHES
        ways[f"OpenVINO {name}"] = openvino_alone(size, name), BATCHES
        ways[f"featlib {name}"] = ours_alone(size, name), (own,)
    ways["ONNX Runtime fp32"] = onnxruntime_alone("fp32"), BATCHES
    ways["OpenVINO int8"] = openvino_alone(size, "int8"), BATCHES
    ways["ONNX Runtime int8"] = onnxruntime_alone("int8"), BATCHES
    ways["featlib int8"] = ours_in_int8(size), (own,)
    return ways


def choose_batch(with_batch, batches, pictures):
    """Return the fastest batch size, and the function that uses it."""
    seconds, functions = {}, {batch: with_batch(batch) for batch in batches}
    for batch, function in functions.items():
        function(pictures)  # the first run lays out memory
        started = time.perf_counter()
        function(pictures)
        seconds[batch] = time.perf_counter() - started
    best = min(seconds, key=seconds.__getitem__)
    return best, functions[best]


def measure_networks(size, n, repeats):
    """Let all ways take turns; return seconds, batch sizes, differences and cosines, by way."""
    pictures = prepared_pictures(n, size)
    chosen = {name: choose_batch(*way, pictures[:TRIED]) for name, way in networks(size, n).items()}
    seconds, apart, cosines, reference = {name: [] for name in chosen}, {}, {}, None
    for _ in range(repeats):
        for name, (_, function) in chosen.items():
            started = time.perf_counter()
            rows = function(pictures)
            seconds[name].append(time.perf_counter() - started)
            print(f"{size}, network alone, {name}: {seconds[name][-1]:.1f} s", flush=True)
            reference = rows if reference is None else reference  # torchvision in fp32
            apart[name] = difference(name, rows, reference)
            cosines[name] = torch.cosine_similarity(rows, reference).mean().item()
    return seconds, {name: batch for name, (batch, _) in chosen.items()}, apart, cosines


def difference(name, rows, reference):
    """Return the largest difference between features; stop if they do not agree."""
    apart, largest = (rows - reference).abs().max().item(), reference.abs().max().item()
    precision = precision_of(name)
    allowed = APART[precision] * (1 if precision == "fp32" else largest)
    if not apart <= allowed:
        raise SystemExit(f"{name}: features differ by {apart:.2g}, {allowed:.2g} is allowed")
    return apart


# From files to features.


def loop(folder, transform, network, dtype=torch.float32):
    """Send a folder through a network as tutorials do; return paths and features."""
    dataset = ImageFolder(folder, transform)
    rows = []
    with torch.inference_mode():
        for batch, _ in DataLoader(dataset, batch_size=32, num_workers=WORKERS):
            rows.append(network(batch.to(dtype)).float())
    return [Path(path).name for path, _ in dataset.samples], torch.cat(rows)


def tutorial(folder, size, precision="fp32"):
    """Do as torchvision's tutorials do."""
    steps = [v2.Resize(size), v2.CenterCrop(size), v2.PILToTensor()]
    steps += [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    dtype = features.PRECISIONS[precision]
    return loop(folder, v2.Compose(steps), plain_network().to(dtype), dtype)


def with_timm(folder, size):
    """Do as timm's documentation says."""
    import timm

    network = timm.create_model("resnet18", num_classes=0).eval()
    network.load_state_dict(_timm_state())
    return loop(folder, _timm_transform(timm, size), network)


def with_img2vec(folder, size):
    """Use img2vec-pytorch with these weights and this size."""
    from img2vec_pytorch import Img2Vec

    with mock.patch("img2vec_pytorch.img_to_vec.resnet18", full_network):
        img2vec = Img2Vec(model="resnet18")
    img2vec.transforms.transforms[2] = v2.Resize((size, size))
    files, rows = sorted(folder.glob("*/*")), []
    for start in range(0, len(files), 32):
        pictures = [Image.open(file).convert("RGB") for file in files[start : start + 32]]
        rows.append(img2vec.get_vec(pictures, tensor=True).flatten(1))
    return [file.name for file in files], torch.cat(rows)


def with_embetter(folder, size):
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
    encoder.transform_img = _timm_transform(timm, size)
    files = sorted(folder.glob("*/*"))
    rows = make_pipeline(ImageLoader(), encoder).fit_transform([str(file) for file in files])
    return [file.name for file in files], torch.from_numpy(rows)


def _timm_state():
    return {k: v for k, v in load_file(weights.BUNDLED).items() if not k.startswith("fc.")}


def _timm_transform(timm, size):
    return timm.data.create_transform((3, size, size), mean=MEAN, std=STD, crop_pct=1.0)


def with_openvino(folder, size, precision, batch):
    """Decode with Pillow in threads, and let OpenVINO normalize and compute."""
    queue = openvino_queue(openvino_model(size, precision, from_bytes=True), precision, batch)
    files = sorted(folder.glob("*/*"))

    def decode(part):
        pictures = (Image.open(file).convert("RGB") for file in part)
        return np.stack([p.resize((size, size), Image.Resampling.BILINEAR) for p in pictures])

    parts = [files[start : start + batch] for start in range(0, len(files), batch)]
    rows = through_queue(queue, batch, threads.map_ordered(decode, parts))
    return [file.name for file in files], rows


def ours(folder, size, out, precision):
    """Use featlib; return paths and features."""
    frozen = backbone.resnet18(size=size)
    shards.extract(folder, out, frozen, precision=precision, progress=False)
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


PEERS = {
    "tutorial loop": tutorial,
    "img2vec-pytorch": with_img2vec,
    "timm": with_timm,
    "embetter": with_embetter,
}


def peers(size, batches, only):
    """Return the peers that start from files, each a function of the folder."""
    ways = {name: functools.partial(way, size=size) for name, way in PEERS.items()}
    if "bf16" in precisions():
        ways["tutorial loop bf16"] = functools.partial(tutorial, size=size, precision="bf16")
    for name in (*precisions(), "int8"):
        batch = batches[f"OpenVINO {name}"]
        openvino_model(size, name, from_bytes=True)
        ways[f"OpenVINO {name}"] = functools.partial(
            with_openvino, size=size, precision=name, batch=batch
        )
    chosen = (*PEERS, "OpenVINO") if only is None else only
    return {name: way for name, way in ways.items() if name.startswith(tuple(chosen))}


def measure_files(size, n, repeats, side, ways):
    """Let all ways take turns; return seconds and accuracies, by way."""
    seconds, accuracies = {}, {}

    def measure(name, way, *arguments):
        started = time.perf_counter()
        names, rows = way(*arguments)
        seconds.setdefault(name, []).append(time.perf_counter() - started)
        if name not in accuracies:
            accuracies[name] = accuracy(names, rows, own)
        print(f"{size}, files, {name}: {seconds[name][-1]:.1f} s", flush=True)

    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "pictures"
        own = write_pictures(folder, n, side)
        for i in range(repeats):
            for name, way in ways.items():
                measure(name, way, folder)
            for precision in (*precisions(), "int8"):
                out = Path(work) / f"{precision} {i}"
                measure(f"featlib {precision}", ours, folder, size, out, precision)
            measure(f"featlib {precision}, warm", ours, folder, size, out, precision)
    return seconds, accuracies


# What the processor could do.


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


def operations(size):
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
    network(torch.zeros(1, 3, size, size))
    return sum(counts)


def _products(layer, before, after):
    """Return how often a kernel meets a pixel along one side, over all its places."""
    starts = (place * layer.stride[0] - layer.padding[0] for place in range(after))
    reach = layer.kernel_size[0]
    return sum(0 <= start + k < before for start in starts for k in range(reach))


# What is shown.


def show(title, size, n, seconds, limits, extra):
    """Print a table of the ways; return the milliseconds that a picture takes, by way.

    `extra` holds more columns: by heading, a text for each way.
    """
    cost = {name: 1000 * statistics.median(times) / n for name, times in seconds.items()}
    rows = []
    for name, value in cost.items():
        rivals = [
            other
            for peer, other in cost.items()
            if not peer.startswith("featlib") and precision_of(peer) == precision_of(name)
        ]
        known = precision_of(name) in limits and "warm" not in name  # PyTorch multiplies no int8
        limit = 1000 * operations(size) / limits[precision_of(name)] if known else 0
        share = f"{limit / value:.0%}" if known else ""
        cells = (name, f"{value * n / 1000:.1f}", f"{value:.3f}", f"{1000 / value:.0f}")
        times = f"{min(rivals) / value:.2f}" if rivals else ""
        rows.append((*cells, times, share, *(texts[name] for texts in extra.values())))
    columns = ("way", ">seconds (median)", ">ms a picture", ">pictures a second")
    columns += (">times the best peer", ">of the limit", *extra)
    title = f"{title}, {torch.get_num_threads()} threads"
    Console(width=140).print(Table(title, columns, tuple(rows)))
    return cost


def show_growth(costs):
    """Print what a picture costs at the largest size, against the smallest.

    `costs` holds, by the name of a table and by size, the milliseconds of each way.
    """
    rows = []
    for part, by_size in costs.items():
        small, large = min(by_size), max(by_size)
        for name, value in by_size[large].items():
            if "warm" not in name:
                before = by_size[small][name]
                cells = (f"{before:.3f}", f"{value:.3f}", f"{value / before:.2f}")
                rows.append((part, name, *cells))
    pixels, needed = (large / small) ** 2, operations(large) / operations(small)
    title = f"What {large}×{large} costs against {small}×{small}: the arithmetic alone is "
    title += f"{pixels:.2f} times, without padding {needed:.2f} times"
    columns = ("from", "way", f">ms at {small}", f">ms at {large}", ">times")
    Console(width=140).print(Table(title, columns, tuple(rows)))


def draw(costs, n, path):
    """Draw pictures a second from files, a chart for each size side by side."""
    figure = new_figure((6.5 * len(costs), 0.4 * max(map(len, costs.values())) + 1.3))
    axes = figure.subplots(1, len(costs), squeeze=False)[0]
    for ax, (size, cost) in zip(axes, costs.items(), strict=True):
        plots.bars(
            {name: 1000 / value for name, value in cost.items() if "warm" not in name},
            title=f"From {n[size]:,} files to features, {size}×{size}",
            xlabel="pictures a second",
            ylabel="way",
            ax=ax,
        )
    path.write_bytes(figure._repr_mimebundle_()[0]["image/png"])


def read_options():
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--size",
        type=int,
        nargs="+",
        default=[64, 224],
        metavar="S",
        help="height and width that the network gets, one or more (64 224)",
    )
    add(
        "--images",
        type=int,
        metavar="N",
        help="files (10000 below a size of 128, else 1000, since embetter is slow); the network "
        "alone gets as many, but 2048 and 512 at most",
    )
    add("--repeats", type=int, default=3, metavar="N", help="of each way (3)")
    add("--side", type=int, metavar="N", help="height and width of the files (twice the size)")
    add(
        "--only",
        nargs="*",
        choices=(*PEERS, "OpenVINO"),
        metavar="WAY",
        help="some of the peers that start from files: %(choices)s; none if nothing follows",
    )
    add("--chart", type=Path, default=CHART, metavar="FILE",
        help="where the chart goes (extraction.png beside this script)")  # fmt: skip
    return parser.parse_args()


def main():
    """Run all ways in turn, at each size, and print what they take."""
    options = read_options()
    limits = {name: best_rate(features.PRECISIONS[name]) for name in precisions()}
    alone, whole, files = {}, {}, {}
    for size in options.size:
        files[size] = n = options.images or (10_000 if size < 128 else 1000)
        few = min(n, 2048 if size < 128 else 512)
        # A process of its own: after all these networks, a fork of DataLoader sometimes crashed.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(measure_networks, size, few, options.repeats).result()
        seconds, batches, apart, cosines = found
        extra = {
            ">batch": {name: f"{batch}" for name, batch in batches.items()},
            ">largest difference": {name: f"{value:.1e}" for name, value in apart.items()},
            ">mean cosine": {name: f"{value:.4f}" for name, value in cosines.items()},
        }
        title = f"The network alone: {few} pictures of {size}×{size}"
        alone[size] = show(title, size, few, seconds, limits, extra)
        side, ways = options.side or 2 * size, peers(size, batches, options.only)
        seconds, accuracies = measure_files(size, n, options.repeats, side, ways)
        extra = {">head's accuracy": {name: f"{value:.3f}" for name, value in accuracies.items()}}
        title = f"From {n} files of {side}×{side} to the features of {size}×{size}"
        whole[size] = show(title, size, n, seconds, limits, extra)
    if len(options.size) > 1:
        show_growth({"memory": alone, "files": whole})
    rates = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in limits.items())
    print(f"matrix product, billions of operations a second: {rates}; cores: {os.cpu_count()}")
    draw(whole, files, options.chart)


if __name__ == "__main__":
    main()
