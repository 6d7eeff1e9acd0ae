"""Build emoji10, the bundled image set: ten classes of 100 pictures, made from two emoji artworks.

The steps, one function each: fetch the two packages, read their drawings, split the emoji of each
class, choose the drawings, put each on a background, write the file and its card.

Nothing depends on the order of files or dictionaries: whatever is shuffled is sorted by a hash of
its name and the seed, and each picture has a random generator of its own, seeded by its row.
"""

import argparse
import hashlib
import json
import math
import random
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from itertools import chain, cycle, islice, zip_longest
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps
from safetensors.numpy import save

from featlib.checks import FeatlibError, refuse
from featlib.engine.files import atomic_write, atomic_write_text

# An ordinary seed: the lesson's linear layer is right on 0.80 of its validation pictures, as on the
# mean of the sets that twelve seeds make, and the cat that the lesson follows is among them.
SEED = 3
ASSETS = Path(__file__).parents[1] / "featlib" / "assets"
SIDE = 64  # pixels, of the artwork and of the pictures
SIZES = (48, 62)  # pixels, the longer side of the emoji in its picture
ROTATION = 12  # degrees, at most, either way
CHANNELS = (120, 255)  # of the background's two colors
TRAIN, VALIDATION = 80, 20  # pictures a class


@dataclass(frozen=True)
class Package:
    """One npm package of drawings."""

    name: str
    version: str
    sha256: str
    images: str
    artwork: str
    license: str


PACKAGES = {
    "noto": Package(
        "emoji-datasource-google",
        "16.0.0",
        "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
        "img/google/64",
        "Noto Emoji, Google",
        "Apache-2.0 (artwork), MIT (package)",
    ),
    "twemoji": Package(
        "emoji-datasource-twitter",
        "16.0.0",
        "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
        "img/twitter/64",
        "Twemoji, Twitter and contributors",
        "CC-BY-4.0 (artwork), MIT (package)",
    ),
}

# Each class is a few of Unicode's own subgroups. A name that ends in - takes all that start so.
CLASSES = {
    "animal": ["animal-", "cat-face", "monkey-face"],
    "face": [
        "face-smiling", "face-affection", "face-tongue", "face-neutral-skeptical", "face-sleepy",
        "face-unwell", "face-hat", "face-glasses", "face-concerned", "face-negative",
    ],
    "food": ["food-", "drink"],
    "vehicle": ["transport-air", "transport-ground", "transport-water"],
    "building": ["place-building", "place-religious"],
    "hand": ["hand-fingers-", "hand-single-finger", "hands"],
    "person": ["person", "person-role", "person-gesture", "person-fantasy"],
    "flag": ["country-flag"],
    "clock": ["time"],
    "sign": [
        "alphanum", "keycap", "zodiac", "transport-sign", "warning", "arrow", "av-symbol",
    ],
}  # fmt: skip

# A mirrored sign, flag or clock says something else, and so do letters on a house or a car.
MIRRORED = {"animal", "face", "food", "vehicle", "hand", "person"}
LETTERED = {
    "taxi", "oncoming_taxi", "police_car", "oncoming_police_car", "racing_car",
    "money_mouth_face", "sleeping", "face_with_symbols_on_mouth",
    "teacher", "male-teacher", "female-teacher",
}  # fmt: skip

# Left out, by short name: what is in a subgroup but is not what the class is called.
LEFT_OUT = {
    "animal": "feet feather wing spider_web microbe shell coral oyster pig_nose",
    "face": "skull skull_and_crossbones dotted_line_face",
    "food": "ice_cube salt baby_bottle bowl_with_spoon pouring_liquid",
    "vehicle": "seat busstop motorway railway_track oil_drum fuelpump wheel rotating_light "
    "traffic_light vertical_traffic_light octagonal_sign construction anchor ring_buoy parachute "
    "satellite roller_skate",
    "building": "bricks rock wood statue_of_liberty building_construction shinto_shrine",
    "hand": "middle_finger",
    # heads without hair or shoulders pass for faces; Noto's deaf persons are cut by the frame
    "person": "baby bald_man bald_woman bald_person deaf_person deaf_man deaf_woman troll "
    "genie male_genie female_genie",
    # flags that are drawn like another one (Norway's serves three territories)
    "flag": "flag-hm flag-bv flag-sj flag-cp flag-mf flag-dg flag-ea flag-um flag-sark flag-mc "
    "flag-td",
    "clock": "hourglass hourglass_flowing_sand",
    # words in a script that most readers cannot read, and pictures of a sun or a telephone
    "sign": "koko sa u6708 u6709 u6307 ideograph_advantage u5272 u7121 u7981 accept u7533 u5408 "
    "u7a7a congratulations secret u55b6 u6e80 low_brightness high_brightness vibration_mode",
}

