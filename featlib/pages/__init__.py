"""What becomes HTML: the lesson's report, slides, the report on a class."""
