"""How stage 3 is fast and safe: decoding, arithmetic, threads, cache, files.

Nothing here is needed to follow the lesson, and nothing here refuses input: that is `checks`' task.
"""
