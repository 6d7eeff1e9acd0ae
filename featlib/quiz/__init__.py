"""Questions, marking and progress; knows neither widgets nor torch."""

from featlib.quiz.html import form
from featlib.quiz.marking import Mark, mark
from featlib.quiz.progress import Answer, Progress
from featlib.quiz.questions import Question, Quiz, find, load

__all__ = ["Answer", "Mark", "Progress", "Question", "Quiz", "find", "form", "load", "mark"]
