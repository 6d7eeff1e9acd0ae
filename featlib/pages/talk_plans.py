"""The plans of a talk, a lesson and a workshop: one file, of which guide and decks are made."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from featlib import checks
from featlib.engine.paths import bundled
from featlib.engine.words import describe, reason

__all__ = ["Page", "Plan", "Step", "guide_table", "load_plan", "names"]

PLANS = bundled("notebooks") / "talks.json"


@dataclass(frozen=True)
class Page:
    """One page of a deck.

    Attributes
    ----------
    headline : str
        What the page finds, in one sentence. ``{name}`` stands for a fact of the plan.
    cells : tuple of str
        The cells whose output it shows, by id; at most two, side by side.
    text : str
        A few words or lines of code, in Markdown, with facts as in the headline.
    guess : str
        The question to guess that it asks, by id.
    answers : str
        The guess whose measured answer it shows, by id: the room's own guess stands beside it.
    question : str
        The quiz question that it asks, as ``quiz/id``; its answer comes with the next click.
    say : str
        What the speaker says or asks, beyond what the plan's step says.
    """

    headline: str
    cells: tuple[str, ...] = ()
    text: str = ""
    guess: str = ""
    answers: str = ""
    question: str = ""
    say: str = ""


@dataclass(frozen=True)
class Step:
    """One row of a plan.

    Attributes
    ----------
    minutes : tuple of float
        When it begins and ends.
    show : str
        What is shown, in Markdown, as the guide has it.
    say : str
        What to say or to ask, in Markdown.
    pages : tuple of Page
        Its pages in the deck.
    happens : str
        What learners and teacher do; empty in a talk.
    """

    minutes: tuple[float, float]
    show: str
    say: str
    pages: tuple[Page, ...]
    happens: str = ""


@dataclass(frozen=True)
class Plan:
    """A plan of so many minutes.

    Attributes
    ----------
    title : str
        Of the deck.
    notebooks : tuple of str
        Those whose cells it shows.
    facts : dict of str to tuple of str
        Names of numbers that a notebook prints: the cell's id, and a regular expression whose first
        group finds the number in its text.
    steps : tuple of Step
        In their order.
    """

    title: str
    notebooks: tuple[str, ...]
    facts: dict[str, tuple[str, str]]
    steps: tuple[Step, ...]

    @property
    def minutes(self) -> float:
        """How long it takes."""
        return self.steps[-1].minutes[1]


def names() -> tuple[str, ...]:
    """Return the names of the plans that come with featlib.

    Returns
    -------
    tuple of str
        Their minutes, such as ``"12"``.
    """
    return tuple(_bundled())


def load_plan(name: str) -> Plan:
    """Read a plan and check it.

    Parameters
    ----------
    name : str
        One of `names`, or the path of a file with a plan of your own.

    Returns
    -------
    Plan

    Raises
    ------
    featlib.FeatlibError
        If there is no such plan, or it is not as a plan is to be.
    """
    where = f"plan '{name}'"
    try:
        if name in (plans := _bundled()):
            return _plan(plans[name])
        path = Path(checks.text(name, "featlib slides --talk", "the plan"))
        if path.suffix != ".json":
            wanted = f"one of {', '.join(plans)}, or a plan of your own in a file .json"
            checks.refuse("featlib slides --talk", wanted, f"'{name}'", "Check the name.")
        return _plan(json.loads(checks.file(path, where, "a plan").read_text(encoding="utf-8-sig")))
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        fix = f"'{PLANS}' shows how a plan is written."
        checks.refuse(where, "a plan", reason(error), fix)


def guide_table(plan: Plan) -> str:
    """Return a plan as the table that stands in the guide.

    Parameters
    ----------
    plan : Plan
        Any.

    Returns
    -------
    str
        A table in Markdown.
    """
    class_room = any(step.happens for step in plan.steps)
    head = ["minute", "notebook", "what happens", "ask"] if class_room else [
        "minute", "show", "say or ask",
    ]  # fmt: skip
    rows = [head, ["---"] * len(head)]
    for step in plan.steps:
        start, end = (f"{minute:g}" for minute in step.minutes)
        middle = [step.show, step.happens] if class_room else [step.show]
        rows.append([f"{start}–{end}", *middle, step.say])
    return "\n".join("| " + " | ".join(row).replace("  ", " ") + " |" for row in rows) + "\n"


def _bundled() -> dict[str, Any]:
    return json.loads(PLANS.read_text(encoding="utf-8"))


def _plan(data: Any) -> Plan:
    data = _fields(data, Plan, "the plan")
    steps = tuple(_step(entry, i) for i, entry in enumerate(data["steps"], 1))
    if not steps:
        raise ValueError("it has no steps")
    before = steps[0].minutes[0]
    for i, step in enumerate(steps, 1):
        start, end = step.minutes
        if start != before or end <= start:
            raise ValueError(f"step {i}: its minutes do not go on where those before it end")
        before = end
    facts = {name: _fact(name, fact) for name, fact in data.get("facts", {}).items()}
    for name, texts in (("title", [data["title"]]), ("notebooks", data["notebooks"])):
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"'{name}' is no text")
    return Plan(data["title"], tuple(data["notebooks"]), facts, steps)


def _fact(name: str, fact: Any) -> tuple[str, str]:
    cell, pattern = fact
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        raise ValueError(f"fact '{name}': {error}") from error
    if groups != 1:
        raise ValueError(f"fact '{name}': its pattern has {groups} groups, not one")
    return str(cell), pattern


def _step(data: Any, number: int) -> Step:
    data = _fields(data, Step, f"step {number}")
    pages = tuple(
        Page(**_texts(_fields(entry, Page, f"step {number}, page {i}"), f"step {number}, page {i}"))
        for i, entry in enumerate(data.pop("pages"), 1)
    )
    start, end = map(float, data.pop("minutes"))
    return Step((start, end), pages=pages, **_texts(data, f"step {number}"))


def _texts(data: dict[str, Any], where: str) -> dict[str, Any]:
    found = {}
    for name, value in data.items():
        texts = value if name == "cells" and isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{where}: '{name}' is no text")
        found[name] = tuple(texts) if name == "cells" else value
    return found


def _fields(data: Any, kind: type, where: str) -> dict[str, Any]:
    """Return an entry as a dict with only the fields of its kind, and all that it must have."""
    if not isinstance(data, Mapping):
        raise ValueError(f"{where}: wanted an object with fields, got {describe(data)}")
    known = {field.name: field for field in fields(kind)}
    if unknown := data.keys() - known.keys():
        raise ValueError(f"{where}: '{min(unknown)}' is unknown; known are {', '.join(known)}")
    needed = {"headline"} if kind is Page else set(known) - {"happens", "facts"}
    if missing := needed - data.keys():
        raise ValueError(f"{where}: '{min(missing)}' is missing")
    return dict(data)
