"""Train the bundled ResNet18 from random weights, by the recipe of its card.

    python tools/pretrain_backbone.py --data tiny-imagenet-200 --out weights

Tiny ImageNet (http://cs231n.stanford.edu/tiny-imagenet-200.zip) is a subset of ImageNet, whose
images are provided for non-commercial research and education. The result is a float16 safetensors
file with torchvision's key names and a card beside it, both as `featlib.backbone` reads them:

    featlib run --weights weights/resnet18-tinyimagenet64.safetensors
"""

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision.models import resnet18
from torchvision.transforms import v2
from tqdm import tqdm

from featlib.engine.files import sha256
from featlib.preprocess import Transform, prepare
from featlib.weights import IMAGENET_TRANSFORM

SIZE = 64
TRANSFORM = Transform(IMAGENET_TRANSFORM.mean, IMAGENET_TRANSFORM.std, SIZE)
NAME = "resnet18-tinyimagenet64.safetensors"


@dataclass(frozen=True)
class Recipe:
    """The settings of a pretraining.

    Attributes
    ----------
    schedule : tuple of (int, int)
        Epochs and image size in pixels, in order: small images first save most of the time.
    batch_size : int
        Images a step.
    peak_rate : float
        The learning rate at `peak_at` of the run; it starts at a tenth and ends near zero.
    peak_at : float
        Where the peak is, as a share of the run.
    weight_decay : float
        On the weights of convolutions and of the final layer only.
    gentle_epochs : int
        The last epochs, in which crops are larger.
    seed : int
        Of the weights, the order and the augmentation.
    """

    schedule: tuple[tuple[int, int], ...] = ((5, 40), (5, 48), (3, 56), (4, 64))
    batch_size: int = 256
    peak_rate: float = 0.5
    peak_at: float = 0.15
    weight_decay: float = 1e-4
    gentle_epochs: int = 2
    seed: int = 0

    @property
    def epochs(self):
        """int: passes over the data."""
        return sum(epochs for epochs, _ in self.schedule)

    def sizes(self):
        """Return the image size of each epoch, in pixels."""
        return [size for epochs, size in self.schedule for _ in range(epochs)]


def read_tiny_imagenet(folder):
    """Read Tiny ImageNet's unpacked archive.

    Parameters
    ----------
    folder : pathlib.Path
        Holds ``wnids.txt``, ``words.txt``, ``train`` and ``val``.

    Returns
    -------
    train, validation : tuple of (torch.Tensor, torch.Tensor)
        uint8 N×3×64×64 and int64 N each.
    classes : list of dict
        ``wnid`` and ``name`` of each class number.
    """
    wnids = sorted((folder / "wnids.txt").read_text().split())
    number = {wnid: k for k, wnid in enumerate(wnids)}
    words = dict(line.split("\t") for line in (folder / "words.txt").read_text().splitlines())
    classes = [{"wnid": wnid, "name": words[wnid].split(",")[0]} for wnid in wnids]
    train = [
        (file, number[wnid])
        for wnid in wnids
        for file in sorted((folder / "train" / wnid / "images").glob("*.JPEG"))
    ]
    lines = (folder / "val" / "val_annotations.txt").read_text().splitlines()
    held_out = [
        (folder / "val" / "images" / name, number[wnid])
        for name, wnid, *_ in (line.split("\t") for line in lines)
    ]
    return _read_files(train), _read_files(held_out), classes


def augment(pixels, size, area, generator):
    """Vary a batch of images so that no epoch sees the same one twice.

    Parameters
    ----------
    pixels : torch.Tensor
        uint8 N×3×64×64.
    size : int
        Height and width that come out, in pixels.
    area : float
        The smallest share of the image that a crop may keep.
    generator : torch.Generator
        Where chance comes from.

    Returns
    -------
    torch.Tensor
        float32 N×3×S×S, preprocessed for the network.
    """
    n, device = len(pixels), pixels.device

    def draw(low, high, *shape):
        return low + (high - low) * torch.rand(n, *shape, generator=generator).to(device)

    # A random resized crop and a mirror, as one affine grid for the whole batch.
    keep, aspect = draw(area, 1), torch.exp(draw(-0.2877, 0.2877))  # aspect 3/4 to 4/3
    height = (keep / aspect).sqrt().clamp(max=1)
    width = (keep * aspect).sqrt().clamp(max=1)
    mirror = torch.where(draw(0, 1) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3, device=device)
    theta[:, 0, 0], theta[:, 0, 2] = width * mirror, (1 - width) * draw(-1, 1)
    theta[:, 1, 1], theta[:, 1, 2] = height, (1 - height) * draw(-1, 1)
    grid = nn.functional.affine_grid(theta, (n, 3, size, size), align_corners=False)
    images = nn.functional.grid_sample(pixels.float() / 255, grid, align_corners=False)
    brightness, gain = draw(0.7, 1.3, 1, 1, 1), draw(0.9, 1.1, 3, 1, 1)
    images = images * brightness * gain
    mean = images.mean((1, 2, 3), keepdim=True)
    images = mean + (images - mean) * draw(0.7, 1.3, 1, 1, 1)
    gray = v2.functional.rgb_to_grayscale(images, num_output_channels=3)
    images = torch.where(draw(0, 1, 1, 1, 1) < 0.1, gray, images).clamp(0, 1)
    return prepare(images, Transform(TRANSFORM.mean, TRANSFORM.std, size))


