"""Say how long each notebook takes to read and to do, by a count of what is in it.

    python tools/notebook_minutes.py               # a row for each notebook
    python tools/notebook_minutes.py --write       # into the notebooks, 00's map and the README
    python tools/notebook_minutes.py --write 00 03 # into the first cells of two alone, and 00's map

To read is to read the prose. What is folded away, and lines of links, do not count. Silent readers
of English manage 238 words of non-fiction a minute (Brysbaert, 2019, A review and meta-analysis of
reading rate, Journal of Memory and Language 109); 230 leaves a little for tables and numbers.

To do is the rest: to look at the code and run it, to guess, to fill gaps and to answer the quiz.
The seconds for each (`CODE_LINE`, `QUESTION`, `TASKS`) are estimates, the same for all notebooks.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from featlib.engine.files import atomic_write_text

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "notebooks"
QUIZZES = ROOT / "quizzes"

WORDS = 230  # read a minute
CODE_LINE = 2  # seconds: most lines are one short call, and what matters is said above them
QUESTION = 30  # seconds
# Seconds for what a cell asks of the learner; each pattern stands for one task.
TASKS = {
    r"featlib\.predict_first\(": 20,
    r"featlib\.show_my_picture\(": 60,
    r"^(?:gaps|challenges)\.check_\w+\(": 180,  # not those of the worked solutions, inside a dict
    r"featlib\.show_(?:lab|own_images|flashcards)\(": 300,
    r"scoreboard\.Scoreboard\(": 1200,
}

_LINK = r"\[[^\]]*\]\([^)]*\)"
_ONLY_LINKS = re.compile(rf"(\*About [^*]*\*)?(\s|·|{_LINK})+")
_MINUTES = re.compile(r"\*About [^*]*\*")


class Minutes(NamedTuple):
    """How long a notebook takes.

    Attributes
    ----------
    read, do : float
        In minutes, not rounded.
    """

    read: float
    do: float

    def __str__(self) -> str:
        read, do = self.rounded()
        return f"*About {read} minute{'s' * (read > 1)} to read, {do} to do.*"

    def rounded(self) -> tuple[int, int]:
        """Return whole minutes, at least 1 each."""
        return max(1, round(self.read)), max(1, round(self.do))


def count(notebook: NotebookNode) -> Minutes:
    """Count how long a notebook takes.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Executed or not.

    Returns
    -------
    Minutes
    """
    sources: dict[str, list[str]] = {"markdown": [], "code": [], "raw": []}
    for cell in notebook.cells:
        sources[cell.cell_type].append(cell.source)
    words = sum(map(_words, sources["markdown"]))
    seconds = sum(map(_seconds, sources["code"]))
    return Minutes(words / WORDS, seconds / 60)


def _words(markdown: str) -> int:
    """Count the words that a reader sees."""
    shown = re.sub(r"<details>.*?</details>", "", markdown, flags=re.DOTALL)
    kept = [part for part in re.split(r"\n\s*\n", shown) if not _ONLY_LINKS.fullmatch(part.strip())]
    text = re.sub(r"\]\([^)]*\)|<[^>]*>", " ", " ".join(kept))
    return len(re.findall(r"\S*\w\S*", text))


def _seconds(code: str) -> float:
    """Count how long a cell of code takes."""
    lines = sum(bool(line.strip()) for line in code.splitlines())
    tasks = sum(len(re.findall(task, code, re.M)) * time for task, time in TASKS.items())
    return lines * CODE_LINE + tasks + _questions(code) * QUESTION


def _questions(code: str) -> int:
    """Count the questions that a cell asks."""
    asked = sum(int(n) for n in re.findall(r"quiz\.draw\((\d+)", code))
    for name in re.findall(r"show_quiz\(\s*\"(\w+)\"", code):
        questions = json.loads((QUIZZES / f"{name}.json").read_text(encoding="utf-8"))["questions"]
        asked += sum(not question.get("review") for question in questions)
    return asked


def minutes(folder: Path = FOLDER) -> dict[str, Minutes]:
    """Return how long each notebook of a folder takes, by its file's name."""
    return {
        path.name: count(nbformat.read(path, as_version=4))
        for path in sorted(folder.glob("[01][0-9]_*.ipynb"))
    }


def in_table(text: str, found: dict[str, Minutes]) -> str:
    """Put the minutes into the last two columns of each row of a table that begins with a notebook.

    Parameters
    ----------
    text : str
        Markdown. A row names its notebook by a link, or by number and title as 00 does itself.
    found : dict of str to Minutes
        By the file's name.

    Returns
    -------
    str
    """
    for name, taken in found.items():
        title = name.removesuffix(".ipynb").replace("_", " ")
        row = rf"^(.*(?:\({name}\)|\| {title} \|).*\|)[^|\n]*\|[^|\n]*\|$"
        ending = " {} | {} |".format(*taken.rounded())
        text = re.sub(row, rf"\1{ending}", text, flags=re.MULTILINE | re.IGNORECASE)
    return text


def write(names: list[str], folder: Path = FOLDER) -> None:
    """Write the minutes where learners look for them."""
    found = minutes(folder)
    for name in found:
        if not any(map(name.startswith, names or [""])):
            continue
        path = folder / name
        notebook = nbformat.read(path, as_version=4)
        first = notebook.cells[0]
        first.source = _MINUTES.sub(str(found[name]), first.source, count=1)
        if name.startswith("00_"):
            for cell in notebook.cells:
                if cell.source.startswith("## The map"):
                    cell.source = in_table(cell.source, found)
        atomic_write_text(path, nbformat.writes(notebook) + "\n")
    readme = folder / "README.md"
    atomic_write_text(readme, in_table(readme.read_text(encoding="utf-8"), found))


def main(arguments: list[str] | None = None) -> int:
    """Run the tool."""
    parser = argparse.ArgumentParser(description="How long the notebooks take, by a count.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as 03; all if left out")
    parser.add_argument("--write", action="store_true", help="write it into the notebooks")
    options = parser.parse_args(arguments)
    if options.write:
        write(options.names)
    found = minutes()
    for name, taken in found.items():
        print(f"{name:30} {taken.read:5.1f} to read {taken.do:6.1f} to do")
    core = [taken for name, taken in found.items() if "01" <= name[:2] <= "06"]
    read, do = (sum(times) for times in zip(*core, strict=True))
    print(f"{'01 to 06':30} {read:5.1f} to read {do:6.1f} to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
