"""The page for people in the folder of a kept model: a small model card, in Markdown.

What it says follows Mitchell et al. (2019), Model cards for model reporting, arXiv:1810.03993.
"""

import re

from featlib.engine.words import printable
from featlib.model.card import OWN, Card

__all__ = ["WEIGHTS", "write_readme"]

_MOST = 200  # classes in the table
_MARKUP = re.compile(r"[^\w\s]")  # in Markdown, any of these may stand behind a backslash
# Of each backbone: which weights it has, and their license.
WEIGHTS = {
    "bundled": (
        "that come with featlib, taught on ImageNet",
        "MIT License, .NET Foundation and Contributors. WEIGHTS-LICENSE.md of featlib says more, "
        "also of what ImageNet's own terms mean for a product",
    ),
    "torchvision": (
        "that torchvision publishes (ResNet18_Weights.IMAGENET1K_V1), taught on ImageNet",
        "BSD 3-Clause License of torchvision; ImageNet's own terms allow research and teaching",
    ),
    "untrained": ("that are random, taught on nothing", "none"),
    OWN: ("of the maker's own", "that of those weights; ask the maker"),
}
_PAGE = """\
# A classifier of {n:,} classes

It looks at a picture and says which of its classes fits best, and how sure it is.

## How good it is

{accuracy:.1%} right on {validation:,} pictures that it was not trained on (95% interval
{low:.1%} to {high:.1%}). Other pictures, from another camera or place, may be harder for it.

## What it knows

| class | pictures it was trained on |
|---|---:|
{rows}
{more}
In all {training:,} pictures. None of them is in this folder.

## How it was made

A ResNet18 with weights {weights}, stays as it is and turns each
picture into 512 features. One linear layer on these was trained: {recipe}.
Files are cropped in the middle and scaled to {side}×{side} pixels.

## What it cannot do

- It answers with one of these classes, whatever it is shown. It never says "none of them".
- It may be sure and wrong: on pictures unlike those above nobody has measured it.
- Where wrong answers hurt people, do not let it decide.

## How to use it

```sh
featlib predict FOLDER_OF_THIS_FILE my_picture.jpg
```

```python
import featlib

featlib.load("FOLDER_OF_THIS_FILE").predict("my_picture.jpg")
```

Saved on {date} with featlib {version}. License of the backbone's weights: {license}.
"""


def write_readme(card: Card) -> str:
    """Write the model card for people.

    Parameters
    ----------
    card : featlib.model.card.Card
        The facts.

    Returns
    -------
    str
        Markdown. Names of classes stand in it as text, whatever is in them.
    """
    low, high = card.interval
    weights, license = WEIGHTS[card.backbone]
    counts = zip(card.classes[:_MOST], card.training_pictures, strict=False)
    hidden = len(card.classes) - _MOST
    return _PAGE.format(
        n=len(card.classes),
        accuracy=card.accuracy,
        validation=card.validation_pictures,
        low=low,
        high=high,
        rows="\n".join(f"| {_plain(name)} | {count:,} |" for name, count in counts),
        more=f"\nAnd {hidden:,} more classes, which card.json names.\n" if hidden > 0 else "",
        training=sum(card.training_pictures),
        weights=weights,
        recipe=card.recipe,
        side=card.picture_size,
        date=card.date,
        version=card.featlib,
        license=license,
    )


def _plain(name: str) -> str:
    """Write a name so that no part of it is taken for Markdown or HTML."""
    return _MARKUP.sub(
        lambda sign: f"\\{sign[0]}" if sign[0].isascii() else sign[0], printable(name)
    )
