"""The quiz as a widget.

Marking happens here, in Python. The front end (quiz.js) only shows what `view` says and sends back
what the learner did; an answer travels inside the message that asks to check it.
"""

from pathlib import Path

import anywidget
import traitlets

from featlib import checks, quiz
from featlib.quiz import html
from featlib.quiz.marking import shuffled

HERE = Path(__file__).parent
MODES = ("one", "all")


class QuizWidget(anywidget.AnyWidget):
    """A quiz to answer in the notebook.

    Attributes
    ----------
    quiz : featlib.quiz.Quiz
        The questions.
    progress : featlib.quiz.Progress
        Where answers are kept.
    view : dict
        What the front end shows.
    """

    _esm = HERE / "quiz.js"
    _css = HERE / "quiz.css"
    view = traitlets.Dict().tag(sync=True)

    def __init__(self, quiz, progress, values=None, mode="one"):
        self.quiz = quiz
        self.progress = progress
        self.values = values or {}
        self._by_id = {question.id: question for question in quiz.questions}
        self._hints = set()
        super().__init__(view={"title": quiz.title, "mode": mode, "questions": self._questions()})
        self.on_msg(self._receive)

    def _repr_mimebundle_(self, **options):
        """Show the widget where there is a kernel, and a plain form where there is none."""
        shown = super()._repr_mimebundle_(**options)
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        plain = {"text/plain": repr(self.quiz), "text/html": html.form(self.quiz)}
        return data | plain, metadata

    def _questions(self):
        last = self.progress.last(self.quiz.name)
        return [self._show(question, last.get(question.id)) for question in self.quiz.questions]

    def _show(self, question, answer=None, mark=None):
        """Return what the front end needs to show of a question."""
        if answer is not None and mark is None:
            mark = quiz.mark(question, answer.answer, self.values)
        done = mark is not None and mark.correct
        return {
            "id": question.id,
            "type": question.type,
            "text": html.rich(question.text, question.format) + html.code(question.code),
            "choices": [html.choice(question, a) for a in question.answers]
            if question.type in ("multiple_choice", "many_choice")
            else [],
            "items": [{"number": i, "text": question.items[i]} for i in shuffled(question)]
            if question.type == "order"
            else [],
            "columns": question.columns,
            "answer": answer.answer if answer else None,
            "state": "open" if mark is None else "right" if done else "wrong",
            "feedback": html.rich(mark.feedback, question.format) if mark else "",
            "hint": self._hint(question, mark),
            "explanation": html.rich(question.explanation, question.format) if done else "",
        }

    def _hint(self, question, mark):
        """Return the hint, once an answer was wrong."""
        if question.hint and mark is not None and not mark.correct:
            self._hints.add(question.id)
        shown = question.id in self._hints and not (mark and mark.correct)
        return html.rich(question.hint, question.format) if shown else ""

    def _receive(self, _, content, buffers):
        if "check" in content:
            self._check(content["check"], content["answer"])
        elif "reset" in content:
            self.progress.reset(self.quiz.name)
            self._hints.clear()
            self._replace(self._questions(), "All answers are cleared.")

    def _check(self, identity, answer):
        question = self._by_id[identity]
        try:
            mark = quiz.mark(question, answer, self.values)
        except checks.FeatlibError as error:
            self.send({"status": str(error)})
            return
        hint = identity in self._hints
        self.progress.add(self.quiz.name, identity, answer, mark.correct, hint)
        answered = quiz.Answer(self.quiz.name, identity, answer, mark.correct, hint, 0.0)
        shown = self._show(question, answered, mark)
        questions = [shown if q["id"] == identity else q for q in self.view["questions"]]
        self._replace(questions, "Right." if mark.correct else "Not right.")

    def _replace(self, questions, status):
        self.view = self.view | {"questions": questions}
        self.send({"status": status})


def show_quiz(name, *, values=None, mode="one"):
    """Show a quiz, as the last line of a cell.

    Parameters
    ----------
    name : str or pathlib.Path
        Such as ``"03_feature_extraction"``, or the path of a quiz file.
    values : dict of str to float or str, optional
        Values of your own run, for questions that ask for one.
    mode : {"one", "all"}
        One question at a time, or all at once.

    Returns
    -------
    QuizWidget

    Raises
    ------
    featlib.FeatlibError
        If there is no such quiz, its file is faulty, or a value that it asks for is missing.
    """
    checks.one_of(mode, "show_quiz", "mode", MODES)
    loaded, values = quiz.load(name), values or {}
    asked = {a["ask"] for q in loaded.questions for a in q.answers if "ask" in a}
    if missing := sorted(asked - values.keys()):
        mend = f"Pass show_quiz({str(name)!r}, values={{{missing[0]!r}: …}})."
        wanted = f"the values {', '.join(sorted(asked))} of your own run"
        checks.refuse("show_quiz", wanted, f"nothing for {', '.join(missing)}", mend)
    return QuizWidget(loaded, quiz.Progress(), values, mode)