# Emoji of two code points that are one drawing, turned, mirrored or with another face: the split
# takes them as one.
TWINS = [
    "rightwards_hand leftwards_hand",
    "rightwards_pushing_hand leftwards_pushing_hand",
    "right-facing_fist left-facing_fist",
    "point_right point_left",
    "hand raised_back_of_hand",
    "person_frowning person_with_pouting_face",
    "man woman adult",
    "boy girl child",
    "older_man older_woman older_adult",
    "prince princess person_with_crown",
    "santa mrs_claus mx_claus",
    "pregnant_woman pregnant_man pregnant_person",
    "breast-feeding person_feeding_baby",
    "imp smiling_imp",
    "smiley_cat smirk_cat",
    "airplane_departure airplane_arriving",
    "mountain_cableway aerial_tramway",
    "tram station",
    "manual_wheelchair motorized_wheelchair",
    "house house_with_garden",
    "hotel love_hotel",
    "bank classical_building",
]

# The lesson follows one validation picture through the network: a cat that looks at the reader.
# It and two more cats go to validation first, so the first animal of validation is that cat.
VALIDATION_FIRST = ["1F431", "1F408-200D-2B1B", "1F408"]

SKIN = {
    "1F3FB": "light",
    "1F3FC": "medium-light",
    "1F3FD": "medium",
    "1F3FE": "medium-dark",
    "1F3FF": "dark",
}
# The adult of any gender stands for man and woman, as in 1F9D1-200D-1F33E, a farmer.
GENDERS = {"1F468": "1F9D1", "1F469": "1F9D1"}
GENDER_SIGNS = {"2640", "2642"}
JOINER, PICTURE_STYLE = "200D", "FE0F"


@dataclass(frozen=True)
class Drawing:
    """One vendor's drawing of one emoji.

    Attributes
    ----------
    code : str
        Code points, hexadecimal, joined by ``-``.
    name, short_name : str
        Unicode's name, in small letters, and the package's own.
    vendor : {"noto", "twemoji"}
    group : str
        What the split keeps together: the code points without skin tone and gender.
    file : Path
    """

    code: str
    name: str
    short_name: str
    vendor: str
    group: str
    file: Path

    @property
    def emoji(self):
        """The characters themselves."""
        return "".join(chr(int(code, 16)) for code in self.code.split("-"))


def group_key(code):
    """Return the code points of an emoji without its skin tones and its gender.

    Parameters
    ----------
    code : str
        For example ``1F469-1F3FD-200D-1F33E``, a woman farmer of medium skin tone.

    Returns
    -------
    str
        For example ``1F9D1-200D-1F33E``, a farmer.
    """
    points = [p for p in code.split("-") if p not in SKIN and p != PICTURE_STYLE]
    if points[-1] in GENDER_SIGNS and len(points) > 2:
        points = points[:-2]  # the sign and the joiner before it
    if JOINER in points:
        points = [GENDERS.get(p, p) for p in points]
    return "-".join(points)


def rank(seed, name):
    """Return a number that sorts names at random, yet always the same way.

    Parameters
    ----------
    seed : int
    name : str

    Returns
    -------
    str
        SHA-256, hexadecimal.
    """
    return hashlib.sha256(f"{seed} {name}".encode()).hexdigest()


