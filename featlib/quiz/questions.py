"""Quiz files: find one, check all of it at once, and turn it into plain data."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from featlib import checks
from featlib.engine.files import read_regular
from featlib.engine.paths import bundled
from featlib.engine.strict_json import parse_json
from featlib.engine.words import printable, reason
from featlib.quiz import sources

__all__ = [
    "CHOICES",
    "MIME",
    "Question",
    "Quiz",
    "again",
    "bundled_quizzes",
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
_LARGEST = 20_000_000  # bytes of a file that are read
# What a right answer must have, so that an answer can be compared with it.
_COMPARED = {"numeric": ("value", "range", "ask"), "string": ("answer", "ask"), "shape": ("shape",)}
_WHOLE = ("precision", "answer_cols")  # fields that are whole numbers
# What an answer of a question says of what is asked and of what counts as right.
_COUNTS = {"answer", "code", "value", "range", "shape", "ask", "match_case", "fuzzy_threshold"}


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
    round : str
        Where the same question is asked again, as in a final quiz: answers of one round are kept
        apart from those of another.
    kind : str
        ``debug``: the learner has to find a fault; ``decide``: to choose what to do; else empty.
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
    round: str = ""
    kind: str = ""

    @property
    def asks(self) -> set[str]:
        """The names of the values of the learner's own run that it asks for."""
        return {answer["ask"] for answer in self.answers if "ask" in answer}

    @property
    def otherwise(self) -> str:
        """What the file says to an answer that matches none of its own; empty if nothing."""
        found = (a.get("feedback", "") for a in self.answers[::-1] if a.get("type") == "default")
        return next(filter(None, found), "")  # the last one counts, as in JupyterQuiz

    @cached_property
    def key(self) -> str:
        """The fingerprint under which answers are kept: 20 hexadecimal digits (of SHA-256).

        It follows from what is asked (type, text, code, items, choices), from what counts as right,
        and from the round; not from feedback, hints, ids, titles, or the name of the file.
        """
        listed = self.answers
        if self.type not in CHOICES:  # what comes after the last right answer is never right
            right = [i for i, answer in enumerate(listed, 1) if answer.get("correct")]
            listed = [a for a in listed[: max(right, default=0)] if a.keys() & _COUNTS]
        asked = [self.type, self.text, self.code, self.items, self.round]
        how = [float(self.precision), float(self.tolerance)]
        facts = [asked, how, [_what_counts(answer) for answer in listed]]
        said = json.dumps(facts, sort_keys=True, default=str)
        return hashlib.sha256(said.encode()).hexdigest()[:20]

    def to_dict(self) -> dict[str, Any]:
        """Return the question as plain data that `json.dumps` takes.

        Returns
        -------
        dict
            With the fields as keys.
        """
        plain = asdict(self)
        return plain | {"answers": list(plain["answers"]), "items": list(plain["items"])}


