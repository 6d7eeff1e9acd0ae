"""A trained head that is kept: its folder, its card, and the classifier that is made of them."""
