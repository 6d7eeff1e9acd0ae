"""The course as a static site: notebooks as pages, with live quizzes, the lab and own pictures.

It needs no server, no network and no Python: it opens from a folder by a double click, and any host
of static files serves it. `featlib site` is its command.
"""

from featlib.site.builder import build

__all__ = ["build"]
