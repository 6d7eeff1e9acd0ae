"""What a learner writes: challenges with their checkers, and the scoreboard of the project."""

from featlib.exercises import challenges, scoreboard, verdict

__all__ = ["challenges", "scoreboard", "verdict"]
