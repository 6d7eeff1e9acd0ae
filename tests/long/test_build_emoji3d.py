"""How emoji3d is made, and that the bundled file is what the tool says it makes.

The tool is run on a small made-up package of colored squares; the real artwork needs a network.
"""

import hashlib
import io
import json
import zipfile

import build_emoji3d as tool
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from featlib.checks import FeatlibError

ANIMALS = ["1F431", "1F436", "1F43A", "1F981", "1F98A"]
HANDS = ["270B-1F3FC", "270B-1F3FD", "1F44D", "1F44E", "1F44A"]
FLAGS = ["1F1E9-1F1EA", "1F1EB-1F1F7", "1F1EE-1F1F9", "1F1EF-1F1F5", "1F1F3-1F1F4"]


@pytest.fixture(scope="module")
def card():
    return json.loads((tool.ASSETS / "emoji3d.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def archive():
    with zipfile.ZipFile(tool.ASSETS / "emoji3d.zip") as opened:
        yield opened


@pytest.fixture(scope="module")
def emoji10():
    return json.loads((tool.ASSETS / "emoji10.json").read_text(encoding="utf-8"))


def characters(code):
    return "".join(chr(int(point, 16)) for point in code.split("-"))


@pytest.fixture
def small_card():
    """A card of emoji10's kind: three classes that take turns, four rows of each for training."""
    rows = list(zip(ANIMALS, HANDS, FLAGS, strict=True))
    return {
        "sha256": "that of emoji10",
        "classes": ["animal", "hand", "flag"],
        "pictures": [
            {"emoji": characters(code), "name": f"name of {code}", "group": code.split("-")[0]}
            for row in rows
            for code in row
        ],
    }


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small package whose pictures are squares, each of a color of its own."""
    folder = tmp_path / "package"
    images = folder / tool.PACKAGE.images
    images.mkdir(parents=True)
    about = {"name": tool.PACKAGE.name, "version": tool.PACKAGE.version}
    (folder / "package.json").write_text(json.dumps(about))
    for code in (*ANIMALS, *HANDS, *FLAGS):
        square(color_of(code)).save(images / f"{code.lower()}.webp", lossless=True)
    monkeypatch.setattr(tool, "CONTENT", tool.digest(images))
    return folder


def color_of(code):
    return tuple(hashlib.sha256(code.encode()).digest()[:3])


def square(color, size=(256, 256)):
    picture = Image.new("RGBA", size)
    picture.paste((*color, 255), (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
    return picture


def middle_of(container, name):
    with zipfile.ZipFile(io.BytesIO(container)) as opened:
        picture = Image.open(io.BytesIO(opened.read(name)))
    return np.array(picture.getpixel((128, 128)), int)


# The bundled file


def test_the_card_describes_the_file(card):
    content = (tool.ASSETS / card["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["sha256"]
    assert len(content) == card["bytes"] <= 4_000_000
    assert card["seed"] == tool.SEED
    assert card["source"]["package"] == "@lobehub/fluent-emoji-3d@1.1.0"
    assert card["source"]["sha256"] == tool.PACKAGE.sha256


def test_the_card_lists_what_is_in_the_file(card, archive):
    assert archive.namelist() == [picture["file"] for picture in card["pictures"]]
    assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert archive.testzip() is None


def test_every_picture_is_rgb_of_256_pixels_and_no_two_are_the_same(card, archive):
    seen = set()
    for picture in card["pictures"]:
        with Image.open(io.BytesIO(archive.read(picture["file"]))) as image:
            assert (image.format, image.mode, image.size) == ("WEBP", "RGB", (256, 256))
            seen.add(image.tobytes())
    assert len(seen) == len(card["pictures"])


def test_file_name_code_and_emoji_say_the_same(card):
    for picture in card["pictures"]:
        assert picture["code"] == tool.code_of(picture["emoji"])
        name = f"{card['classes'][picture['label']]}/{picture['code'].lower()}.webp"
        assert picture["file"] == name


def test_labels_names_and_split_are_those_of_emoji10(card, emoji10):
    """The sides are read from the file of emoji10 itself, not as the tool computes them."""
    tensors = load_file(tool.ASSETS / emoji10["file"])
    validation = set(tensors["validation"].tolist())
    expected = {}
    for row, picture in enumerate(emoji10["pictures"]):
        name = emoji10["classes"][tensors["labels"][row]]
        fields = (name, picture["name"], picture["group"], row in validation)
        assert expected.setdefault(picture["emoji"], fields)[2:] == fields[2:]
    for picture in card["pictures"]:
        found = (card["classes"][picture["label"]], picture["name"], picture["group"])
        assert (*found, picture["validation"]) == expected[picture["emoji"]]
    left_out = {picture["emoji"] for picture in card["left_out"]}
    shown = {picture["emoji"] for picture in card["pictures"]}
    assert not shown & left_out
    assert shown | left_out == set(expected)
    assert card["emoji10"] == emoji10["sha256"]


def test_no_emoji_is_on_both_sides(card):
    sides = {True: set(), False: set()}
    for picture in card["pictures"]:
        sides[picture["validation"]].add(picture["group"])
    assert sides[True]
    assert sides[False]
    assert not sides[True] & sides[False]


def test_no_drawing_is_on_both_sides_under_two_names(card, archive):
    """Away from the background, each validation picture differs from each training picture."""
    middles = {True: [], False: []}
    for picture in card["pictures"]:
        with Image.open(io.BytesIO(archive.read(picture["file"]))) as image:
            middle = image.crop((64, 64, 192, 192)).reduce(4)
        middles[picture["validation"]].append(np.asarray(middle, float).ravel())
    train = np.stack(middles[False])
    nearest = [np.abs(train - middle).mean(1).min() for middle in middles[True]]
    assert min(nearest) > 3.5  # levels of 255; the cat face under its two names is at 2.6


def test_nine_classes_are_on_both_sides_each_with_ten_pictures_or_more(card, emoji10):
    assert card["classes"] == [name for name in emoji10["classes"] if name != "flag"]
    for side in (False, True):
        labels = [p["label"] for p in card["pictures"] if p["validation"] is side]
        assert np.bincount(labels, minlength=9).min() >= 10


def test_nothing_that_is_left_out_is_in_the_file(card, emoji10):
    listed = [code for _, codes in tool.LEFT_OUT for code in codes.split()]
    assert len(set(listed)) == len(listed)
    assert set(listed) <= {tool.code_of(p["emoji"]) for p in emoji10["pictures"]}  # none is stale
    assert not set(listed) & {picture["code"] for picture in card["pictures"]}
    reasons = {tool.code_of(picture["emoji"]): picture["reason"] for picture in card["left_out"]}
    for reason, codes in tool.LEFT_OUT:
        assert {reasons[code] for code in codes.split()} == {reason}
    assert set(reasons.values()) == {
        *tool.CLASSES_LEFT_OUT.values(),
        *(reason for reason, _ in tool.LEFT_OUT),
        "the package has no rendering of it",
    }
    letters = {chr(point) for point in range(0x1F1E6, 0x1F200)}  # two of them make a flag
    assert not any(letters & set(picture["emoji"]) for picture in card["pictures"])


def test_skin_tones_are_as_their_names_say(card, archive):
    """The middle of a hand gets darker from tone to tone; the package has two interchanged."""
    brightness = {}
    for picture in card["pictures"]:
        tone = picture["code"].split("-")[-1]
        if picture["label"] == card["classes"].index("hand") and tone.startswith("1F3F"):
            with Image.open(io.BytesIO(archive.read(picture["file"]))) as image:
                pixels = np.asarray(image.crop((96, 96, 160, 160)), float)
            brightness.setdefault(tone, []).append(pixels.mean())
    tones = [np.median(brightness[tone]) for tone in sorted(brightness)]
    assert len(tones) == 5
    assert tones == sorted(tones, reverse=True)


def test_the_licenses_are_beside_the_file(card):
    text = (tool.ASSETS / "EMOJI3D-LICENSES.md").read_text(encoding="utf-8")
    name, version = card["source"]["package"].rsplit("@", 1)
    assert f"`{name}` {version}" in text
    assert "(EMOJI3D-LICENSE-MIT.txt)" in text
    mit = (tool.ASSETS / "EMOJI3D-LICENSE-MIT.txt").read_text(encoding="utf-8")
    assert "Copyright (c) Microsoft Corporation." in mit
    assert "Copyright (c) 2023 LobeHub" in mit
    assert "Permission is hereby granted" in mit


# The tool on a made-up package


def test_two_runs_give_the_same_bytes(package, small_card, tmp_path):
    for name in ("one", "two"):
        tool.write(*tool.build(package, small_card), tmp_path / name)
    for file in ("emoji3d.zip", "emoji3d.json"):
        one, two = (tmp_path / name / file for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    card = json.loads((tmp_path / "one" / "emoji3d.json").read_text(encoding="utf-8"))
    content = (tmp_path / "one" / card["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["sha256"]


def test_the_container_does_not_depend_on_the_machine(monkeypatch):
    files = {"a/1.webp": b"one", "b/2.webp": b"two"}
    expected = tool.pack(files)
    monkeypatch.setattr("sys.platform", "win32")
    monkeypatch.setattr("time.localtime", lambda *_: (2031, 5, 6, 7, 8, 9, 0, 0, 0))
    assert tool.pack(files) == expected


def test_the_split_follows_emoji10(package, small_card):
    _, card = tool.build(package, small_card)
    sides = {picture["code"]: picture["validation"] for picture in card["pictures"]}
    assert sides == {code: i == 4 for codes in (ANIMALS, HANDS) for i, code in enumerate(codes)}
    labels = {picture["code"]: picture["label"] for picture in card["pictures"]}
    assert labels == {code: k for k, codes in enumerate((ANIMALS, HANDS)) for code in codes}


def test_flags_listed_emoji_and_missing_ones_are_left_out_with_their_reason(
    package, small_card, monkeypatch
):
    monkeypatch.setattr(tool, "LEFT_OUT", [("not a fox", "1F98F 1F43A")])
    (package / tool.PACKAGE.images / "1f436.webp").unlink()
    _, card = tool.build(package, small_card)
    assert card["classes"] == ["animal", "hand"]
    reasons = {tool.code_of(picture["emoji"]): picture["reason"] for picture in card["left_out"]}
    flags = dict.fromkeys(FLAGS, tool.CLASSES_LEFT_OUT["flag"])
    assert reasons == flags | {"1F43A": "not a fox", "1F436": "the package has no rendering of it"}
    assert not set(reasons) & {picture["code"] for picture in card["pictures"]}


def test_the_two_interchanged_skin_tones_are_put_right(package, small_card):
    container, _ = tool.build(package, small_card)
    for shown, drawn in (("270B-1F3FC", "270B-1F3FD"), ("270B-1F3FD", "270B-1F3FC")):
        middle = middle_of(container, f"hand/{shown.lower()}.webp")
        assert np.abs(middle - color_of(drawn)).max() < 12  # WebP loses a little


def test_a_file_with_the_picture_style_in_its_name_is_found(package, small_card):
    images = package / tool.PACKAGE.images
    (images / "1f44d.webp").rename(images / "1f44d-fe0f.webp")
    small_card["pictures"][7]["emoji"] = characters("1F44D-FE0F")
    _, card = tool.build(package, small_card)
    assert "hand/1f44d.webp" in [picture["file"] for picture in card["pictures"]]


def test_a_picture_that_is_not_square_is_neither_cut_nor_stretched():
    picture = np.asarray(tool.draw(square((0, 0, 0), (256, 264)), "1F431"))
    ys, xs = np.nonzero(picture.max(2) < 60)
    assert abs(np.ptp(xs) + 1 - 128 * 256 / 264) <= 2
    assert abs(np.ptp(ys) + 1 - 128) <= 2
    assert abs(xs.mean() - 127.5) <= 1


def test_the_background_is_of_emoji10s_kind_and_known_from_seed_and_code():
    empty = Image.new("RGBA", (256, 256))
    pixels = [
        np.asarray(tool.draw(empty, code, seed=seed))
        for code, seed in (("1F431", 3), ("1F431", 3), ("1F436", 3), ("1F431", 4))
    ]
    assert (pixels[0] == pixels[1]).all()
    assert (pixels[0] != pixels[2]).any()
    assert (pixels[0] != pixels[3]).any()
    assert min(p.min() for p in pixels) >= 120
    assert max(p.max() for p in pixels) <= 255


def test_the_command_writes_file_card_and_sheets(package, small_card, tmp_path, capsys):
    emoji10 = tmp_path / "emoji10.json"
    emoji10.write_text(json.dumps(small_card))
    out, sheets = tmp_path / "out", tmp_path / "sheets"
    arguments = [str(package), "--out", str(out), "--emoji10", str(emoji10)]
    tool.main([*arguments, "--sheets", str(sheets)])
    card = json.loads((out / "emoji3d.json").read_text(encoding="utf-8"))
    assert card["sha256"] in capsys.readouterr().out
    assert sorted(file.name for file in sheets.iterdir()) == ["animal.png", "hand.png"]


# What is refused


def other_version(folder):
    about = {"name": tool.PACKAGE.name, "version": "1.0.0"}
    (folder / "package.json").write_text(json.dumps(about))


def other_package(folder):
    about = {"name": "@lobehub/fluent-emoji-flat", "version": "1.1.0"}
    (folder / "package.json").write_text(json.dumps(about))


def broken_json(folder):
    (folder / "package.json").write_text("{")


def no_object(folder):
    (folder / "package.json").write_text("[]")


def no_package_json(folder):
    (folder / "package.json").unlink()


def altered_picture(folder):
    square((1, 2, 3)).save(folder / tool.PACKAGE.images / "1f431.webp", lossless=True)


def picture_too_many(folder):
    square((1, 2, 3)).save(folder / tool.PACKAGE.images / "1f432.webp", lossless=True)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (other_version, "got @lobehub/fluent-emoji-3d@1.0.0"),
        (other_package, "got @lobehub/fluent-emoji-flat@1.1.0"),
        (broken_json, "cannot be read"),
        (no_object, "cannot be read"),
        (no_package_json, "without package.json"),
        (altered_picture, "images with SHA-256"),
        (picture_too_many, "images with SHA-256"),
    ],
)
def test_a_wrong_package_is_refused_and_nothing_written(package, tmp_path, capsys, spoil, words):
    spoil(package)
    with pytest.raises(SystemExit) as stop:
        tool.main([str(package), "--out", str(tmp_path / "out")])
    assert stop.value.code == 1
    said = capsys.readouterr().err
    assert words in said
    assert "npm pack @lobehub/fluent-emoji-3d@1.1.0" in said
    assert not (tmp_path / "out").exists()


def test_a_class_without_pictures_on_one_side_is_refused(package, small_card):
    (package / tool.PACKAGE.images / "1f98a.webp").unlink()  # the only animal in validation
    with pytest.raises(FeatlibError, match="validation pictures of 'animal'"):
        tool.build(package, small_card)


def test_help_names_the_package_and_an_example(capsys):
    with pytest.raises(SystemExit) as stop:
        tool.main(["--help"])
    assert stop.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "npm pack @lobehub/fluent-emoji-3d@1.1.0" in said
    assert "python tools/build_emoji3d.py package" in said
