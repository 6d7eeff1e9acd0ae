"""What a kept model says of itself: the facts in ``card.json``.

A card can come from a stranger. It carries a checksum of its own facts and one of the head's file,
and each fact must be of the right kind, before anything is done with it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import Any, NoReturn

from featlib import checks, head
from featlib.engine.strict_json import parse_json
from featlib.engine.words import printable, readable, reason
from featlib.head import Recipe
from featlib.preprocess import Transform

__all__ = [
    "FORMAT",
    "LARGEST_CARD",
    "OWN",
    "PUBLISHED",
    "VERSION",
    "Card",
    "read_card",
    "write_card",
]

VERSION = 1  # raise it when an older featlib would read the folder wrongly
FORMAT = "featlib model"
PUBLISHED = ("bundled", "torchvision", "untrained")  # backbones that can be had by their names
OWN = "own"  # all others
LARGEST_CARD = 10**7  # bytes
_MOST = 10**12  # pictures: more than anyone has


def _object(**fields: Any) -> dict[str, Any]:
    """Return the JSON Schema of an object that has exactly these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
_SHA256 = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_THREE = {"type": "array", "items": {"type": "number"}, "minItems": 3, "maxItems": 3}
_COUNT = {"type": "integer", "minimum": 0, "maximum": _MOST}
_SCHEMA = _object(
    format={"const": FORMAT},
    version={"const": VERSION},
    sha256=_SHA256,
    classes={
        "type": "array", "items": {"type": "string"}, "minItems": 2, "uniqueItems": True
    },
    training_pictures={"type": "array", "items": _COUNT},
    validation_pictures=_COUNT | {"minimum": 1},
    accuracy=_SHARE,
    interval={"type": "array", "items": _SHARE, "minItems": 2, "maxItems": 2},
    backbone={"enum": [*PUBLISHED, OWN]},
    backbone_sha256=_SHA256,
    picture_size={"type": "integer", "minimum": 8, "maximum": 4096},
    transform=_object(mean=_THREE, std=_THREE, size={"type": "integer"}),
    precision={"enum": ["fp32", "bf16"]},
    recipe={"type": "object"},
    head_sha256=_SHA256,
    date={"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"},
    featlib={"type": "string", "pattern": "^[0-9A-Za-z.+]{1,40}$"},
)  # fmt: skip


@dataclass(frozen=True)
class Card:
    """The facts of a kept model: no path, no file's name, no picture.

    Attributes
    ----------
    classes : tuple of str
        The name of each class number, C of them.
    training_pictures : tuple of int
        How many pictures of each class the head was trained on, C numbers.
    validation_pictures : int
        On how many others it was measured.
    accuracy : float
        The share of these that it has right, 0–1.
    interval : tuple of (float, float)
        Where the accuracy on infinitely many such pictures lies, with 95% confidence.
    backbone : {"bundled", "torchvision", "untrained", "own"}
        Which weights the ResNet18 has; ``"own"`` for those that the maker had in a file or memory.
    backbone_sha256 : str
        What `backbone.fingerprint` says of the tensors that make the features.
    picture_size : int
        Height and width in pixels to which a file is cropped and scaled.
    transform : featlib.preprocess.Transform
        How pixels are prepared for the network, with the size at which it sees them.
    precision : {"fp32", "bf16"}
        In which the features were computed.
    recipe : featlib.head.Recipe
        How the head was trained.
    head_sha256 : str
        The SHA-256 of ``head.safetensors``, in hexadecimal.
    date : str
        The day on which it was saved: ``2026-05-17``.
    featlib : str
        The version that saved it.

    Examples
    --------
    >>> from featlib.head import Recipe
    >>> from featlib.model.card import Card
    >>> from featlib.weights import IMAGENET_TRANSFORM
    >>> card = Card(("cat", "dog"), (8, 8), 4, 0.75, (0.3, 0.95), "bundled", 64 * "0", 64,
    ...     IMAGENET_TRANSFORM, "fp32", Recipe(), 64 * "0", "2026-05-17", "0.1.0")
    >>> card.classes[1], card.recipe.epochs
    ('dog', 5)
    """

    classes: tuple[str, ...]
    training_pictures: tuple[int, ...]
    validation_pictures: int
    accuracy: float
    interval: tuple[float, float]
    backbone: str
    backbone_sha256: str
    picture_size: int
    transform: Transform
    precision: str
    recipe: Recipe
    head_sha256: str
    date: str
    featlib: str


