"""What a learner writes: gaps, challenges with their checkers, the scoreboard of the project."""

from featlib.exercises import challenges, gaps, scoreboard, verdict

__all__ = ["challenges", "gaps", "scoreboard", "verdict"]
