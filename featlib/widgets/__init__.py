"""What a person touches: small Python classes with a front end of plain JavaScript each."""

__all__: list[str] = []  # the modules are imported one by one: each costs what it shows
