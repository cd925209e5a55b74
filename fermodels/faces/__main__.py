"""`python -m fermodels.faces` builds the head model's cache, once on a machine."""

import time

from fermodels.faces.model import head_model

start = time.perf_counter()
print("building the head model's cache (the first time takes one to three minutes) …", flush=True)
head_model()
print(f"head model ready after {time.perf_counter() - start:.0f} s")
