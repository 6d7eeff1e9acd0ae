"""Build emoji3d, the second bundled image set: emoji10's emoji as three-dimensional renderings.

The pictures are by a third artist, Microsoft. Label and side of the split come from the card of
emoji10, so a head that was taught on flat drawings can be tried on renderings of the same
validation emoji.

The steps, one function each: verify the package, find the renderings, put each on a background,
write them into one zip file and describe it in a card.
"""

import argparse
import hashlib
import io
import json
import random
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import PIL
from build_emoji10 import ASSETS, PICTURE_STYLE, Package, background
from PIL import Image, ImageOps, features

from featlib.checks import FeatlibError, refuse
from featlib.engine.files import atomic_write, atomic_write_text

SEED = 3  # of the backgrounds
SIDE = 256  # pixels, of the renderings and of the pictures
# WebP's quality, 0 to 100, and the effort of its encoder, 0 to 6.
QUALITY, EFFORT = 90, 6

PACKAGE = Package(
    "@lobehub/fluent-emoji-3d",
    "1.1.0",
    "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
    "assets",
    "Fluent Emoji (3D), Microsoft",
    "MIT (artwork), MIT (package)",
)
# Of the names and bytes of all files in the folder of images (see `digest`): what the tarball with
# the SHA-256 above unpacks to.
CONTENT = "6a7129244a43e0c80b17cc8cb8856d23191d02d45d5ef2e9e1cf701a6ee8f0e9"

# The class that this artist has not drawn.
CLASSES_LEFT_OUT = {
    "flag": "Microsoft publishes no flags of countries. Those in the package were added in its "
    "version 1.1.0 from elsewhere: its files with a color profile of Google's are all flags",
}

# Single emoji, each with its reason, by code points without FE0F.
#
# What shows that the others are Microsoft's Fluent Emoji: each stands with a 3D picture in the
# list of Microsoft's repository that the npm package fluentui-emoji-js 1.2.1 carries. And each was
# laid over Microsoft's vector drawing of that emoji ("Color") from the npm package
# @iconify-json/fluent-emoji 1.2.7: outline and colors agree. (It has none of the hand that points
# right; there the mirrored one of the hand that points left stood in.) Where they did not agree,
# the emoji is left out.
LEFT_OUT = [
    (
        "its laptop bears the logo of Windows, a trademark; Microsoft's repository has a laptop "
        "without it",
        "1F468-1F3FD-200D-1F4BB 1F469-1F3FD-200D-1F4BB",
    ),
    (
        "black here, violet in Microsoft's vector drawing, so where it is from is not certain",
        "1F519 1F51A 1F51B 1F51C",
    ),
    (
        "not the face of Microsoft's vector drawing, so where it is from is not certain",
        "1FAE8",
    ),
    ("the same picture as the cat face, which is on the other side of the split", "1F63A"),
]

# The package has these two skin tones the wrong way round. The vector drawings show it: in all
# emoji that are used here, the file of medium light skin holds the medium one, and vice versa.
SWAPPED = {"1F3FC": "1F3FD", "1F3FD": "1F3FC"}


@dataclass(frozen=True)
class Rendering:
    """One rendering and where it goes.

    Attributes
    ----------
    code : str
        Code points, hexadecimal, joined by ``-``, without FE0F.
    emoji, name : str
        The characters themselves, and their name as emoji10 has it.
    label : int
        The number of the class in ``classes`` of the card.
    group : str
        What the split of emoji10 keeps together.
    validation : bool
        Whether emoji10 has this emoji among its validation pictures.
    file : Path
        The picture in the package.
    """

    code: str
    emoji: str
    name: str
    label: int
    group: str
    validation: bool
    file: Path


def code_of(emoji: str) -> str:
    """Return the code points of an emoji, without the one that asks for a picture.

    Parameters
    ----------
    emoji : str
        For example ``"☝🏽"``.

    Returns
    -------
    str
        For example ``"261D-1F3FD"``.
    """
    return _without_style("-".join(f"{ord(character):04X}" for character in emoji))


