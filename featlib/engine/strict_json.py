"""JSON from any source: numbers are finite, texts can be written again, a card is an object."""

import json
from pathlib import Path
from typing import Any, NoReturn


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
        found = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("too many brackets in each other") from None
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
