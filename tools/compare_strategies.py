"""Measure what each way to a classifier costs: pixels, from scratch, frozen, fine-tuned.

    python tools/compare_strategies.py              # what the file does not hold yet
    python tools/compare_strategies.py --again      # all of it: an hour and a quarter on one core

Notebook 09 shows the result, which is kept in `featlib/assets/strategies.json`. Every strategy
sees the same 800 training pictures. Its learning rate and its number of epochs are chosen by these
alone: some are set aside, and no emoji is on both sides. Then it is trained on all 800, with five
seeds, and measured on the same 200 others. Each training has a process of its own, so that its peak
of memory is its own, too. What was found is written at once: a stopped run goes on where it was.
"""

import argparse
import json
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from sklearn.model_selection import StratifiedGroupKFold
from torch.nn.functional import affine_grid, cross_entropy, grid_sample
from torchvision.models import resnet18 as torchvision_resnet18

import featlib
from featlib import backbone, features, head, images, preprocess, validation, weights
from featlib.engine.files import atomic_write_text, sha256

OUT = Path(featlib.__file__).parent / "assets" / "strategies.json"
COMMAND = "python tools/compare_strategies.py"
NOTES = {
    "memory": "the most physical memory that the process ever held (on Linux VmHWM), Python, "
    "PyTorch and the pictures included; 'before' is the same figure before there is a network",
    "time": "from pictures in memory to a trained classifier; loading the pictures and weights and "
    "measuring on validation pictures do not count. cpu_seconds are those of the processor, all "
    "threads together: unlike seconds, they do not grow when other programs want it, too",
    "summary": "accuracy is the mean of the runs, spread their standard deviation; interval is "
    "Wilson's for the mean; seconds and memory are the medians",
}
SEEDS = 5
PARTS = 4  # of the training pictures: each is set aside in turn, as far as a strategy has folds
# Rates to try. Twice as many where a try costs next to nothing.
COARSE = (1e-5, 3e-5, 1e-4, 3e-4, 0.001, 0.003, 0.01, 0.03)
FINE = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
ALL = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4")


@dataclass(frozen=True)
class Recipe:
    """The settings of a training.

    Attributes
    ----------
    epochs : int
        Passes over the training pictures.
    learning_rate : float
        Of AdamW.
    schedule : int or None
        The rate rises for a tenth of so many epochs, and falls to zero by the last of them; a
        training may stop earlier. None: the rate stays as it is.
    batch_size : int
        Pictures a step.
    weight_decay : float
        Of AdamW.
    """

    epochs: int
    learning_rate: float
    schedule: int | None = None
    batch_size: int = 32
    weight_decay: float = 0.01


@dataclass(frozen=True)
class Strategy:
    """One way from pictures to a classifier.

    Attributes
    ----------
    label : str
        What tables and figures call it.
    start : str
        Where its weights come from: ``"none"`` (a linear layer on pixels), ``"random"`` or
        ``"bundled"``.
    trains : tuple of str
        The parts of the network that are trained besides the head.
    varied : bool
        Whether the network sees each picture varied, differently in each epoch.
    epochs : int
        The most that are tried.
    rates : tuple of float
        The learning rates that may be tried, in order.
    first : float
        The one of them that the search begins with.
    folds : int
        How many parts of the training pictures are set aside in turn, to measure each rate.
    """

    label: str
    start: str
    trains: tuple[str, ...]
    varied: bool
    epochs: int
    rates: tuple[float, ...]
    first: float
    folds: int

    def recipe(self, learning_rate, epochs):
        """Return the recipe for a learning rate, and so many epochs."""
        return Recipe(epochs, learning_rate, self.epochs if self.varied else None)


class Clock:
    """Adds up the time of what runs within it.

    Attributes
    ----------
    seconds : float
        By the clock on the wall.
    cpu_seconds : float
        Of all threads together: more than `seconds` where they worked side by side, less where
        something else had the processor.
    """

    def __init__(self):
        self.seconds = self.cpu_seconds = 0.0

    def __enter__(self):
        self.seconds -= time.perf_counter()
        self.cpu_seconds -= time.process_time()

    def __exit__(self, *error):
        self.seconds += time.perf_counter()
        self.cpu_seconds += time.process_time()


