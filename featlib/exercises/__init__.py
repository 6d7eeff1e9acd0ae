"""What a learner writes: challenges with their checkers, and the scoreboard of the project."""
