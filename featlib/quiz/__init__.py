"""Questions, marking, flashcards and progress; knows neither widgets nor torch."""

from featlib.quiz.drawing import draw
from featlib.quiz.flashcards import (
    DECK_MIME,
    Flashcard,
    deck_from_dict,
    deck_to_dict,
    load_deck,
)
from featlib.quiz.guess_questions import GUESS_MIME, GuessQuestion, find_guess, load_guesses
from featlib.quiz.guess_results import GuessSpread, guess_spread, guess_table, guesses_of
from featlib.quiz.guesses import Guess
from featlib.quiz.html import form
from featlib.quiz.marking import Mark, mark
from featlib.quiz.mastery import Mastery, masteries, mastery_table, weakest
from featlib.quiz.progress import Answer, Guessed, Progress, Review, named
from featlib.quiz.questions import (
    MIME,
    Question,
    Quiz,
    bundled_quizzes,
    find,
    load,
    names,
)
from featlib.quiz.standing import Standing, progress_table, standings

__all__ = [
    "DECK_MIME",
    "GUESS_MIME",
    "MIME",
    "Answer",
    "Flashcard",
    "Guess",
    "GuessQuestion",
    "GuessSpread",
    "Guessed",
    "Mark",
    "Mastery",
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
    "find_guess",
    "form",
    "guess_spread",
    "guess_table",
    "guesses_of",
    "load",
    "load_deck",
    "load_guesses",
    "mark",
    "masteries",
    "mastery_table",
    "named",
    "names",
    "progress_table",
    "standings",
    "weakest",
]
