"""Quiz files: find one, check all of it at once, and turn it into plain data."""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from featlib import checks
from featlib.engine.paths import bundled
from featlib.engine.strict_json import parse_json

__all__ = [
    "CHOICES",
    "MIME",
    "Question",
    "Quiz",
    "draw",
    "find",
    "load",
    "names",
    "plain_json",
    "read",
    "refuse_faults",
    "schema_faults",
    "validator",
]

CHOICES = ("multiple_choice", "many_choice")
MIME = "application/vnd.featlib.quiz+json"  # of a quiz in a notebook's output
_FILE = "a file as quizzes/schema.json says"


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes
    ----------
    id : str
        Never used twice in a quiz.
    type : str
        ``multiple_choice``, ``many_choice``, ``numeric``, ``string``, ``shape`` or ``order``.
    text : str
        What is asked.
    answers : tuple of dict
        The choices, or what an answer is compared with.
    items : tuple of str
        For ``order``: the items in their right order.
    format : str
        ``text`` or ``markdown``.
    code, objective, hint, explanation : str
        Empty where there is none.
    precision : int
        For ``numeric``: significant digits that count; 0 for all.
    tolerance : float
        For ``numeric``: how far off an answer may be.
    feedback : dict
        For ``order``: what to say when it is right or wrong.
    columns : int
        Columns to lay the choices out in.
    """

    id: str
    type: str
    text: str
    answers: tuple[dict[str, Any], ...] = ()
    items: tuple[str, ...] = ()
    format: str = "text"
    code: str = ""
    objective: str = ""
    hint: str = ""
    explanation: str = ""
    precision: int = 0
    tolerance: float = 0.0
    feedback: dict[str, str] = field(default_factory=dict)
    columns: int = 1

    @property
    def asks(self) -> set[str]:
        """The names of the values of the learner's own run that it asks for."""
        return {answer["ask"] for answer in self.answers if "ask" in answer}


@dataclass(frozen=True)
class Quiz:
    """A file of questions.

    Attributes
    ----------
    name : str
        The file's name without its ending; progress is kept under it.
    title : str
        What the quiz is called.
    objectives : dict of str to str
        What the learner can do afterwards.
    questions : tuple of Question
        In the order of the file.
    """

    name: str
    title: str
    objectives: dict[str, str]
    questions: tuple[Question, ...]

    def __repr__(self) -> str:
        return f"Quiz('{self.name}': {len(self.questions)} questions)"

    def to_dict(self) -> dict[str, Any]:
        """Return the quiz as plain data that `json.dumps` takes; always in the same order.

        Returns
        -------
        dict
            With the keys ``title``, ``name``, ``objectives`` and ``questions``: a dict for each
            question, with the fields of `Question` as keys.
        """
        return {
            "title": self.title,
            "name": self.name,
            "objectives": dict(self.objectives),
            "questions": [
                fields_of
                | {"answers": list(fields_of["answers"]), "items": list(fields_of["items"])}
                for fields_of in map(asdict, self.questions)
            ],
        }

    @classmethod
    def from_dict(cls, data: object) -> "Quiz":
        """Make a quiz of what `to_dict` returned, for example out of a notebook's output.

        Parameters
        ----------
        data : dict
            As `to_dict` returns it. Fields of a question that have a default may be missing.

        Returns
        -------
        Quiz

        Raises
        ------
        featlib.FeatlibError
            If it is no quiz. All faults are listed at once, each with question and field.
        """
        where, wanted = "Quiz.from_dict", "a quiz as Quiz.to_dict returns it"
        plain = plain_json(data, where, wanted)
        refuse_faults(where, wanted, _shape_faults(plain))
        entries = [_entry(question) for question in plain["questions"]]
        file = {key: plain[key] for key in ("title", "objectives")} | {"questions": entries}
        refuse_faults(where, wanted, schema_faults(file, "quiz") or [*_logic_faults(file)])
        questions = tuple(_question(i, entry) for i, entry in enumerate(entries, 1))
        return cls(plain["name"], plain["title"], plain["objectives"], questions)


def find(name: str | Path) -> Path:
    """Return the file of a quiz.

    Parameters
    ----------
    name : str or pathlib.Path
        The name of a quiz that comes with featlib, such as ``"03_feature_extraction"``, or a path.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    featlib.FeatlibError
        If there is none; the message lists those that there are.
    """
    path = Path(name).expanduser()
    if path.suffix == ".json" and path.is_file():
        return path
    found = bundled("quizzes") / f"{path.name.removesuffix('.json')}.json"
    if found.is_file():
        return found
    wanted = f"one of {', '.join(names())}, or a file"
    checks.refuse("quiz.find", wanted, f"'{name}'", "Check the name.")


