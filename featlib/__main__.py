"""``python -m featlib`` and ``featlib``: the command line, however early it is interrupted."""

import signal
import sys

__all__ = ["main"]


def main() -> int:
    """Run the command of this process.

    Returns
    -------
    int
        The exit code of `featlib.cli.main`; 130, too, where Ctrl-C comes while that is imported.
        A process that is asked to end leaves with 128 and the signal's number.
    """
    for name in ("SIGTERM", "SIGHUP"):  # Python would end at once, with half a file left behind
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    try:
        from featlib import cli

        return cli.main()
    except KeyboardInterrupt:
        print("featlib: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
