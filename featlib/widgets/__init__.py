"""What a person touches: small Python classes with a front end of one ES module each."""