def names() -> list[str]:
    """Return the names of the quizzes that come with featlib, in the lesson's order.

    Returns
    -------
    list of str
    """
    return sorted(
        {path.stem for path in bundled("quizzes").glob("*.json")} - {"schema", "flashcards"}
    )


def load(name: str | Path) -> Quiz:
    """Read a quiz file and check it.

    Parameters
    ----------
    name : str or pathlib.Path
        As for `find`.

    Returns
    -------
    Quiz

    Raises
    ------
    featlib.FeatlibError
        If there is no such file, it is no JSON, or anything in it is wrong. All faults are listed
        at once, each with question and field.
    """
    path = find(name)
    data = read(path)
    refuse_faults(f"quiz '{path}'", _FILE, schema_faults(data, "quiz") or [*_logic_faults(data)])
    entries = data if isinstance(data, list) else data["questions"]
    facts = {} if isinstance(data, list) else data
    questions = tuple(_question(i, entry) for i, entry in enumerate(entries, 1))
    return Quiz(path.stem, facts.get("title", path.stem), facts.get("objectives", {}), questions)


def read(path: Path) -> Any:
    """Return what a JSON file holds.

    Parameters
    ----------
    path : pathlib.Path
        The file.

    Returns
    -------
    object

    Raises
    ------
    featlib.FeatlibError
        If it is no JSON in UTF-8.
    """
    try:
        return parse_json(path.read_bytes())
    except ValueError as error:
        fix = "Check commas, quotes and brackets near that place."
        checks.refuse(f"quiz '{path}'", "a JSON file in UTF-8", str(error), fix)


def plain_json(data: object, where: str, wanted: str) -> Any:
    """Return data as JSON would bring it back: with lists for tuples, and nothing shared.

    Parameters
    ----------
    data : object
        Anything.
    where, wanted : str
        Who asks, and for what, for the message.

    Returns
    -------
    object

    Raises
    ------
    featlib.FeatlibError
        If JSON cannot hold it.
    """
    try:
        return parse_json(json.dumps(data, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        checks.refuse(where, wanted, f"what JSON cannot hold: {error}", "Pass plain data.")


def refuse_faults(where: str, wanted: str, faults: Sequence[str]) -> None:
    """Raise one error that lists all faults, if there are any.

    Parameters
    ----------
    where, wanted : str
        What has the faults, and what it should be, for the message.
    faults : sequence of str
        Each with its place.

    Raises
    ------
    featlib.FeatlibError
        If there is a fault.
    """
    if faults:
        count = f"{len(faults)} {'fault' if len(faults) == 1 else 'faults'}"
        found = "".join(f"\n  {fault}" for fault in faults)
        checks.refuse(where, wanted, f"{count}:{found}\n", "Fix each.")


def draw(n: int, seed: int | None = None) -> Quiz:
    """Draw questions from all quizzes of the lesson, as evenly from each as can be.

    Parameters
    ----------
    n : int
        How many.
    seed : int, optional
        The same seed draws the same questions; left out, they are others each time.

    Returns
    -------
    Quiz
        Without questions that ask for a value of the learner's own run.

    Raises
    ------
    featlib.FeatlibError
        If there are not that many.
    """
    chance = random.Random(seed)
    decks = [[(name, q) for q in load(name).questions if not q.asks] for name in names()]
    checks.whole_number(n, "quiz.draw", "n", low=1, high=sum(map(len, decks)))
    chance.shuffle(decks)
    for deck in decks:
        chance.shuffle(deck)
    # Round by round one question of each quiz, until there are enough.
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*decks))
    drawn = [pair for pair in rounds if pair is not None][:n]
    questions = tuple(replace(q, id=f"{name}-{q.id}".replace("_", "-")) for name, q in drawn)
    return Quiz("final", "Final quiz", {}, questions)


@cache
def validator(part: str) -> Draft202012Validator:
    """Return the validator of a part of schema.json.

    Parameters
    ----------
    part : {"quiz", "question", "deck"}
        A key of the schema's ``$defs``.

    Returns
    -------
    jsonschema_rs.Draft202012Validator
    """
    schema = json.loads(find("schema").read_text(encoding="utf-8"))
    return Draft202012Validator({"$defs": schema["$defs"], "$ref": f"#/$defs/{part}"})


