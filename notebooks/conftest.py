"""Under test, notebooks find empty folders: what they need, they must make themselves."""

import os
import tempfile

FOLDERS = tempfile.TemporaryDirectory(prefix="featlib-notebooks-")

os.environ["FEATLIB_CACHE_DIR"] = os.path.join(FOLDERS.name, "cache")
os.environ["FEATLIB_DATA_DIR"] = os.path.join(FOLDERS.name, "data")
# A bar that appears on a slow machine only would be a difference.
os.environ["TQDM_DISABLE"] = "1"
# Notebooks that run side by side, with several threads each, would wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