def train(data, recipe, n_classes, device="cpu"):
    """Train a ResNet18 from random weights.

    Parameters
    ----------
    data : tuple of (torch.Tensor, torch.Tensor)
        uint8 N×3×64×64 and int64 N.
    recipe : Recipe
        The settings.
    n_classes : int
        The number of classes.
    device : str
        Where to compute: ``cpu``, ``cuda`` or ``mps``.

    Returns
    -------
    torch.nn.Module
        torchvision's resnet18, in evaluation mode.
    """
    torch.manual_seed(recipe.seed)
    chance = torch.Generator().manual_seed(recipe.seed)
    network = resnet18(num_classes=n_classes).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(_parameter_groups(network, recipe), momentum=0.9, nesterov=True)
    steps_an_epoch = -(-len(data[0]) // recipe.batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        recipe.peak_rate,
        total_steps=recipe.epochs * steps_an_epoch,
        pct_start=recipe.peak_at,
        div_factor=10,
        final_div_factor=1000,
        cycle_momentum=False,
    )
    for epoch, size in enumerate(recipe.sizes()):
        area = 0.5 if epoch >= recipe.epochs - recipe.gentle_epochs else 0.3
        order = torch.randperm(len(data[0]), generator=chance).split(recipe.batch_size)
        bar = tqdm(order, f"epoch {epoch + 1}/{recipe.epochs}, {size} px", unit="batch")
        for rows in bar:
            images = augment(data[0][rows].to(device), size, area, chance)
            images = images.to(memory_format=torch.channels_last)
            with torch.autocast(device, dtype=torch.bfloat16):
                loss = cross_entropy(network(images), data[1][rows].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            bar.set_postfix(loss=f"{loss.item():.2f}")
    return network.eval().cpu()


@torch.inference_mode()
def accuracy(network, data, top=(1, 5)):
    """Measure how often the truth is among the highest outputs.

    Parameters
    ----------
    network : torch.nn.Module
        Takes float32 N×3×64×64.
    data : tuple of (torch.Tensor, torch.Tensor)
        uint8 N×3×64×64 and int64 N.
    top : tuple of int
        How many of the highest outputs count.

    Returns
    -------
    list of float
    """
    hits = torch.zeros(len(top))
    for rows in torch.arange(len(data[0])).split(256):
        logits = network(prepare(data[0][rows], TRANSFORM))
        best = logits.topk(max(top)).indices == data[1][rows, None]
        hits += torch.tensor([best[:, :n].any(1).sum() for n in top])
    return (hits / len(data[0])).tolist()


def save(network, classes, recipe, measured, seconds, folder):
    """Write the weights as float16, and their card.

    Parameters
    ----------
    network : torch.nn.Module
        A trained resnet18.
    classes : list of dict
        ``wnid`` and ``name`` of each class number.
    recipe : Recipe
        How it was trained.
    measured : list of float
        Top-1 and top-5 accuracy on the validation images.
    seconds : float
        How long training took.
    folder : pathlib.Path
        Made if need be.

    Returns
    -------
    pathlib.Path
        The weights file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {k: v.half() for k, v in network.state_dict().items() if v.is_floating_point()}
    save_file({k: v.contiguous() for k, v in state.items()}, folder / NAME)
    card = {
        "file": NAME,
        "sha256": sha256(folder / NAME),
        "bytes": (folder / NAME).stat().st_size,
        "architecture": f"torchvision.models.resnet18, num_classes={len(classes)}",
        "mean": TRANSFORM.mean,
        "std": TRANSFORM.std,
        "size": TRANSFORM.size,
        "trained_on": "Tiny ImageNet, from random initialization",
        "top1": measured[0],
        "top5": measured[1],
        "recipe": asdict(recipe) | {"seconds": round(seconds), "torch": torch.__version__},
        "classes": classes,
    }
    (folder / NAME).with_suffix(".json").write_text(json.dumps(card, indent=1), encoding="utf-8")
    return folder / NAME


def main(arguments=None):
    """Train, measure, save."""
    parser = argparse.ArgumentParser(
        description="Train the bundled ResNet18 on Tiny ImageNet from random weights.",
        epilog="On a GPU this takes minutes, on two CPU cores about 100 minutes.",
    )
    parser.add_argument("--data", type=Path, required=True, help="the unpacked archive's folder")
    parser.add_argument("--out", type=Path, default=Path("weights"), help="folder for the result")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order and augmentation")
    options = parser.parse_args(arguments)
    data, held_out, classes = read_tiny_imagenet(options.data)
    recipe, started = Recipe(seed=options.seed), time.perf_counter()
    network = train(data, recipe, len(classes), options.device)
    seconds = time.perf_counter() - started
    measured = accuracy(network, held_out)
    path = save(network, classes, recipe, measured, seconds, options.out)
    print(f"top-1 {measured[0]:.1%}, top-5 {measured[1]:.1%} in {seconds:.0f} s: {path}")


def _read_files(entries):
    pixels = torch.empty(len(entries), 3, SIZE, SIZE, dtype=torch.uint8)
    for i, (file, _) in enumerate(tqdm(entries, "reading", unit="image", delay=2)):
        with Image.open(file) as image:
            pixels[i] = v2.functional.pil_to_tensor(image.convert("RGB"))
    return pixels, torch.tensor([label for _, label in entries])


def _parameter_groups(network, recipe):
    """Split off what should not decay: biases and BatchNorm."""
    decaying = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    return [
        {"params": decaying, "weight_decay": recipe.weight_decay, "lr": recipe.peak_rate},
        {"params": others, "weight_decay": 0.0, "lr": recipe.peak_rate},
    ]


if __name__ == "__main__":
    main()