STRATEGIES = {
    "raw_pixels": Strategy("raw pixels + linear layer", "none", (), False, 20, FINE, 1e-4, PARTS),
    "from_scratch": Strategy("ResNet18 from scratch", "random", ALL, True, 20, COARSE, 0.001, 1),
    "frozen": Strategy(
        "frozen features + linear head", "bundled", (), False, 20, FINE, 0.002, PARTS
    ),
    "frozen_varied": Strategy(
        "frozen features of varied pictures", "bundled", (), True, 8, COARSE, 0.001, 1
    ),
    "layer4": Strategy("fine-tuning of layer4", "bundled", ("layer4",), True, 8, COARSE, 0.001, 1),
    "fine_tuned": Strategy("fine-tuning of all layers", "bundled", ALL, True, 8, COARSE, 3e-4, 1),
}


def train(strategy, recipe, seed, pictures, say=print):
    """Train by a strategy, and measure what it costs.

    Parameters
    ----------
    strategy : Strategy
        What to do.
    recipe : Recipe
        The settings.
    seed : int
        Of the first weights, the order and the variation.
    pictures : featlib.images.ImageSet
        The pictures; those of `validation` are measured after each epoch, never trained on.
    say : callable
        Gets a line an epoch.

    Returns
    -------
    dict
        As one of the `runs` in `strategies.json`: seed, accuracy, seconds, memory, trainable
        parameters, and a row an epoch.
    """
    before, clock = peak_memory(), Clock()
    frozen = strategy.start == "bundled" and backbone.resnet18()
    work = _train_network if strategy.varied else _train_linear
    model, peak, history = work(frozen, strategy, recipe, seed, pictures, clock)
    for row in history:
        say(
            f"  epoch {row['epoch']:2}/{recipe.epochs}: training loss {row['loss']:.2f}, "
            f"validation accuracy {row['accuracy']:.3f}"
        )
    return {
        "seed": seed,
        "accuracy": history[-1]["accuracy"],
        "seconds": round(clock.seconds, 4),
        "cpu_seconds": round(clock.cpu_seconds, 4),
        "memory_mb": {"before": round(before), "peak": round(peak)},
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "history": history,
    }


def try_rate(strategy, rate, pictures, say=print):
    """Measure a learning rate on parts of the training pictures.

    Parameters
    ----------
    strategy : Strategy
        What to try.
    rate : float
        The learning rate.
    pictures : featlib.images.ImageSet
        The pictures; those of `validation` are not looked at.
    say : callable
        Gets a line an epoch.

    Returns
    -------
    dict
        The rate, the mean accuracy on the folds after each epoch, the best of these, and the first
        epoch that reaches it: there a training stops.
    """
    rows, curves = pictures.train.numpy(), []
    folds = StratifiedGroupKFold(PARTS, shuffle=True, random_state=0)
    splits = folds.split(rows, pictures.labels[rows], pictures.groups[rows])
    recipe = strategy.recipe(rate, strategy.epochs)
    for inner, held_out in list(splits)[: strategy.folds]:
        sides = {"train": pictures.train[inner], "validation": pictures.train[held_out]}
        found = train(strategy, recipe, 0, replace(pictures, **sides), say)
        curves.append([row["accuracy"] for row in found["history"]])
    means = [round(statistics.mean(epoch), 4) for epoch in zip(*curves, strict=True)]
    best = max(means)
    return {
        "learning_rate": rate,
        "accuracy": best,
        "epochs": means.index(best) + 1,
        "curve": means,
    }


def next_rate(strategy, tried):
    """Say which learning rate to try next: the best must have a worse one on both sides.

    Parameters
    ----------
    strategy : Strategy
        Whose.
    tried : list of dict
        What `try_rate` found so far.

    Returns
    -------
    float or None
        None if the search is at its end.
    """
    if not tried:
        return strategy.first
    best, rates = _best(tried)["learning_rate"], strategy.rates
    place, known = rates.index(best), {row["learning_rate"] for row in tried}
    beside = rates[max(place - 1, 0) : place + 2]
    return next((rate for rate in beside if rate not in known), None)


