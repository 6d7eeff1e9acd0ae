"""``python -m featlib`` does what ``featlib`` does."""

import sys

from featlib.cli import main

if __name__ == "__main__":
    sys.exit(main())