@dataclass(frozen=True)
class Quiz:
    """A file of questions.

    Attributes
    ----------
    name : str
        The file's name without its ending.
    title : str
        What the quiz is called.
    objectives : dict of str to str
        What the learner can do afterwards.
    questions : tuple of Question
        Those that the notebook asks, in the order of the file.
    reserve : tuple of Question
        Those that only a review asks. They are no part of what is shown, so neither `to_dict` nor
        a comparison looks at them.
    """

    name: str
    title: str
    objectives: dict[str, str]
    questions: tuple[Question, ...]
    reserve: tuple[Question, ...] = field(default=(), compare=False)

    @property
    def pool(self) -> tuple[Question, ...]:
        """All questions of the file: those that the notebook asks, then the reserve."""
        return self.questions + self.reserve

    def __repr__(self) -> str:
        return f"Quiz('{printable(self.name)}': {len(self.questions)} questions)"

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
            "questions": [question.to_dict() for question in self.questions],
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
        refuse_faults(where, wanted, schema_faults(file, "quiz") or [*_logic_faults(file, False)])
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
        If it is no name or path, or there is none; the message lists those that there are.
    """
    path = checks.path(name, "quiz.find", "a quiz file")
    stem = path.name.removesuffix(".json")
    found = bundled("quizzes") / f"{stem}.json"
    ours = path.name == os.fspath(name) and found.is_file()  # a name alone, without a folder
    if os.path.isfile(path) and (path.suffix or not ours):
        return path
    if ours:
        return found
    wanted = f"one of {', '.join(names())}, or a file .json that is there"
    fix = "Check the name and the folder."
    if found.is_file():
        fix = f"Pass '{stem}' alone for the quiz of that name that comes with featlib."
    checks.refuse("quiz.find", wanted, f"'{name}'", fix)


def names() -> list[str]:
    """Return the names of the quizzes that come with featlib, in the lesson's order.

    Returns
    -------
    list of str
    """
    others = {"schema", "flashcards", "guesses"}
    return sorted({path.stem for path in bundled("quizzes").glob("*.json")} - others)


@cache
def bundled_quizzes() -> tuple[Quiz, ...]:
    """Return the quizzes that come with featlib, in the lesson's order.

    Returns
    -------
    tuple of Quiz
    """
    return tuple(map(load, names()))


def load(source: str | bytes | Path | Sequence[dict[str, Any]] | Mapping[str, Any]) -> Quiz:
    """Read questions and check them.

    Parameters
    ----------
    source : str, bytes, pathlib.Path, list of dict, or dict
        As for `find`; or anything that JupyterQuiz takes: a list of questions, the address of a
        file (``https://…``), or the text of a hidden HTML element, in JSON or base64, as
        `base64.b64encode` returns it. A dict is one question, or what a quiz file holds.

    Returns
    -------
    Quiz

    Raises
    ------
    featlib.FeatlibError
        If there is no such file, it is no JSON, or anything in it is wrong. All faults are listed
        at once, each with question and field.

    Examples
    --------
    >>> right = {"value": 512, "correct": True}
    >>> load([{"question": "How many features?", "type": "numeric", "answers": [right]}])
    Quiz('own questions': 1 questions)
    """
    name, where, data = _source(source)
    if isinstance(data, dict) and "question" in data and "questions" not in data:
        data = [data]
    refuse_faults(where, _FILE, schema_faults(data, "quiz") or [*_logic_faults(data)])
    entries = data if isinstance(data, list) else data["questions"]
    facts = {} if isinstance(data, list) else data
    shown, kept = [], []
    for i, entry in enumerate(entries, 1):
        (kept if entry.get("review") else shown).append(_question(i, entry))
    title, objectives = facts.get("title", name), facts.get("objectives", {})
    return Quiz(name, title, objectives, tuple(shown), tuple(kept))


def _source(source: Any) -> tuple[str, str, Any]:
    """Return the name of a quiz, where it is from, for messages, and what is there."""
    own, where = "own questions", "quiz of your own"
    if isinstance(source, (list, tuple, dict)):
        return own, where, plain_json(source, where, "questions as JupyterQuiz has them")
    if isinstance(source, bytes):
        source = source.decode(errors="replace")
    if isinstance(source, str):
        if sources.is_address(address := source.strip()):
            return sources.name_of(address), f"quiz '{address}'", sources.fetch(address, _LARGEST)
        if (data := sources.embedded(source)) is not None:
            return own, where, data
    path = find(source)
    return path.stem, f"quiz '{path}'", read(path)


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
        If it cannot be read, is too large, or no JSON in UTF-8.
    """
    try:
        return sources.parse(read_regular(path, _LARGEST))
    except OSError as error:
        fix = "Get the right to read it, or pass a copy."
        checks.refuse(f"quiz '{path}'", "a file that can be read", reason(error), fix)
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
        lines = [f"{where}: wanted {wanted}, got {count}:", *(f"  {fault}" for fault in faults)]
        raise checks.FeatlibError("\n".join(map(printable, [*lines, "Fix each."])))


def again(name: str, question: Question, round: str = "final") -> Question:
    """Return a question of the lesson as the final quiz, or a review, asks it.

    Parameters
    ----------
    name : str
        The name of its quiz.
    question : Question
        The question.
    round : str
        The `Question.round` it is asked in.

    Returns
    -------
    Question
        Answers to it are kept apart from those in the lesson, and in other rounds.
    """
    return replace(question, id=f"{name}-{question.id}".replace("_", "-"), round=round)


@cache
def validator(part: str) -> Draft202012Validator:
    """Return the validator of a part of schema.json.

    Parameters
    ----------
    part : {"quiz", "question", "deck", "guesses"}
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
    part : {"quiz", "deck", "guesses"}
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


def _logic_faults(data: Any, answerable: bool = True) -> Iterator[str]:
    """Find what a schema cannot say: ids used twice, an unknown objective, no right answer.

    JupyterQuiz, whose files are lists, also asks what has no right answer.
    """
    answerable = answerable and not isinstance(data, list)
    entries = data if isinstance(data, list) else data["questions"]
    objectives = None if isinstance(data, list) else data.get("objectives")
    seen: set[object] = set()
    if all(entry.get("review") for entry in entries):
        yield 'file, as a whole: each question has "review": true, so there is none to show'
    for i, entry in enumerate(entries, 1):
        identity = _identity(i, entry)
        if identity in seen:
            yield f"question {i}, id: '{identity}' is used twice"
        seen.add(identity)
        objective = entry.get("objective")
        if objectives and objective and objective not in objectives:
            yield f"question {i}, objective: '{objective}' is none of {', '.join(objectives)}"
        if entry.get("review") and any("ask" in answer for answer in entry.get("answers", ())):
            yield f"question {i}, review: it asks for a value of a run, and a review has no run"
        yield from (f"question {i}, {fault}" for fault in _number_faults(entry))
        yield from (f"question {i}, {fault}" for fault in _answer_faults(entry, answerable))


def _number_faults(entry: dict[str, Any]) -> Iterator[str]:
    """Find whole numbers that are written with a point, which a schema takes for whole numbers."""
    numbers = [(name, entry.get(name)) for name in _WHOLE]
    for i, answer in enumerate(entry.get("answers", ())):
        numbers += [(f"answers[{i}].shape", size) for size in answer.get("shape", ())]
    for name, number in numbers:
        if isinstance(number, float):
            yield f"{name}: {number} has a point; write {number:.0f}"


def _answer_faults(entry: dict[str, Any], answerable: bool) -> Iterator[str]:
    """Find right answers that nobody can give."""
    right = [(i, a) for i, a in enumerate(entry.get("answers", ())) if a.get("correct")]
    if answerable and entry["type"] not in ("order", "many_choice") and not right:
        yield "answers: none is correct"
    needed = _COMPARED.get(entry["type"], ())
    for i, answer in right:
        if needed and not any(name in answer for name in needed):
            yield f"answers[{i}]: it is correct, but has nothing to compare with; add {needed[0]!r}"
        if entry["type"] == "numeric" and "range" in answer:
            low, high = answer["range"]
            if not low < high:
                yield f"answers[{i}].range: no number is from {low} to below {high}"


def _identity(number: int, entry: dict[str, Any]) -> str:
    return entry.get("id", f"question-{number}")


def _question(number: int, entry: dict[str, Any]) -> Question:
    answers = tuple(map(_plain_answer, entry.get("answers", ())))
    type_ = entry["type"]
    # JupyterQuiz takes a multiple choice with several right answers for a many choice.
    if type_ == "multiple_choice" and sum(bool(a.get("correct")) for a in answers) > 1:
        type_ = "many_choice"
    return Question(
        id=_identity(number, entry),
        type=type_,
        text=entry["question"] or f"Question {number}: what is asked stands beside it.",
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
        round=entry.get("round", ""),
        kind=entry.get("kind", ""),
    )


def _plain_answer(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer as marking takes it: JupyterQuiz also compares with "0.5" and false.

    Of an answer with value and range, it looks at the value alone.
    """
    if "value" not in answer:
        return answer
    plain = {k: v for k, v in answer.items() if k != "range"}
    if not isinstance(plain["value"], (int, float)) or isinstance(plain["value"], bool):
        plain["value"] = float(plain["value"])
    return plain


def _what_counts(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what of an answer decides what is right: 8 and 8.0 are the same."""
    given = {k: answer[k] for k in _COUNTS if k in answer and answer[k] is not False}
    return {k: _as_floats(v) for k, v in given.items()} | {"correct": bool(answer.get("correct"))}


def _as_floats(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_as_floats(item) for item in value]
    return float(value) if type(value) is int else value


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