def schema_faults(data: object, part: str) -> list[str]:
    """Find what a file has that its schema does not allow.

    Parameters
    ----------
    data : object
        What the file holds.
    part : {"quiz", "deck"}
        What it should be.

    Returns
    -------
    list of str
        Each with its place.
    """
    if isinstance(data, list) and part == "quiz":  # as JupyterQuiz has it
        if not data:
            return ["file, as a whole: the list holds no question"]
        single = validator("question")
        return [
            _fault(["questions", i, *error.instance_path], error)
            for i, entry in enumerate(data)
            for error in single.iter_errors(entry)
        ]
    return [_fault(error.instance_path, error) for error in validator(part).iter_errors(data)]


def _fault(place: Sequence[str | int], error: ValidationError) -> str:
    where = "file"
    if len(place) > 1 and place[0] in ("questions", "cards"):
        where, place = f"{str(place[0])[:-1]} {int(place[1]) + 1}", place[2:]
    field_name = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")
    return f"{where}, {field_name or 'as a whole'}: {error.message[:200]}"


def _logic_faults(data: Any) -> Iterator[str]:
    """Find what a schema cannot say: ids used twice, no right answer, an unknown objective."""
    entries = data if isinstance(data, list) else data["questions"]
    objectives = None if isinstance(data, list) else data.get("objectives")
    seen: set[object] = set()
    for i, entry in enumerate(entries, 1):
        identity = entry.get("id")
        if identity in seen:
            yield f"question {i}, id: '{identity}' is used twice"
        seen.add(identity or i)
        objective = entry.get("objective")
        if objectives and objective and objective not in objectives:
            yield f"question {i}, objective: '{objective}' is none of {', '.join(objectives)}"
        right = [a for a in entry.get("answers", ()) if a.get("correct")]
        if entry["type"] not in ("order", "many_choice") and not right:
            yield f"question {i}, answers: none is correct"


def _question(number: int, entry: dict[str, Any]) -> Question:
    answers = tuple(entry.get("answers", ()))
    kind = entry["type"]
    # JupyterQuiz takes a multiple choice with several right answers for a many choice.
    if kind == "multiple_choice" and sum(bool(a.get("correct")) for a in answers) > 1:
        kind = "many_choice"
    return Question(
        id=entry.get("id", f"question-{number}"),
        type=kind,
        text=entry["question"],
        answers=answers,
        items=tuple(entry.get("items", ())),
        format=entry.get("format", "text"),
        code=entry.get("code", ""),
        objective=entry.get("objective", ""),
        hint=entry.get("hint", ""),
        explanation=entry.get("explanation", ""),
        precision=int(entry.get("precision", 0)),
        tolerance=float(entry.get("tolerance", 0.0)),
        feedback=entry.get("feedback", {}),
        columns=int(entry.get("answer_cols", 1)),
    )


# How a question's fields are called in a quiz file, where the two differ.
_IN_FILES = {"text": "question", "columns": "answer_cols"}


def _entry(question: dict[str, Any]) -> dict[str, Any]:
    """Return a question's fields as a quiz file has them: those with their default are left out."""
    return {
        _IN_FILES.get(name, name): value
        for name, value in question.items()
        if name not in _defaults() or value != _defaults()[name]
    }


@cache
def _defaults() -> dict[str, Any]:
    """Return the default of each field of a question that has one, as JSON has it."""
    found = {}
    for each in fields(Question):
        if each.default_factory is not MISSING:
            found[each.name] = each.default_factory()
        elif each.default is not MISSING:
            found[each.name] = [] if each.default == () else each.default
    return found


def _shape_faults(data: Any) -> list[str]:
    """Find what the schema of a file does not know of: the name, and the fields of questions."""
    keys = {"title", "name", "objectives", "questions"}
    if not isinstance(data, dict) or data.keys() != keys:
        return ["as a whole: no object with title, name, objectives and questions"]
    faults = []
    if not isinstance(data["name"], str) or not data["name"]:
        faults.append("name: no text")
    if not isinstance(data["questions"], list):
        return [*faults, "questions: no list"]
    known = {each.name for each in fields(Question)}
    for i, question in enumerate(data["questions"], 1):
        if not isinstance(question, dict):
            faults.append(f"question {i}, as a whole: no object")
        else:
            faults += [f"question {i}, {key}: unknown" for key in sorted(question.keys() - known)]
            if "id" not in question:
                faults.append(f"question {i}, id: missing")
    return faults