def vary(pixels, chance):
    """Vary a batch of pictures, so that no epoch sees the same one twice: crop, zoom, mirror.

    Parameters
    ----------
    pixels : torch.Tensor
        uint8 N×3×H×W.
    chance : torch.Generator
        Where chance comes from.

    Returns
    -------
    torch.Tensor
        float32 N×3×H×W, values 0–1.
    """
    n = len(pixels)
    side = 0.75 + 0.25 * torch.rand(n, generator=chance)
    center = (1 - side)[:, None] * (2 * torch.rand(n, 2, generator=chance) - 1)
    mirror = 1 - 2 * torch.randint(0, 2, (n,), generator=chance)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = side * mirror, side, center
    grid = affine_grid(theta, pixels.shape, align_corners=False)
    scaled = preprocess.scale(pixels)
    return grid_sample(scaled, grid, padding_mode="reflection", align_corners=False).clamp_(0, 1)


def peak_memory():
    """Return the most physical memory that this process ever held.

    Returns
    -------
    float
        In MB, of a million bytes.
    """
    if sys.platform == "linux":  # its ru_maxrss counts the process that started this one, too
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024 / 1e6
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS counts bytes


def conditions():
    """Return what the results depend on besides the recipes.

    Returns
    -------
    dict
    """
    return {
        "images": {"name": "emoji10", "sha256": sha256(images.EMOJI10)},
        "weights": {"file": weights.BUNDLED.name, "sha256": sha256(weights.BUNDLED)},
        "machine": {
            "processor": _processor(),
            "threads": torch.get_num_threads(),
            "system": platform.system(),
        },
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
    }


def summarize(strategy, recipe, runs):
    """Put the runs of a strategy together.

    Parameters
    ----------
    strategy : Strategy
        Whose.
    recipe : Recipe
        By which.
    runs : list of dict
        What `train` found, one or more.

    Returns
    -------
    dict
        As in `strategies.json`.
    """
    accuracies = [run["accuracy"] for run in runs]
    n = len(runs[0]["history"][-1]["right"])
    mean = statistics.mean(accuracies)
    interval = validation.wilson_interval(round(n * mean), n)

    def median(*names):
        found = runs
        for name in names:
            found = [run[name] for run in found]
        return statistics.median(found)

    return {
        "label": strategy.label,
        "start": strategy.start,
        "trains": [*strategy.trains, "head"],
        "varied": strategy.varied,
        "trainable_parameters": runs[0]["trainable_parameters"],
        "recipe": asdict(recipe),
        "accuracy": round(mean, 4),
        "spread": round(statistics.stdev(accuracies), 4) if len(runs) > 1 else 0.0,
        "interval": [round(end, 4) for end in interval],
        "seconds": median("seconds"),
        "cpu_seconds": median("cpu_seconds"),
        "memory_mb": {what: median("memory_mb", what) for what in ("before", "peak")},
        "runs": runs,
    }


def main(arguments=None):
    """Choose the recipes, measure the strategies, and keep what was found."""
    options = _options(arguments)
    pictures = _few(images.load("emoji10"), options.per_class)
    if options.child:
        (name,), (seed, recipe) = options.only, json.loads(options.child.read_text("utf-8"))
        result = train(_strategy(name, options), Recipe(**recipe), seed, pictures, _say)
        options.child.write_text(json.dumps(result), "utf-8")
        return 0
    now = conditions()
    kept = {} if options.again else _read(options.out)
    changed = [name for name in now if kept and kept.get(name) != now[name]]
    if changed:
        _say(f"{options.out} was measured with other {', '.join(changed)}: run it with --again")
        return 1
    if not kept:
        parts = {"choice": {}, "strategies": {}}
        _write({"made_by": COMMAND} | NOTES | now | parts, options.out)
    for name in options.only or STRATEGIES:
        strategy = _strategy(name, options)
        _say(f"{name}: {strategy.label}")
        recipe = _choose(name, strategy, pictures, options)
        _measure(name, strategy, recipe, options)
    _say(f"written: {options.out}")
    return 0


def _choose(name, strategy, pictures, options):
    """Search on until the best learning rate lies between two worse ones."""
    tried = _read(options.out)["choice"].get(name, [])
    while (rate := next_rate(strategy, tried)) is not None:
        tried.append(try_rate(strategy, rate, pictures, _say))
        tried.sort(key=lambda row: row["learning_rate"])
        _keep("choice", name, tried, options.out)
        found = next(row for row in tried if row["learning_rate"] == rate)
        _say(f"  rate {rate:g}: {found['accuracy']:.3f} after {found['epochs']} epochs")
    best = _best(tried)
    return strategy.recipe(best["learning_rate"], best["epochs"])


