"""Under test, notebooks find empty folders: what they need, they must make themselves."""

import os
import tempfile

os.environ["FEATLIB_CACHE_DIR"] = tempfile.mkdtemp(prefix="featlib-cache-")
os.environ["FEATLIB_DATA_DIR"] = tempfile.mkdtemp(prefix="featlib-data-")
# A bar that appears on a slow machine only would be a difference.
os.environ["TQDM_DISABLE"] = "1"
