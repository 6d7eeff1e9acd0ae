"""How stage 3 is fast and safe: decoding, arithmetic, threads, cache, files.

Nothing here is needed to follow the lesson, and nothing here is part of the public interface.
Input is refused in `checks`, which lies above.
"""
