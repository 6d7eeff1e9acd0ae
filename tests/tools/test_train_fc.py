"""The recipe of the final layer, as a program: run here on a made-up Tiny ImageNet."""

import dataclasses
import json

import pytest
import torch
import train_fc as tool
from helpers import seeded
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from featlib import backbone, features, weights
from featlib.checks import FeatlibError

# The tool makes what is bundled: it runs when that changes, and its tests each week.
pytestmark = pytest.mark.long

# Not in the order of the alphabet: the card's order counts.
COLORS = {"n03": (220, 40, 40), "n01": (40, 40, 220), "n02": (40, 220, 40)}
SIZES = (64, 160)


@pytest.fixture
def data(tmp_path):
    """Return a folder of Tiny ImageNet's layout: three classes, one color each, noisy."""
    root = tmp_path / "tiny-imagenet-200"
    (root / "val" / "images").mkdir(parents=True)
    lines = []
    for place, (wnid, color) in enumerate(COLORS.items()):
        (root / "train" / wnid / "images").mkdir(parents=True)
        for k in range(6):
            picture(color, k).save(root / "train" / wnid / "images" / f"{wnid}_{k}.JPEG")
        for k in range(2):
            name = f"val_{2 * place + k}.JPEG"
            picture(color, 100 + k).save(root / "val" / "images" / name)
            lines.append(f"{name}\t{wnid}\t0\t0\t62\t62\n")
    (root / "val" / "val_annotations.txt").write_text("".join(lines))
    return root


