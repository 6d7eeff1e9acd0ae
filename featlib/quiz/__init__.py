"""Questions, marking, flashcards and progress; knows neither widgets nor torch."""

from featlib.quiz.flashcards import (
    DECK_MIME,
    Flashcard,
    deck_from_dict,
    deck_to_dict,
    load_deck,
)
from featlib.quiz.html import form
from featlib.quiz.marking import Mark, mark
from featlib.quiz.progress import Answer, Progress, Review, named
from featlib.quiz.questions import (
    MIME,
    Question,
    Quiz,
    bundled_quizzes,
    draw,
    find,
    load,
    names,
)
from featlib.quiz.standing import Standing, progress_table, standings

__all__ = [
    "DECK_MIME",
    "MIME",
    "Answer",
    "Flashcard",
    "Mark",
    "Progress",
    "Question",
    "Quiz",
    "Review",
    "Standing",
    "bundled_quizzes",
    "deck_from_dict",
    "deck_to_dict",
    "draw",
    "find",
    "form",
    "load",
    "load_deck",
    "mark",
    "named",
    "names",
    "progress_table",
    "standings",
]