def _best(tried):
    return max(tried, key=lambda row: row["accuracy"])


def _measure(name, strategy, recipe, options):
    """Train with the seeds that the file does not hold yet."""
    before = _read(options.out)["strategies"].get(name)
    runs = before["runs"] if before and before["recipe"] == asdict(recipe) else []
    for seed in range(len(runs), options.seeds):
        runs.append(_in_a_fresh_process(name, recipe, seed, options))
        _say(f"  seed {seed}: {runs[-1]['accuracy']:.3f}, {runs[-1]['cpu_seconds']:.1f} seconds")
        _keep("strategies", name, summarize(strategy, recipe, runs), options.out)


def _train_network(frozen, strategy, recipe, seed, pictures, clock):
    chance = torch.Generator().manual_seed(seed)
    pixels, labels, rows = pictures.pixels, pictures.labels, pictures.train
    transform = (frozen or backbone.resnet18("untrained")).transform
    with clock:
        network = _network(frozen, strategy, seed, pictures)
        optimizer, schedule = _optimizer(network, recipe, len(rows))
    history = []
    for _ in range(recipe.epochs):
        # What is trained is in training mode; what is frozen keeps its BatchNorm statistics.
        for part in strategy.trains:
            network.get_submodule(part).train()
        losses = []
        with clock:
            for batch in rows[torch.randperm(len(rows), generator=chance)].split(recipe.batch_size):
                x = preprocess.prepare(vary(pixels[batch], chance), transform)
                logits = network(x.to(memory_format=torch.channels_last))
                loss = cross_entropy(logits, labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
        right = _right(network.eval(), pixels, labels, pictures.validation, transform)
        history.append(_row(len(history) + 1, statistics.mean(losses), right))
    return network, peak_memory(), history


def _network(frozen, strategy, seed, pictures):
    """Return a torchvision ResNet18 in which only the strategy's parts and the head are trained."""
    n_classes = len(pictures.classes)
    if frozen:
        # First the head, then the rest: a random head would pull good features apart
        # (Kumar et al., 2022, arXiv:2202.10054).
        rows = pictures.train
        vectors = features.extract(pictures.pixels[rows], frozen, cache=False, progress=False)
        network = frozen.network
        network.fc, _ = head.train(vectors, pictures.labels[rows], n_classes, seed=seed)
    else:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = torchvision_resnet18(num_classes=n_classes)
    for name, part in network.named_children():
        part.requires_grad_(name in (*strategy.trains, "fc"))
    return network.to(memory_format=torch.channels_last)


def _train_linear(frozen, strategy, recipe, seed, pictures, clock):
    labels, n_classes = pictures.labels, len(pictures.classes)
    settings = {
        name: getattr(recipe, name)
        for name in ("epochs", "learning_rate", "batch_size", "weight_decay")
    }

    def vectors(rows):
        if frozen:
            return features.extract(pictures.pixels[rows], frozen, cache=False, progress=False)
        return preprocess.scale(pictures.pixels[rows]).flatten(1)

    with clock:
        x, y = vectors(pictures.train), labels[pictures.train]
        layer, _ = head.train(x, y, n_classes, seed=seed, **settings)
    peak = peak_memory()
    # Off the clock: the same training once more, measured after each epoch.
    unseen, truth = vectors(pictures.validation), labels[pictures.validation]
    _, trace = head.train(x, y, n_classes, validation=(unseen, truth), seed=seed, **settings)
    history = [
        {"epoch": row.epoch, "loss": round(row.loss, 4), "accuracy": round(row.val_accuracy, 4)}
        for row in trace.epochs
    ]
    history[-1] = _row(
        recipe.epochs, trace.epochs[-1].loss, head.logits(layer, unseen).argmax(1) == truth
    )
    return layer, peak, history


def _optimizer(network, recipe, n):
    """Return AdamW, and a rate that rises for a tenth of the schedule and then falls to zero."""
    optimizer = torch.optim.AdamW(
        [p for p in network.parameters() if p.requires_grad],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    steps = recipe.schedule * -(-n // recipe.batch_size)
    rising = max(1, steps // 10)
    return optimizer, torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda i: min((i + 1) / rising, (steps - i) / max(1, steps - rising))
    )


@torch.no_grad()
def _right(network, pixels, labels, rows, transform):
    batches = (preprocess.prepare(pixels[batch], transform) for batch in rows.split(100))
    return torch.cat([network(x).argmax(1) for x in batches]) == labels[rows]


def _row(epoch, loss, right):
    return {
        "epoch": epoch,
        "loss": round(loss, 4),
        "accuracy": round(right.double().mean().item(), 4),
        "right": "".join(str(int(hit)) for hit in right),
    }


def _few(pictures, per_class):
    """Keep the first pictures of each class on both sides; all of them for None."""
    rows = {"train": pictures.train, "validation": pictures.validation}
    for side, mine in rows.items():
        labels = pictures.labels[mine]
        kept = [mine[labels == k][:per_class] for k in range(len(pictures.classes))]
        rows[side] = torch.cat(kept).sort().values
    return replace(pictures, **rows)


def _options(arguments):
    parser = argparse.ArgumentParser(
        description="Measure accuracy, seconds, memory and trained parameters of "
        + "; ".join(f"{name} ({strategy.label})" for name, strategy in STRATEGIES.items())
        + ".",
        epilog="All of it takes about an hour and a quarter of one core. Each training runs in a "
        "process of its own. Set OMP_NUM_THREADS for another number of threads.",
    )
    say = "names of strategies; all if left out. The others' results in the file stay"
    parser.add_argument("only", nargs="*", metavar="NAME", help=say)
    say = "throw away what the file holds, and measure all of it anew"
    parser.add_argument("--again", action="store_true", help=say)
    say = "the file to write (default: the one that the notebook reads)"
    parser.add_argument("--out", type=Path, default=OUT, help=say)
    say = f"train each strategy with so many seeds (default: {SEEDS})"
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help=say)
    say = "take only so many pictures a class on both sides, for a try; needs --out"
    parser.add_argument("--per-class", type=int, metavar="N", help=say)
    say = "train for at most so many epochs, for a try; needs --out"
    parser.add_argument("--epochs", type=int, metavar="N", help=say)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    for name in options.only:
        if name not in STRATEGIES:
            parser.error(f"no strategy '{name}'; there are {', '.join(STRATEGIES)}")
    for name, low in (("per_class", PARTS + 1), ("epochs", 1), ("seeds", 1)):
        value = getattr(options, name)
        if value is not None and value < low:
            parser.error(f"--{name.replace('_', '-')} must be at least {low}, not {value}")
    tried = options.per_class or options.epochs or options.seeds < SEEDS
    if tried and options.out == OUT and not options.child:
        parser.error("a try must not replace the results that the notebook reads: give --out")
    return options


def _read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _in_a_fresh_process(name, recipe, seed, options):
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task.json"
        task.write_text(json.dumps([seed, asdict(recipe)]), "utf-8")
        command = [sys.executable, __file__, name, "--out", options.out, "--child", task]
        for option in ("per_class", "epochs"):
            if value := getattr(options, option):
                command += [f"--{option.replace('_', '-')}", value]
        subprocess.run([str(part) for part in command], check=True)
        return _read(task)


def _strategy(name, options):
    """Return a strategy, with at most as many epochs as the options say."""
    strategy = STRATEGIES[name]
    return replace(strategy, epochs=min(options.epochs or strategy.epochs, strategy.epochs))


def _keep(part, name, value, path):
    """Put one result into the file; two runs may write different strategies at a time."""
    kept = _read(path)
    kept[part][name] = value
    kept[part] = {name: kept[part][name] for name in STRATEGIES if name in kept[part]}
    _write(kept, path)


def _write(kept, path):
    """Write the results, a line an epoch."""
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    text = re.sub(r"\{\s+([^{}\[\]]*?)\s+\}", lambda m: "{" + _flat(m[1]) + "}", text)
    text = re.sub(r"\[\s+([^{}\[\]]*?)\s+\]", lambda m: "[" + _flat(m[1]) + "]", text)
    atomic_write_text(path, text + "\n")


def _flat(text):
    return " ".join(line.strip() for line in text.splitlines())


def _processor():
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _say(line):
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
