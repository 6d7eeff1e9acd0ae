"""How long a quiz keeps the kernel busy: showing one, and checking an answer.

    python benchmarks/quiz.py

Both beside what any widget costs at least: an ipywidgets label that is made, and changed; and
keeping an answer with up to 50,000 earlier ones in the file, which must not take longer.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import replace

import ipywidgets
from rich.console import Console

from featlib import quiz
from featlib.tables import Table
from featlib.widgets.quiz import QuizWidget


def ten_questions():
    """Return a quiz of ten questions of all types."""
    questions = [q for name in quiz.names() for q in quiz.load(name).questions]
    usable = [q for q in questions if not q.asks]
    chosen = [replace(q, id=f"q{i}") for i, q in enumerate(usable[:10])]
    return quiz.Quiz("benchmark", "Ten questions", {}, tuple(chosen))


def measure(action, repeats):
    """Return the median and the largest time of an action, in milliseconds."""
    times = []
    for i in range(repeats):
        started = time.perf_counter()
        action(i)
        times.append(1000 * (time.perf_counter() - started))
    return statistics.median(times), max(times)


def keeping(folder, repeats):
    """Return the times to keep the first answer to a question, by how many were kept before."""
    found = {}
    question = ten_questions().questions[0]
    line = dict.fromkeys(("quiz", "question", "answer"), "x") | {"correct": True, "hint": False}
    for n in (0, 500, 5_000, 50_000):
        progress = quiz.Progress(os.path.join(folder, f"{n}.jsonl"))
        progress.path.write_text(f"{json.dumps(line | {'time': 1.0})}\n" * n)
        progress.add("q", question, 1, True)  # as showing the quiz does, it reads the file once
        asked = [replace(question, text=f"{question.text} ({i})") for i in range(repeats)]
        found[f"an answer kept after {n:,}"] = measure(
            lambda i, to=progress, asked=asked: to.add("q", asked[i], i, True), repeats
        )
    return found


def main():
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=50, help="how often (50)")
    repeats = parser.parse_args().repeats
    ten = ten_questions()
    with tempfile.TemporaryDirectory() as folder:
        progress = quiz.Progress(os.path.join(folder, "answers.jsonl"))
        for i in range(500):  # a learner who has been busy
            progress.add("earlier", f"q{i}", "an answer", True)
        widget = QuizWidget(ten, progress)
        choice = next(q for q in ten.questions if q.type == "multiple_choice")
        label = ipywidgets.Label()
        found = {
            "a label, shown": measure(lambda i: ipywidgets.Label()._repr_mimebundle_(), repeats),
            "ten questions, shown": measure(
                lambda i: QuizWidget(ten, progress)._repr_mimebundle_(), repeats
            ),
            "a label, changed": measure(lambda i: setattr(label, "value", str(i)), repeats),
            "an answer, checked and kept": measure(
                lambda i: widget._receive(widget, {"check": choice.id, "answer": i % 4}, []),
                repeats,
            ),
        }
        found |= keeping(folder, repeats)
    rows = tuple((name, f"{mid:.2f}", f"{most:.2f}") for name, (mid, most) in found.items())
    title = "Kernel time of a quiz, with 500 earlier answers on disk"
    Console().print(Table(title, ("action", ">median ms", ">slowest ms"), rows))


if __name__ == "__main__":
    main()