def _without_style(code: str) -> str:
    return "-".join(point for point in code.split("-") if point != PICTURE_STYLE)


def verify(folder: Path) -> None:
    """Refuse a folder that is not the package this tool was written for.

    Parameters
    ----------
    folder : Path
        The unpacked package, which holds ``package.json`` and the images.

    Raises
    ------
    FeatlibError
        If it is another package, another version, or a file in it was altered.
    """
    wanted = f"the unpacked package {PACKAGE.name}@{PACKAGE.version}"
    fix = f"Run 'npm pack {PACKAGE.name}@{PACKAGE.version}', unpack it, and pass 'package'."
    about = folder / "package.json"
    if not about.is_file() or not (folder / PACKAGE.images).is_dir():
        refuse("verify", wanted, f"'{folder}' without package.json or images", fix)
    try:
        fields = json.loads(about.read_text(encoding="utf-8"))
        found = f"{fields['name']}@{fields['version']}"
    except (ValueError, KeyError, TypeError) as error:
        refuse("verify", wanted, f"a package.json that cannot be read ({error})", fix)
    if found != f"{PACKAGE.name}@{PACKAGE.version}":
        refuse("verify", wanted, found, fix)
    if (sha256 := digest(folder / PACKAGE.images)) != CONTENT:
        refuse("verify", f"images with SHA-256 {CONTENT}", sha256, fix)


def digest(folder: Path) -> str:
    """Return one SHA-256 of the names and contents of all files in a folder.

    Parameters
    ----------
    folder : Path

    Returns
    -------
    str
        Hexadecimal; the order in which the folder lists its files does not matter.
    """
    total = hashlib.sha256()
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        total.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def find_renderings(
    folder: Path, emoji10: dict[str, Any]
) -> tuple[list[str], list[Rendering], list[dict[str, str]]]:
    """Find the rendering of each emoji of emoji10.

    Parameters
    ----------
    folder : Path
        The unpacked package.
    emoji10 : dict
        The card of emoji10.

    Returns
    -------
    classes : list of str
        Those of emoji10 without `CLASSES_LEFT_OUT`.
    renderings : list of Rendering
        Sorted by class, then by code.
    left_out : list of dict
        ``emoji``, ``name`` and ``reason`` of each emoji of emoji10 that is not among them.

    Raises
    ------
    FeatlibError
        If a class has no picture on one side of the split.
    """
    files = {_without_style(file.stem.upper()): file for file in sorted(_images(folder))}
    reasons = {code: reason for reason, codes in LEFT_OUT for code in codes.split()}
    classes = [name for name in emoji10["classes"] if name not in CLASSES_LEFT_OUT]
    renderings, left_out = [], []
    for emoji, (name, validation, picture) in _emoji_of(emoji10).items():
        code = code_of(emoji)
        file = files.get("-".join(SWAPPED.get(point, point) for point in code.split("-")))
        reason = CLASSES_LEFT_OUT.get(name) or reasons.get(code)
        if reason or not file:
            reason = reason or "the package has no rendering of it"
            left_out.append({"emoji": emoji, "name": picture["name"], "reason": reason})
            continue
        label, group = classes.index(name), picture["group"]
        renderings.append(Rendering(code, emoji, picture["name"], label, group, validation, file))
    _refuse_empty_sides(classes, renderings)
    return classes, sorted(renderings, key=lambda r: (r.label, r.code)), left_out


def _images(folder: Path) -> Iterator[Path]:
    return (folder / PACKAGE.images).glob("*.webp")