def picture(color, seed, side=64):
    noise = torch.randn(side, side, 3, generator=seeded(seed)) * 40 + torch.tensor(color)
    return Image.fromarray(noise.clamp(0, 255).byte().numpy())


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Return the bundled network with a card that names three classes."""
    path = tmp_path_factory.mktemp("source") / "small.safetensors"
    state = load_file(weights.BUNDLED)
    state |= {"fc.weight": torch.zeros(3, 512).half(), "fc.bias": torch.zeros(3).half()}
    save_file(state, path)
    classes = [{"wnid": wnid, "name": f"color {wnid}"} for wnid in COLORS]
    card = {"classes": classes, "sha256": tool.sha256(path), "license": "kept", "top1": 0}
    path.with_suffix(".json").write_text(json.dumps(card))
    return path


def test_the_recipe_is_the_one_on_the_card():
    card = json.loads(weights.BUNDLED.with_suffix(".json").read_text(encoding="utf-8"))
    assert str(tool.Recipe()) == card["fc_recipe"]
    other = tool.Recipe((32, 48), 2, 8, 0.1, 0.2, 3)
    assert not {"64", "15", "1024", "0.002", "0.01", "seed 0"} & set(str(other).split())
    assert all(f"{word}" in str(other) for word in ("32 px and 48 px", "2 epochs", "of 8", "0.1"))


def test_reading_gives_pictures_and_labels_in_the_order_of_the_card(data):
    training, validation = tool.read_tiny_imagenet(data, list(COLORS))
    assert (training.pixels.shape, training.pixels.dtype) == ((18, 3, 64, 64), torch.uint8)
    assert training.labels.tolist() == [0] * 6 + [1] * 6 + [2] * 6
    assert validation.labels.tolist() == [0, 0, 1, 1, 2, 2]
    for pixels, labels in (training, validation):
        middle = pixels.float().mean((2, 3))
        due = torch.tensor(list(COLORS.values()))[labels].float()
        assert (middle - due).abs().max() < 20


def test_gray_pictures_are_read_as_the_same_in_each_color(data):
    file = next((data / "train" / "n03" / "images").iterdir())
    Image.new("L", (64, 64), 77).save(file)
    (pixels, _), _ = tool.read_tiny_imagenet(data, list(COLORS))
    assert (pixels.flatten(1) == 77).all(1).sum() == 1


def test_the_folded_layer_gives_what_standardizing_and_the_layer_give():
    torch.manual_seed(0)
    rows = torch.randn(40, 8, generator=seeded()) * torch.logspace(-1, 1, 8) + torch.arange(8)
    layer = nn.Linear(8, 3)
    before = {name: part.clone() for name, part in layer.state_dict().items()}
    mean, std = tool.standardization(rows)
    due = layer((rows - mean) / std)
    assert not torch.allclose(layer(rows), due, atol=0.1)
    torch.testing.assert_close(tool.fold(layer, mean, std)(rows), due, rtol=1e-4, atol=1e-4)
    assert all(torch.equal(before[name], part) for name, part in layer.state_dict().items())


def test_training_returns_the_folded_layer(blobs, monkeypatch):
    rows, labels = blobs[0] * 3 + 5, blobs[1]
    folds = []
    monkeypatch.setattr(tool, "fold", lambda *parts: folds.append(parts) or nn.Identity())
    assert isinstance(tool.train(rows, labels, 3, tool.Recipe(epochs=2)), nn.Identity)
    [(_, mean, std)] = folds
    torch.testing.assert_close(mean, rows.mean(0))
    torch.testing.assert_close(std, rows.std(0, correction=0))


def test_standardized_features_have_mean_0_and_std_1():
    rows = torch.rand(50, 4, generator=seeded()) * 9 + 5
    mean, std = tool.standardization(rows)
    even = (rows - mean) / std
    torch.testing.assert_close(even.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(even.square().mean(0), torch.ones(4))


def test_a_feature_that_never_changes_does_no_harm(blobs):
    rows, labels = blobs
    rows = torch.cat([rows, torch.full((len(rows), 1), 3.0)], 1)
    layer = tool.train(rows, labels, 3, tool.Recipe(epochs=3, batch_size=30))
    assert all(part.half().isfinite().all() for part in layer.state_dict().values())


def test_training_learns_and_gives_the_same_again(blobs):
    rows, labels = blobs
    recipe = tool.Recipe(epochs=8, batch_size=30, learning_rate=0.05)
    layer = tool.train(rows, labels, 3, recipe)
    assert tool.accuracy(layer, rows, labels, 1) > 0.95
    again = tool.train(rows, labels, 3, recipe)
    other = tool.train(rows, labels, 3, dataclasses.replace(recipe, seed=1))
    assert torch.equal(layer.weight, again.weight)
    assert not torch.equal(layer.weight, other.weight)


def test_the_rate_falls_by_a_cosine_over_all_steps(blobs, monkeypatch):
    rates = []

    class Watched(torch.optim.AdamW):
        def step(self, *arguments, **named):
            rates.append(self.param_groups[0]["lr"])
            assert self.param_groups[0]["weight_decay"] == 0.3
            return super().step(*arguments, **named)

    monkeypatch.setattr(torch.optim, "AdamW", Watched)
    rows, labels = blobs  # 90 rows: three steps an epoch
    tool.train(rows, labels, 3, tool.Recipe(epochs=4, batch_size=40, weight_decay=0.3))
    due = 0.002 * (1 + torch.cos(torch.pi * torch.arange(12) / 12)) / 2
    torch.testing.assert_close(torch.tensor(rates), due)


def test_accuracy_counts_labels_among_the_highest_outputs():
    layer = nn.Linear(3, 3, bias=False)
    layer.load_state_dict({"weight": torch.eye(3)})
    rows = torch.tensor([[3.0, 2, 1], [3, 2, 1], [3, 2, 1], [1, 2, 3]])
    labels = torch.tensor([0, 1, 2, 2])
    found = [tool.accuracy(layer, rows, labels, top) for top in (1, 2, 3, 5)]
    assert found == [0.5, 0.75, 1, 1]


def test_the_program_learns_and_its_file_loads_with_featlib(
    data, source, tmp_path, capsys, monkeypatch
):
    quick = tool.Recipe(batch_size=12, learning_rate=0.02)
    monkeypatch.setattr(tool, "Recipe", lambda: quick)
    out = tmp_path / "made" / "weights"
    assert tool.main(["--data", str(data), "--weights", str(source), "--out", str(out)]) == 0
    said = capsys.readouterr().out.splitlines()
    path = out / "small.safetensors"
    assert said[-1] == str(path)

    loaded = backbone.resnet18(path)
    assert loaded.classes == ("color n03", "color n01", "color n02")
    assert loaded.fc.weight.abs().max() > 0
    _, (pixels, labels) = tool.read_tiny_imagenet(data, list(COLORS))
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    for size, words, name in zip(SIZES, said, ("top1", "top1_enlarged_to_160"), strict=False):
        rows = features.extract(pixels, weights.read_weights(path).at(size))
        right = (loaded.fc(rows).argmax(1) == labels).float().mean().item()
        assert words == f"{size} pixels: top-1 {right:.4f}, top-5 1.0000"
        assert card[name] == round(right, 4)
    assert card["top1"] == 1
    assert (card["license"], card["fc_recipe"], card["top5"]) == ("kept", str(quick), 1)

    before, after = load_file(source), load_file(path)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[k], after[k]) for k in after if not k.startswith("fc."))
    assert after["fc.weight"].dtype == after["fc.bias"].dtype == torch.float16


def test_it_trains_on_both_sizes_and_measures_the_rounded_layer_at_each(
    data, source, tmp_path, monkeypatch
):
    seen, layer = [], nn.Linear(512, 3)
    monkeypatch.setattr(tool, "train", lambda *parts: seen.append(parts) or layer)
    monkeypatch.setattr(tool, "accuracy", lambda *parts: seen.append(parts) or 0.0)
    tool.run(data, source, tmp_path, tool.Recipe())
    [(rows, labels, n_classes, _), *measured] = seen
    training, validation = tool.read_tiny_imagenet(data, list(COLORS))
    network = weights.read_weights(source)

    def due(pixels, size):
        return features.extract(pixels, network.at(size), cache=False)

    both = torch.cat([due(training.pixels, size) for size in SIZES])
    torch.testing.assert_close(rows, both, rtol=1e-4, atol=1e-4)
    assert torch.equal(labels, torch.cat([training.labels] * 2))
    assert n_classes == 3
    tops = [(size, top) for size in SIZES for top in (1, 5)]
    for (size, top), found in zip(tops, measured, strict=True):
        torch.testing.assert_close(found[1], due(validation.pixels, size), rtol=1e-4, atol=1e-4)
        assert torch.equal(found[0].weight, layer.weight.half().float())
        assert torch.equal(found[2], validation.labels)
        assert found[3] == top


def test_a_folder_that_cannot_be_written_is_refused_before_the_training(
    data, source, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(tool.features, "extract", None)
    out = tmp_path / "occupied"
    out.write_text("no folder")
    assert tool.main(["--data", str(data), "--weights", str(source), "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert out.name in said
    assert said.count("\n") == 1


def test_what_is_measured_is_what_float16_holds():
    layer = nn.Linear(5, 2)
    kept = tool.rounded(layer)
    assert kept.weight.dtype == torch.float32
    assert torch.equal(kept.weight, layer.weight.half().float())
    assert not torch.equal(kept.weight, layer.weight)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda root: root.rename(root.with_name("elsewhere")), "tiny-imagenet-200"),
        (lambda root: (root / "train").rename(root / "training"), "pictures *.JPEG in"),
        (lambda root: (root / "train/n01").rename(root / "train/n09"), "n01"),
        (lambda root: (root / "val/val_annotations.txt").unlink(), "nothing there"),
        (lambda root: (root / "val/val_annotations.txt").write_text(""), "an empty file"),
        (
            lambda root: (root / "val/val_annotations.txt").write_text("val_0.JPEG\tn09\t0\n"),
            "the card's 3 classes in line 1 of",
        ),
        (lambda root: (root / "val/val_annotations.txt").write_text("val_0.JPEG"), "got ''"),
        (lambda root: (root / "val/images/val_3.JPEG").unlink(), "val_3.JPEG"),
        (lambda root: (root / "val/images/val_3.JPEG").write_text("no picture"), "val_3.JPEG"),
        (
            lambda root: picture((9, 9, 9), 0, 96).save(root / "train/n02/images/n02_0.JPEG"),
            "got 96×96",
        ),
    ],
    ids=[
        "no folder",
        "no train",
        "a class missing",
        "no annotations",
        "empty annotations",
        "unknown class",
        "no class",
        "a picture missing",
        "no picture",
        "another size",
    ],
)
def test_another_folder_is_refused_in_one_line(data, source, tmp_path, capsys, spoil, words):
    spoil(data)
    out = tmp_path / "made"
    assert tool.main(["--data", str(data), "--weights", str(source), "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert not out.exists()


def test_weights_without_named_classes_are_refused(data, source, tmp_path):
    bare = tmp_path / "bare.safetensors"
    bare.write_bytes(source.read_bytes())
    with pytest.raises(FeatlibError, match="each with a 'wnid', in the card"):
        tool.run(data, bare, tmp_path, tool.Recipe())


def test_weights_of_another_format_are_refused_before_the_work(data, source, tmp_path):
    other = tmp_path / "small.pt"
    torch.save(load_file(source), other)
    with pytest.raises(FeatlibError, match=r"weights in a \.safetensors file"):
        tool.run(data, other, tmp_path, tool.Recipe())


def test_the_help_states_recipe_data_and_time(capsys):
    with pytest.raises(SystemExit, match="0"):
        tool.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in ("AdamW, rate 0.002", "tiny-imagenet-200.zip", "one to two hours", "val/images"):
        assert words in said
