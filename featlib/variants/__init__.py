"""A learner's variant: a name from which a split of their own follows.

Everybody sees the same 1000 pictures, so that their features serve every variant. Which 200 of them
are validated on follows from the name, and what is measured then differs from learner to learner.
"""

from featlib.variants.names import current, keep, name
from featlib.variants.splits import held_out

__all__ = ["current", "held_out", "keep", "name"]
