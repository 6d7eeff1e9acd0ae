"""What all widgets share: their files, their messages, what they show, a form without a kernel."""

import json
import logging
import traceback
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets
from IPython.display import display, update_display

from featlib import checks
from featlib.engine.words import describe, printable, reason

__all__ = ["Widget", "script"]

_HERE = Path(__file__).parent
_LONGEST = 100_000  # characters of a message
_LARGEST = 10_000_000  # bytes of a file; servers take no larger message by default
_AGAIN = "Reload the page and run the cell again."
_log = logging.getLogger(__name__)


def script(name: str) -> str:
    """Return a widget's ES module, with the helpers `element` and `placed` at its beginning.

    Parameters
    ----------
    name : str
        Such as ``"quiz"``.

    Returns
    -------
    str
        A widget is one module without imports, so that it works offline and without a build step.
    """
    parts = (_HERE / file for file in ("dom.js", "place.js", f"{name}.js"))
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)


class Widget(anywidget.AnyWidget):
    """A widget whose front end draws `view` and reports by messages what a person does.

    A message is a dict. It may carry a mark, `sent`. Each message gets one reply, whatever is
    raised on the way: a dict with that mark as `done`, and with words to show as `status`.

    A subclass lists the messages that it takes in `_messages`, and does in `_do` what they ask for.

    Attributes
    ----------
    view : dict
        What the front end shows.
    """

    _css = _HERE / "style.css"
    _messages: ClassVar[Mapping[str, Mapping[str, type]]] = {}
    """The fields that a message has, with their types, by the one that tells its kind.

    A field of type bytes is a file: it comes as a buffer beside the message."""

    _invitation = "Run this cell to use it."
    """What to do where only the plain form is seen."""

    view = traitlets.Dict().tag(sync=True)
    _place = traitlets.Unicode().tag(sync=True)
    _drawn = traitlets.Int().tag(sync=True)  # views in outputs that JupyterLab would save

    def __init__(self, **traits: Any) -> None:
        self._displays: list[str] = []  # outputs with a view in them
        super().__init__(_place=uuid.uuid4().hex, **traits)
        self.on_msg(self._receive)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what the page changed, such as the layout; never what is made here, such as `view`.

        Parameters
        ----------
        sync_data : dict of str to object
            Values by the names of traits.
        """
        super().set_state(
            {name: sync_data[name] for name in sync_data if name not in ("view", "_place")}
        )

    def plain(self) -> tuple[str, str]:
        """Return the widget as text and as HTML, for where no kernel runs.

        Returns
        -------
        text, html : str
        """
        raise NotImplementedError

    def machine_readable(self) -> dict[str, dict[str, Any]]:
        """Return what programs read out of a stored output, such as the questions of a quiz.

        Returns
        -------
        dict of str to dict
            JSON by its MIME type; empty where there is nothing to read.
        """
        return {}

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        shown = super()._repr_mimebundle_(**options) or {}
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        return data | self._plain(), metadata

    def _plain(self, place: str = "") -> dict[str, Any]:
        """Return what an output shows without the view."""
        text, html = self.plain()
        # MathJax would read "$5 and $7" as a formula; ours are MathML already.
        html = (
            f'<div class="tex2jax_ignore mathjax_ignore"{place}>'
            f"<p><em>{self._invitation}</em></p>{html}</div>"
        )
        return {"text/plain": text, "text/html": html} | self.machine_readable()

    def _ipython_display_(self) -> None:
        """Show the view first, which any front end can draw; see place.js for what follows."""
        identity = uuid.uuid4().hex
        self._displays.append(identity)
        data, metadata = self._repr_mimebundle_()
        display(data, metadata=metadata, raw=True, display_id=identity)

    @traitlets.observe("_drawn")
    def _keep_plain(self, _: object) -> None:
        """Put the plain form into the outputs, with a place for the view: that is saved."""
        place = f' data-featlib="{self._place}"'
        while self._displays:
            update_display(self._plain(place), raw=True, display_id=self._displays.pop(0))

    def _do(self, kind: str, fields: dict[str, Any], mark: str | None) -> str:
        """Do what a message asks for, and return what to say about it."""
        raise NotImplementedError

    def _reply(self, words: str, mark: str | None) -> None:
        self.send({"done": mark} | ({"status": words} if words else {}))

    def _receive(self, _: object, content: object, buffers: object) -> None:
        words, mark = "It was stopped.", _mark(content)  # as an interrupt of the kernel does
        try:
            words = self._do(*self._understood(content, buffers), mark)
        except (checks.FeatlibError, OSError) as error:
            words = printable(str(error))
        except Exception as error:
            _log.error("%s", printable(traceback.format_exc(), lines=True))
            words = f"That did not work: {printable(reason(error))}"
        finally:
            self._reply(words, mark)

    def _understood(self, content: object, buffers: object) -> tuple[str, dict[str, Any]]:
        """Return a message's kind and fields; refuse what the front end would never send."""
        where = type(self).__name__
        message = _as_json(content, where)
        kind = next((name for name in self._messages if name in message), None)
        if kind is None:
            wanted = f"a message with one of {', '.join(self._messages)}"
            checks.refuse(where, wanted, describe(content), _AGAIN)
        fields = self._messages[kind]
        names = [name for name in fields if fields[name] is bytes]
        files = list(buffers) if isinstance(buffers, (list, tuple)) else []
        if len(files) != len(names):
            wanted = f"a message '{kind}' with {len(names)} files"
            checks.refuse(where, wanted, f"{len(files)}", _AGAIN)
        message |= {name: _content(file, where) for name, file in zip(names, files, strict=True)}
        for name, wanted in fields.items():
            if name not in message or wanted not in (object, type(message[name])):
                got = describe(message[name]) if name in message else "nothing"
                checks.refuse(where, f"'{name}' of type {wanted.__name__}", got, _AGAIN)
        return kind, {name: message[name] for name in fields}


def _mark(content: object) -> str | None:
    mark = content.get("sent") if isinstance(content, dict) else None
    return mark if isinstance(mark, str) and mark.isascii() and len(mark) <= 100 else None


def _as_json(content: object, where: str) -> dict[str, Any]:
    """Return a message as it came over the wire, with half characters replaced."""
    wanted = f"a message of at most {_LONGEST:,} characters"
    if not isinstance(content, dict):
        checks.refuse(where, "a dict as message", describe(content), _AGAIN)
    try:
        text = json.dumps(content, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):  # no JSON, endless or too deep
        checks.refuse(where, wanted, describe(content), _AGAIN)
    if len(text) > _LONGEST:
        checks.refuse(where, wanted, f"{len(text):,}", "Make it shorter.")
    return json.loads(text.encode(errors="replace"))


def _content(file: object, where: str) -> bytes:
    if not isinstance(file, (bytes, bytearray, memoryview)):
        checks.refuse(where, "a file as bytes", describe(file), _AGAIN)
    size = memoryview(file).nbytes
    if size > _LARGEST:
        wanted = f"a file of at most {_LARGEST // 1_000_000} MB"
        checks.refuse(where, wanted, f"{size / 1e6:.1f} MB", "Make it smaller, or use a folder.")
    return bytes(file)