def write_card(card: Card, where: str) -> bytes:
    """Return the card as JSON, with a checksum of its facts.

    Parameters
    ----------
    card : Card
        The facts.
    where : str
        The function that asks; messages begin with it.

    Returns
    -------
    bytes
        The same for the same facts.

    Raises
    ------
    featlib.FeatlibError
        If the names of the classes fill more than a card may hold.
    """
    classes = tuple(map(readable, card.classes))
    facts: dict[str, Any] = {"format": FORMAT, "version": VERSION}
    facts |= asdict(replace(card, classes=classes))
    content = json.dumps(facts | {"sha256": _checksum(facts)}, indent=1).encode()
    if len(content) > LARGEST_CARD:
        wanted = f"names of classes that fit into a card of {LARGEST_CARD / 1e6:g} MB"
        checks.refuse(where, wanted, f"{len(content) / 1e6:.1f} MB", "Give shorter names.")
    return content


def read_card(content: bytes, where: str) -> Card:
    """Read a card, and check it.

    Parameters
    ----------
    content : bytes
        What ``card.json`` holds.
    where : str
        The file, for the message.

    Returns
    -------
    Card
        With facts of the right kind that fit each other.

    Raises
    ------
    featlib.FeatlibError
        If it is no card, altered, cut off, or of a newer featlib.
    """
    from jsonschema_rs import Draft202012Validator  # which a run that keeps nothing does not need

    try:
        facts = parse_json(content)
    except ValueError as error:
        _refuse_damaged(where, reason(error))
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        fix = "Pass a folder that lesson.save or `featlib run --save` has written."
        checks.refuse(where, "the card of a featlib model", "other JSON", fix)
    version = facts.get("version")
    if isinstance(version, (int, float)) and version > VERSION:
        fix = "It was saved by a newer featlib: pip install --upgrade featlib."
        checks.refuse(where, f"a model of version {VERSION}", f"version {version:g}", fix)
    if facts.get("sha256") != _checksum(facts):
        _refuse_damaged(where, "facts that are not those of its checksum")
    # The validator names what it was given, and that can be long.
    if fault := next(Draft202012Validator(_SCHEMA).iter_errors(facts), None):
        place = "/".join(map(str, fault.instance_path)) or "the card"
        _refuse_damaged(where, f"'{place}': {fault.message[:200]}")
    return _card(facts, where)


def _card(facts: dict[str, Any], where: str) -> Card:
    """Make a card of facts that are each of the right kind."""
    own = {name: facts[name] for name in Card.__dataclass_fields__}
    own |= {name: tuple(own[name]) for name in ("classes", "training_pictures", "interval")}
    try:
        card = Card(
            **own
            | {
                "transform": Transform(**facts["transform"]),
                "recipe": head.check_settings(facts["recipe"]),
            }
        )
    except checks.FeatlibError as error:
        _refuse_damaged(where, str(error))
    if len(card.training_pictures) != len(card.classes):
        got = f"{len(card.training_pictures)} counts of pictures for {len(card.classes)} classes"
        _refuse_damaged(where, got)
    return card


def _checksum(facts: dict[str, Any]) -> str:
    """Hash all facts but the checksum itself, however the file is laid out."""
    rest = {name: value for name, value in facts.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _refuse_damaged(where: str, got: str) -> NoReturn:
    fix = "The card is cut off or altered: copy the whole folder again, or save the lesson anew."
    checks.refuse(where, "the card of a featlib model as it was written", printable(got), fix)
