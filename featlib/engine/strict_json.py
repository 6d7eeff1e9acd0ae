"""JSON from any source: what is read is finite, not too deep, and can be written again."""

import json
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

_DEEPEST = 100  # lists and objects in each other: far below what Python's own writer can nest
_TOO_DEEP = "too many brackets in each other"
_DIGITS = 308  # with so many, each whole number is also a finite float


def parse_json(text: str | bytes) -> Any:
    """Parse JSON from any source.

    Parameters
    ----------
    text : str or bytes
        The JSON; bytes are UTF-8, with or without the mark that some editors put before it.

    Returns
    -------
    dict, list, str, int, float, bool or None

    Raises
    ------
    ValueError
        With the reason, if it is anything else.
    """
    text = text.decode("utf-8-sig") if isinstance(text, bytes) else text
    try:
        found = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_depth(found)
    if "\\ud" in text.lower():  # it may be half of a character that is written as two
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("half of a character, such as \\ud83d alone") from None
    return found


def read_card(data: Path) -> dict[str, Any]:
    """Read the JSON card beside a data file: ``NAME.json`` beside ``NAME.safetensors``.

    Parameters
    ----------
    data : pathlib.Path
        The data file.

    Returns
    -------
    dict
        Empty where there is no card.

    Raises
    ------
    ValueError
        With the reason, if the card is no JSON object.
    OSError
        If it cannot be read.
    """
    card = data.with_suffix(".json")
    if not card.is_file():
        return {}
    facts = parse_json(card.read_bytes())
    if not isinstance(facts, dict):
        raise ValueError("no object")
    return facts


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise ValueError(f"{digits[:20]} is too large a number")
    return number


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError(f"{digits[:20]}… is too large a number: it has {len(digits)} digits")
    return int(digits)


def _check_depth(found: Any) -> None:
    level = [found]
    for _ in range(_DEEPEST):
        boxes = [item for item in level if isinstance(item, (dict, list))]
        level = [x for box in boxes for x in (box.values() if isinstance(box, dict) else box)]
        if not level:
            return
    raise ValueError(_TOO_DEEP)
