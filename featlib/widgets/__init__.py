"""What a person touches: small Python classes with a front end of plain JavaScript each."""