def fetch(package, folder):
    """Download one package with ``npm pack``, verify it, and unpack it.

    Parameters
    ----------
    package : Package
    folder : Path
        An existing folder to work in.

    Returns
    -------
    Path
        The folder that holds the package's ``emoji.json``.

    Raises
    ------
    FeatlibError
        If npm is missing or fails, or the file is not the one this tool was written for.
    """
    wanted = f"{package.name}@{package.version}"
    fix = "Or unpack the package yourself and pass --noto and --twemoji."
    if not shutil.which("npm"):
        refuse("fetch", "the program npm", "none on the PATH", f"Install Node.js. {fix}")
    command = ["npm", "pack", wanted, "--pack-destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        refuse("fetch", f"{wanted} from npm", done.stderr.strip() or "an error", fix)
    archive = folder / f"{package.name}-{package.version}.tgz"
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != package.sha256:
        refuse("fetch", f"{wanted} with SHA-256 {package.sha256}", found, "Do not use this file.")
    with tarfile.open(archive) as tar:
        tar.extractall(folder / package.name, filter="data")
    return folder / package.name / "package"


def read_drawings(folders):
    """List the drawings of both packages by class.

    Parameters
    ----------
    folders : dict of str to Path
        Vendor to the unpacked package, which holds ``emoji.json`` and the images.

    Returns
    -------
    dict of str to list of Drawing
        The ten classes, in order; skin tones and genders are drawings of their own.

    Raises
    ------
    FeatlibError
        If a folder is not such a package.
    """
    drawings = {name: [] for name in CLASSES}
    for vendor, folder in folders.items():
        table = folder / "emoji.json"
        if not table.is_file():
            refuse("read_drawings", f"the file {table}", "none", "Pass the unpacked package.")
        entries = json.loads(table.read_text(encoding="utf-8"))
        members = [(class_of(entry), entry) for entry in entries if class_of(entry)]
        twins = _twin_groups([entry for _, entry in members])
        for name, entry in members:
            drawings[name] += _variants(entry, vendor, folder, twins)
    return drawings


def class_of(entry):
    """Return the class of an entry of ``emoji.json``, or None if it is in no class.

    Parameters
    ----------
    entry : dict

    Returns
    -------
    str or None
    """
    subgroup = entry["subcategory"]
    for name, wanted in CLASSES.items():
        if any(subgroup == w or (w[-1] == "-" and subgroup.startswith(w)) for w in wanted):
            return None if entry["short_name"] in LEFT_OUT[name].split() else name
    return None


def _twin_groups(entries):
    """Map the group key of each twin to the key of the first of its line."""
    keys = {entry["short_name"]: group_key(entry["unified"]) for entry in entries}
    lines = [[keys[name] for name in line.split() if name in keys] for line in TWINS]
    return {key: line[0] for line in lines for key in line}


def _variants(entry, vendor, folder, twins):
    """Return the drawings of one entry: itself, and itself in each skin tone."""
    name = entry["name"].lower() if entry["name"].isupper() else entry["name"]
    group = group_key(entry["unified"])
    variants = [(name, entry)]
    for tones, variant in entry.get("skin_variations", {}).items():
        words = " and ".join(SKIN[tone] for tone in tones.split("-"))
        variants.append((f"{name}, {words} skin tone", variant))
    return [
        Drawing(
            variant["unified"],
            full_name,
            entry["short_name"],
            vendor,
            twins.get(group, group),
            folder / PACKAGES[vendor].images / variant["image"],
        )
        for full_name, variant in variants
        if (folder / PACKAGES[vendor].images / variant["image"]).is_file()
    ]


def split(drawings, seed, n_validation=VALIDATION, share=0.2):
    """Split the emoji of one class, never the drawings of one emoji.

    Parameters
    ----------
    drawings : list of Drawing
    seed : int
    n_validation : int
        Different drawings that validation needs.
    share : float
        The part of the emoji that validation gets at least.

    Returns
    -------
    train, validation : list of list of Drawing
        One list of drawings an emoji.
    """
    groups = {}
    for drawing in drawings:
        groups.setdefault(drawing.group, []).append(drawing)
    first = {key: i for i, key in enumerate(VALIDATION_FIRST)}
    order = sorted(groups, key=lambda key: (first.get(key, len(first)), rank(seed, key)))
    ordered = [_alternate_vendors(groups[key], seed) for key in order]
    n = round(share * len(ordered))
    while sum(map(len, ordered[:n])) < n_validation and n < len(ordered):
        n += 1
    return ordered[n:], ordered[:n]


def _alternate_vendors(drawings, seed):
    """Shuffle the drawings of one emoji so that the vendors take turns."""
    shuffled = sorted(drawings, key=lambda d: rank(seed, f"{d.vendor} {d.code}"))
    same = [d for d in shuffled if d.vendor == shuffled[0].vendor]
    other = [d for d in shuffled if d.vendor != shuffled[0].vendor]
    return [d for pair in zip_longest(same, other) for d in pair if d]


def choose(groups, n, *, repeat):
    """Choose drawings: one of each emoji, then a second of each, and so on.

    Parameters
    ----------
    groups : list of list of Drawing
        One list an emoji.
    n : int
    repeat : bool
        Start again when all drawings are used up.

    Returns
    -------
    list of Drawing

    Raises
    ------
    FeatlibError
        If there are too few drawings.
    """
    rounds = [d for d in chain.from_iterable(zip_longest(*groups)) if d]
    chosen = list(islice(cycle(rounds) if repeat else rounds, n))
    if len(chosen) < n:
        refuse("choose", f"{n} drawings", str(len(chosen)), "Add a subgroup to CLASSES.")
    return chosen


def background(rng):
    """Return a gradient between two random colors in a random direction.

    Parameters
    ----------
    rng : random.Random

    Returns
    -------
    numpy.ndarray
        uint8 64×64×3.
    """
    colors = np.array([[rng.randint(*CHANNELS) for _ in range(3)] for _ in range(2)])
    angle = rng.uniform(0, 2 * math.pi)
    y, x = np.mgrid[:SIDE, :SIDE]
    along = x * math.cos(angle) + y * math.sin(angle)
    along = (along - along.min()) / (along.max() - along.min())
    return (colors[0] + along[..., None] * (colors[1] - colors[0])).round().astype(np.uint8)


def draw(artwork, rng, *, mirror, white=False):
    """Put an emoji on a background, at a random size and place, slightly turned.

    Parameters
    ----------
    artwork : PIL.Image.Image
        The drawing, with transparency.
    rng : random.Random
    mirror : bool
        Mirror every other picture.
    white : bool
        Take white instead of the gradient. All else is as it was.

    Returns
    -------
    numpy.ndarray
        uint8 64×64×3.
    """
    picture = Image.fromarray(background(rng)).convert("RGBA")
    if white:
        picture.paste("white", (0, 0, SIDE, SIDE))
    size, angle = rng.randint(*SIZES), rng.uniform(-ROTATION, ROTATION)
    if rng.random() < 0.5 and mirror:
        artwork = ImageOps.mirror(artwork)
    # turned at four times the size, so that edges and thin lines stay sharp
    large = artwork.convert("RGBA").resize((4 * SIDE, 4 * SIDE), Image.Resampling.LANCZOS)
    large = large.rotate(angle, Image.Resampling.BICUBIC, expand=True)
    large = large.crop(large.getchannel("A").getbbox())
    scale = size / max(large.size)
    width, height = (max(1, round(scale * n)) for n in large.size)
    small = large.resize((width, height), Image.Resampling.LANCZOS)
    corner = rng.randint(0, SIDE - width), rng.randint(0, SIDE - height)
    picture.alpha_composite(small, corner)
    return np.asarray(picture.convert("RGB"))


def picture_rng(seed, row):
    """Return the random generator of one picture.

    Parameters
    ----------
    seed, row : int

    Returns
    -------
    random.Random
        Its first draws make the background, before it knows what will be on it.
    """
    return random.Random(f"emoji10 {seed} {row}")


def build(folders, *, seed=SEED, n_train=TRAIN, n_validation=VALIDATION, white=False):
    """Make the pictures.

    Rows take turns by class (row 0 is an animal, row 1 a face, row 10 an animal again), and the
    training rows come first; so the first rows of either side are as balanced as all of them.

    Parameters
    ----------
    folders : dict of str to Path
        Vendor to the unpacked package.
    seed : int
    n_train, n_validation : int
        Pictures a class.
    white : bool
        Whether to leave the gradients out: the same emoji on white.

    Returns
    -------
    tensors : dict of str to numpy.ndarray
        ``pixels`` uint8 N×3×64×64, ``labels`` int64 N, ``train`` and ``validation`` int64 rows.
    pictures : list of Drawing
        What each row shows.
    """
    columns = []
    for name, drawings in read_drawings(folders).items():
        if not drawings:
            refuse("build", f"emoji of class '{name}'", "none", "Pass the unpacked packages.")
        train, validation = split(drawings, seed, n_validation)
        columns.append(
            choose(train, n_train, repeat=True) + choose(validation, n_validation, repeat=False)
        )
    pictures = [drawing for row in zip(*columns, strict=True) for drawing in row]
    labels = np.arange(len(pictures)) % len(CLASSES)
    names = list(CLASSES)
    pixels = np.stack(
        [
            _draw_row(drawing, seed, row, names[label], white)
            for row, (drawing, label) in enumerate(zip(pictures, labels, strict=True))
        ]
    )
    rows = np.arange(len(pictures), dtype=np.int64)
    tensors = {
        "pixels": np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)),
        "labels": labels.astype(np.int64),
        "train": rows[: n_train * len(CLASSES)].copy(),
        "validation": rows[n_train * len(CLASSES) :].copy(),
    }
    return tensors, pictures


