"""For all tests: one thread, and no network."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's library is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")
