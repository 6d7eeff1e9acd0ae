"""Questions, marking, flashcards and progress; knows neither widgets nor torch."""

from featlib.quiz.flashcards import Flashcard, load_deck
from featlib.quiz.html import form
from featlib.quiz.marking import Mark, mark
from featlib.quiz.progress import Answer, Progress, Review
from featlib.quiz.questions import Question, Quiz, draw, find, load, names
from featlib.quiz.standing import Standing, progress_table, standings

__all__ = [
    "Answer",
    "Flashcard",
    "Mark",
    "Progress",
    "Question",
    "Quiz",
    "Review",
    "Standing",
    "draw",
    "find",
    "form",
    "load",
    "load_deck",
    "mark",
    "names",
    "progress_table",
    "standings",
]