def _emoji_of(emoji10: dict[str, Any]) -> dict[str, tuple[str, bool, dict[str, str]]]:
    """Map each emoji to its class, whether it is in validation, and its first picture."""
    classes, pictures = emoji10["classes"], emoji10["pictures"]
    n_train = len(pictures) * 4 // 5  # the rows of the training pictures come first
    found = {}
    for row, picture in enumerate(pictures):
        found.setdefault(picture["emoji"], (classes[row % len(classes)], row >= n_train, picture))
    return found


def _refuse_empty_sides(classes: list[str], renderings: list[Rendering]) -> None:
    counts = Counter((r.label, r.validation) for r in renderings)
    for label, name in enumerate(classes):
        for validation in (False, True):
            if not counts[label, validation]:
                side = "validation" if validation else "training"
                refuse("find_renderings", f"{side} pictures of '{name}'", "none", "Is it whole?")


def draw(artwork: Image.Image, code: str, *, seed: int = SEED) -> Image.Image:
    """Put a rendering on a background like those of emoji10, as its artist placed it.

    Parameters
    ----------
    artwork : PIL.Image.Image
        The rendering, with transparency.
    code : str
        Code points; they and the seed alone decide the background.
    seed : int

    Returns
    -------
    PIL.Image.Image
        RGB, 256×256 pixels.
    """
    gradient = Image.fromarray(background(random.Random(f"emoji3d {seed} {code}")))
    picture = gradient.resize((SIDE, SIDE), Image.Resampling.BILINEAR).convert("RGBA")
    artwork = ImageOps.contain(artwork.convert("RGBA"), (SIDE, SIDE), Image.Resampling.LANCZOS)
    corner = (SIDE - artwork.width) // 2, (SIDE - artwork.height) // 2
    picture.alpha_composite(artwork, corner)
    return picture.convert("RGB")


def build(
    folder: Path, emoji10: dict[str, Any], *, seed: int = SEED
) -> tuple[bytes, dict[str, Any]]:
    """Make the pictures.

    Parameters
    ----------
    folder : Path
        The unpacked package.
    emoji10 : dict
        The card of emoji10.
    seed : int
        Of the backgrounds.

    Returns
    -------
    container : bytes
        A zip file without compression, of WebP files ``class/codepoints.webp``.
    card : dict
        What it holds; `write` says how it is written.
    """
    classes, renderings, left_out = find_renderings(folder, emoji10)
    names = [f"{classes[r.label]}/{r.code.lower()}.webp" for r in renderings]
    container = pack({name: _webp(r, seed) for name, r in zip(names, renderings, strict=True)})
    card = {
        "file": "emoji3d.zip",
        "sha256": hashlib.sha256(container).hexdigest(),
        "bytes": len(container),
        "seed": seed,
        "pillow": PIL.__version__,
        "libwebp": features.version("webp"),
        "side": SIDE,
        "quality": QUALITY,
        "classes": classes,
        "order": "sorted by class, then by code points",
        "split": "the side on which emoji10 has the emoji",
        "source": {
            "package": f"{PACKAGE.name}@{PACKAGE.version}",
            "sha256": PACKAGE.sha256,
            "artwork": PACKAGE.artwork,
            "license": PACKAGE.license,
        },
        "emoji10": emoji10["sha256"],
        "pictures": [
            {
                "file": name,
                "emoji": r.emoji,
                "code": r.code,
                "name": r.name,
                "label": r.label,
                "validation": r.validation,
                "group": r.group,
            }
            for name, r in zip(names, renderings, strict=True)
        ],
        "left_out": left_out,
    }
    return container, card


def _webp(rendering: Rendering, seed: int) -> bytes:
    with Image.open(rendering.file) as artwork:
        picture = draw(artwork, rendering.code, seed=seed)
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=QUALITY, method=EFFORT)
    return file.getvalue()


def pack(files: dict[str, bytes]) -> bytes:
    """Put files into a zip file that is the same for the same files.

    Parameters
    ----------
    files : dict of str to bytes
        Name in the zip file to content.

    Returns
    -------
    bytes
        Uncompressed, without any time or anything of the machine that made it.
    """
    container = io.BytesIO()
    with zipfile.ZipFile(container, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)  # of 1980, the earliest time that zip knows
            entry.create_system = 3  # Unix; Python would write the machine's own
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return container.getvalue()


