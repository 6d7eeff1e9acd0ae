"""How the bundled images are made, and that the bundled file is what the tool says it makes.

The tool is run on a small made-up package of colored squares; the real artwork needs a network.
"""

import dataclasses
import hashlib
import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from featlib.checks import FeatlibError

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("build_emoji10", ROOT / "tools/build_emoji10.py")
tool = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(tool)

SMALL = {"n_train": 8, "n_validation": 2}
SUBGROUPS = {
    "animal": "cat-face", "face": "face-hat", "food": "drink", "vehicle": "transport-air",
    "building": "place-building", "hand": "hands", "person": "person-role",
    "flag": "country-flag", "clock": "time", "sign": "keycap",
}  # fmt: skip


@pytest.fixture(scope="module")
def card():
    return json.loads((tool.ASSETS / "emoji10.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tensors():
    return load_file(tool.ASSETS / "emoji10.safetensors")


@pytest.fixture
def folders(tmp_path):
    """Return two small packages: five emoji a class, and two skin tones of each person."""
    entries = [
        entry(0x1F600 + 16 * i + k, subgroup, skin=name == "person")
        for i, (name, subgroup) in enumerate(SUBGROUPS.items())
        for k in range(5)
    ]
    return {vendor: write_package(tmp_path / vendor, vendor, entries) for vendor in tool.PACKAGES}


def entry(point, subgroup, *, skin=False):
    code = f"{point:X}"
    tones = ("1F3FB", "1F3FF") if skin else ()
    return {
        "name": f"EMOJI {code}",
        "short_name": f"emoji_{code}",
        "unified": code,
        "image": f"{code.lower()}.png",
        "subcategory": subgroup,
        "skin_variations": {
            tone: {"unified": f"{code}-{tone}", "image": f"{code.lower()}-{tone.lower()}.png"}
            for tone in tones
        },
    }


def write_package(folder, vendor, entries):
    images = folder / tool.PACKAGES[vendor].images
    images.mkdir(parents=True)
    for one in entries:
        for variant in (one, *one["skin_variations"].values()):
            color = hashlib.sha256(f"{vendor} {variant['unified']}".encode()).digest()[:3]
            picture = Image.new("RGBA", (64, 64))
            picture.paste((*color, 255), (8, 12, 56, 52))
            picture.save(images / variant["image"])
    (folder / "emoji.json").write_text(json.dumps(entries))
    return folder


# The bundled file


def test_the_bundled_set_is_balanced_on_both_sides(tensors):
    assert tensors["pixels"].shape == (1000, 3, 64, 64)
    assert tensors["pixels"].dtype == np.uint8
    for side, each in (("train", 80), ("validation", 20)):
        assert np.bincount(tensors["labels"][tensors[side]]).tolist() == [each] * 10
    rows = np.concatenate([tensors["train"], tensors["validation"]])
    assert sorted(rows) == list(range(1000))


def test_the_card_describes_the_file(card):
    file = tool.ASSETS / card["file"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == card["sha256"]
    assert file.stat().st_size == card["bytes"]
    assert card["classes"] == list(tool.CLASSES)
    assert card["seed"] == tool.SEED
    assert len(card["pictures"]) == 1000


def test_no_emoji_is_on_both_sides(card, tensors):
    groups = np.array([picture["group"] for picture in card["pictures"]])
    assert not set(groups[tensors["train"]]) & set(groups[tensors["validation"]])


def test_a_group_holds_every_tone_and_gender_of_its_emoji(card):
    """The group is recomputed here from the characters; only TWINS may join more."""
    group_of = {}
    for picture in card["pictures"]:
        code = "-".join(f"{ord(character):04X}" for character in picture["emoji"])
        group_of.setdefault(tool.group_key(code), set()).add(picture["group"])
    assert all(len(groups) == 1 for groups in group_of.values())


def test_validation_repeats_no_drawing(card, tensors):
    shown = [card["pictures"][i] for i in tensors["validation"]]
    assert len({(picture["emoji"], picture["vendor"]) for picture in shown}) == 200


def test_no_two_pictures_are_the_same(tensors):
    assert len({pixels.tobytes() for pixels in tensors["pixels"]}) == 1000


def test_validation_starts_with_a_cat_that_looks_at_the_reader(card, tensors):
    shown = [card["pictures"][i] for i in tensors["validation"]]
    assert shown[0]["name"] == "cat face"
    assert sum("cat" in picture["name"].split() for picture in shown) >= 3


def test_the_licenses_are_beside_the_file(card):
    text = (tool.ASSETS / "EMOJI10-LICENSES.md").read_text(encoding="utf-8")
    for source in card["sources"].values():
        name, version = source["package"].split("@")
        assert f"`{name}` {version}" in text
    for name in ("Apache-2.0", "CC-BY-4.0", "MIT"):
        assert f"(EMOJI10-LICENSE-{name}.txt)" in text
        assert (tool.ASSETS / f"EMOJI10-LICENSE-{name}.txt").stat().st_size > 1000


# No class can be told by its background


def backgrounds(n=1000):
    return np.stack([tool.background(tool.picture_rng(tool.SEED, row)) for row in range(n)])


def test_the_backgrounds_are_those_of_the_bundled_pictures(tensors):
    """Where no emoji is, the file shows what the seed gives: so the next test speaks of it."""
    pixels = tensors["pixels"].transpose(0, 2, 3, 1)
    same = (np.abs(pixels.astype(int) - backgrounds()) <= 1).all(3)
    assert same.mean((1, 2)).min() > 0.05
    assert same[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean() > 0.9  # corners are mostly free


def test_backgrounds_do_not_tell_the_class(tensors):
    """Ten classes: chance is 0.10, and 1000 pictures put two standard errors at 0.02."""
    coarse = backgrounds()[:, ::9, ::9].reshape(1000, -1) / 255
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01))
    guesses = cross_val_predict(model, coarse, tensors["labels"])
    assert np.mean(guesses == tensors["labels"]) < 0.13


def test_background_channels_stay_in_range():
    drawn = backgrounds(50)
    assert drawn.min() >= tool.CHANNELS[0]
    assert drawn.max() <= tool.CHANNELS[1]


# The split


@pytest.mark.parametrize(
    ("code", "group"),
    [
        ("1F408", "1F408"),
        ("1F468-200D-1F33E", "1F9D1-200D-1F33E"),  # a man farmer is a farmer
        ("1F469-1F3FD-200D-1F33E", "1F9D1-200D-1F33E"),
        ("1F9D1-1F3FF-200D-1F33E", "1F9D1-200D-1F33E"),
        ("1F937-1F3FB-200D-2640-FE0F", "1F937"),  # a woman who shrugs is a person who shrugs
        ("1F44B-1F3FC", "1F44B"),
        ("1F408-200D-2B1B", "1F408-200D-2B1B"),  # a black cat is not a cat
    ],
)
def test_group_key_forgets_tone_and_gender(code, group):
    assert tool.group_key(code) == group


def test_the_split_keeps_an_emoji_together(folders):
    for drawings in tool.read_drawings(folders).values():
        train, validation = tool.split(drawings, seed=3, n_validation=2)
        keys = [{d.group for group in side for d in group} for side in (train, validation)]
        assert not keys[0] & keys[1]
        assert len(keys[0] | keys[1]) == 5
        assert sum(len(group) for group in train + validation) == len(drawings)


def test_choose_takes_each_emoji_before_a_second_drawing(folders):
    groups, _ = tool.split(tool.read_drawings(folders)["person"], seed=3, n_validation=2)
    chosen = tool.choose(groups, 2 * len(groups), repeat=False)
    first, second = chosen[: len(groups)], chosen[len(groups) :]
    assert len({d.group for d in first}) == len(groups)
    assert [d.group for d in first] == [d.group for d in second]
    assert all(a.vendor != b.vendor for a, b in zip(first, second, strict=True))


def test_validation_never_repeats_a_drawing_to_fill_up(folders):
    groups, _ = tool.split(tool.read_drawings(folders)["clock"], seed=3, n_validation=2)
    with pytest.raises(FeatlibError, match="wanted 99 drawings"):
        tool.choose(groups, 99, repeat=False)
    assert len(tool.choose(groups, 99, repeat=True)) == 99


# The pictures


def test_two_runs_give_the_same_bytes(folders, tmp_path):
    for name in ("one", "two"):
        tool.write(*tool.build(folders, **SMALL), tmp_path / name)
    for file in ("emoji10.safetensors", "emoji10.json"):
        one, two = (tmp_path / name / file for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()


def test_the_order_of_files_does_not_matter(folders, tmp_path):
    expected, _ = tool.build(folders, **SMALL)
    for folder in folders.values():
        entries = json.loads((folder / "emoji.json").read_text())
        (folder / "emoji.json").write_text(json.dumps(entries[::-1]))
    turned = dict(reversed(folders.items()))
    pixels, _ = tool.build(turned, **SMALL)
    np.testing.assert_array_equal(pixels["pixels"], expected["pixels"])


def test_another_seed_gives_other_pictures(folders):
    one, two = (tool.build(folders, seed=seed, **SMALL)[0]["pixels"] for seed in (1, 2))
    assert (one != two).any((1, 2, 3)).all()


def test_rows_take_turns_by_class_and_training_comes_first(folders):
    tensors, pictures = tool.build(folders, **SMALL)
    assert tensors["labels"].tolist() == list(range(10)) * 10
    assert tensors["train"].tolist() == list(range(80))
    assert tensors["validation"].tolist() == list(range(80, 100))
    train, validation = ({d.group for d in rows} for rows in (pictures[:80], pictures[80:]))
    assert not train & validation


@pytest.mark.parametrize("row", range(20))
def test_an_emoji_is_whole_and_of_the_size_it_should_be(row):
    """A white square on backgrounds of at most 200: what is brighter is the emoji."""
    artwork = Image.new("RGBA", (64, 64))
    artwork.paste((255, 255, 255, 255), (10, 10, 40, 40))
    rng = tool.picture_rng(0, row)
    pixels = tool.draw(artwork, rng, mirror=False).min(2)
    behind = tool.background(tool.picture_rng(0, row)).min(2)
    ys, xs = np.nonzero(pixels != behind)
    longer = max(np.ptp(ys), np.ptp(xs)) + 1
    assert tool.SIZES[0] - 2 <= longer <= tool.SIZES[1]


def test_only_some_classes_are_mirrored(folders):
    """Half red, half blue: unmirrored, red stays on the left."""
    artwork = Image.new("RGBA", (64, 64), (0, 0, 255, 255))
    artwork.paste((255, 0, 0, 255), (0, 0, 32, 64))

    def red_is_left(row, mirror):
        pixels = tool.draw(artwork, tool.picture_rng(0, row), mirror=mirror).astype(int)
        red = pixels[..., 0] - pixels[..., 2] > 250
        blue = pixels[..., 2] - pixels[..., 0] > 250
        return np.nonzero(red)[1].mean() < np.nonzero(blue)[1].mean()

    assert all(red_is_left(row, mirror=False) for row in range(40))
    assert 10 < sum(red_is_left(row, mirror=True) for row in range(40)) < 30
    assert not {"sign", "flag", "clock", "building"} & tool.MIRRORED


# What is refused


def test_a_folder_that_is_no_package_is_refused(tmp_path, capsys):
    arguments = ["--noto", str(tmp_path), "--twemoji", str(tmp_path), "--output", str(tmp_path)]
    with pytest.raises(SystemExit) as stop:
        tool.main(arguments)
    assert stop.value.code == 1
    assert "emoji.json" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_package_with_another_checksum_is_refused(tmp_path, monkeypatch):
    package = tool.PACKAGES["noto"]

    def pack(command, **_):
        (tmp_path / f"{package.name}-{package.version}.tgz").write_bytes(b"something else")
        return dataclasses.make_dataclass("Done", ["returncode", "stderr"])(0, "")

    monkeypatch.setattr(shutil, "which", lambda _: "npm")
    monkeypatch.setattr(tool.subprocess, "run", pack)
    with pytest.raises(FeatlibError, match="SHA-256"):
        tool.fetch(package, tmp_path)
    assert not (tmp_path / package.name).exists()


def test_without_npm_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(FeatlibError, match=r"Install Node\.js.*--noto and --twemoji"):
        tool.fetch(tool.PACKAGES["noto"], tmp_path)