def _draw_row(drawing, seed, row, name, white):
    mirror = name in MIRRORED and drawing.short_name not in LETTERED
    with Image.open(drawing.file) as artwork:
        return draw(artwork, picture_rng(seed, row), mirror=mirror, white=white)


def write(tensors, pictures, folder, *, seed=SEED):
    """Write ``emoji10.safetensors`` and its card ``emoji10.json``.

    Parameters
    ----------
    tensors : dict of str to numpy.ndarray
    pictures : list of Drawing
        As `build` returns them.
    folder : Path
    seed : int
        The seed that they were built with.

    Returns
    -------
    dict
        The card.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "emoji10.safetensors"
    with atomic_write(file) as opened:
        opened.write(save(tensors))
    card = {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "bytes": file.stat().st_size,
        "seed": seed,
        "pillow": PIL.__version__,
        "classes": list(CLASSES),
        "order": "classes take turns, row by row; the training rows first, then validation",
        "sources": {
            vendor: {
                "package": f"{package.name}@{package.version}",
                "sha256": package.sha256,
                "artwork": package.artwork,
                "license": package.license,
            }
            for vendor, package in PACKAGES.items()
        },
    }
    lines = [
        json.dumps(
            {"emoji": d.emoji, "name": d.name, "vendor": d.vendor, "group": d.group},
            ensure_ascii=False,
        )
        for d in pictures
    ]
    head = json.dumps(card, indent=1, ensure_ascii=False).removesuffix("\n}")
    text = f'{head},\n "pictures": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n"
    atomic_write_text(folder / "emoji10.json", text)
    return card


def contact_sheets(tensors, folder):
    """Write one PNG a class with all its pictures, for looking at them.

    Parameters
    ----------
    tensors : dict of str to numpy.ndarray
    folder : Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    for label, name in enumerate(CLASSES):
        own = tensors["pixels"][tensors["labels"] == label].transpose(0, 2, 3, 1)
        sheet = Image.new("RGB", (20 * (SIDE + 4), -(-len(own) // 20) * (SIDE + 4)), "white")
        for i, pixels in enumerate(own):
            corner = (i % 20 * (SIDE + 4), i // 20 * (SIDE + 4))
            sheet.paste(Image.fromarray(np.ascontiguousarray(pixels)), corner)
        sheet.save(folder / f"{name}.png")


def main(arguments=None):
    """Run the tool.

    Parameters
    ----------
    arguments : list of str or None
        None reads the command line.
    """
    parser = argparse.ArgumentParser(
        description="Build emoji10: 1000 pictures of emoji, ten classes, 800 for training and 200 "
        "for validation. Without --noto and --twemoji the two packages are downloaded with "
        "'npm pack' (136 MB) and verified by their SHA-256.",
        epilog="example: python tools/build_emoji10.py --sheets sheets",
    )
    parser.add_argument(
        "--noto", type=Path, metavar="DIR", help="emoji-datasource-google 16.0.0, unpacked"
    )
    parser.add_argument(
        "--twemoji", type=Path, metavar="DIR", help="emoji-datasource-twitter 16.0.0, unpacked"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=ASSETS,
        metavar="DIR",
        help="where emoji10.safetensors and emoji10.json go (default: featlib/assets)",
    )
    parser.add_argument(
        "--sheets", type=Path, metavar="DIR", help="also write a contact sheet of each class here"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=SEED,
        help="another seed makes another set (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folders = {
                vendor: getattr(options, vendor) or fetch(package, Path(scratch))
                for vendor, package in PACKAGES.items()
            }
            tensors, pictures = build(folders, seed=options.seed)
    except FeatlibError as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    card = write(tensors, pictures, options.output, seed=options.seed)
    if options.sheets:
        contact_sheets(tensors, options.sheets)
    print(f"{options.output / card['file']}: {card['bytes']} bytes, SHA-256 {card['sha256']}")


if __name__ == "__main__":
    main()