def write(container: bytes, card: dict[str, Any], folder: Path) -> None:
    """Write ``emoji3d.zip`` and its card ``emoji3d.json``, one picture a line.

    Parameters
    ----------
    container : bytes
    card : dict
        As `build` returns them.
    folder : Path
    """
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(folder / card["file"]) as opened:
        opened.write(container)
    lists = {key: card[key] for key in ("pictures", "left_out")}
    head = {key: value for key, value in card.items() if key not in lists}
    text = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    for key, rows in lists.items():
        lines = ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
        text += f',\n "{key}": [\n  {lines}\n ]'
    atomic_write_text(folder / "emoji3d.json", text + "\n}\n")


def contact_sheets(
    container: bytes,
    card: dict[str, Any],
    folder: Path,
    *,
    side: int = 96,
    columns: int = 12,
) -> None:
    """Write one PNG a class with all its pictures, for looking at them.

    Parameters
    ----------
    container : bytes
    card : dict
        As `build` returns them.
    folder : Path
    side : int
        Pixels of a picture on the sheet.
    columns : int
        Pictures a row.
    """
    folder.mkdir(parents=True, exist_ok=True)
    archive = zipfile.ZipFile(io.BytesIO(container))
    for label, name in enumerate(card["classes"]):
        own = [picture["file"] for picture in card["pictures"] if picture["label"] == label]
        rows = -(-len(own) // columns)
        sheet = Image.new("RGB", (columns * (side + 4), rows * (side + 4)), "white")
        for i, file in enumerate(own):
            with Image.open(io.BytesIO(archive.read(file))) as picture:
                small = picture.resize((side, side), Image.Resampling.LANCZOS)
            sheet.paste(small, (i % columns * (side + 4), i // columns * (side + 4)))
        sheet.save(folder / f"{name}.png")


def main(arguments: list[str] | None = None) -> None:
    """Run the tool.

    Parameters
    ----------
    arguments : list of str or None
        None reads the command line.
    """
    wanted = f"{PACKAGE.name}@{PACKAGE.version}"
    parser = argparse.ArgumentParser(
        description="Build emoji3d: three-dimensional renderings of the emoji of emoji10, nine "
        "classes, 256×256 pixels, with emoji10's labels and its split by emoji.",
        epilog=f"example: npm pack {wanted}; tar xzf lobehub-fluent-emoji-3d-{PACKAGE.version}.tgz;"
        " python tools/build_emoji3d.py package --sheets sheets",
    )
    parser.add_argument(
        "package", type=Path, metavar="PACKAGE_FOLDER", help=f"{wanted} from npm, unpacked"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=ASSETS,
        metavar="DIR",
        help="where emoji3d.zip and emoji3d.json go (default: featlib/assets)",
    )
    parser.add_argument(
        "--emoji10",
        type=Path,
        default=ASSETS / "emoji10.json",
        metavar="FILE",
        help="the card that gives emoji, labels and split (default: featlib/assets/emoji10.json)",
    )
    parser.add_argument(
        "--sheets", type=Path, metavar="DIR", help="also write a contact sheet of each class here"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=SEED,
        help="another seed gives other backgrounds (default: %(default)s)",
    )
    options = parser.parse_args(arguments)
    try:
        verify(options.package)
        emoji10 = json.loads(options.emoji10.read_text(encoding="utf-8"))
        container, card = build(options.package, emoji10, seed=options.seed)
    except (FeatlibError, OSError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")
    write(container, card, options.out)
    if options.sheets:
        contact_sheets(container, card, options.sheets)
    print(f"{options.out / card['file']}: {card['bytes']} bytes, SHA-256 {card['sha256']}")


if __name__ == "__main__":
    main()
