"""The small notebooks that the browser tests open."""

import nbformat

FACES = """\
import numpy as np
from fermodels import course, evaluation
from fermodels.models import ImageEncoder
from fermodels.data import PreparedImages

faces = PreparedImages.read(course.data("anny_views_kdef"))
faces = faces.subset(np.flatnonzero(faces.subject_ids % 9 == 0))
names = {"SimCLR": "simclr-anny-views", "CL-MEx": "clmex-anny-views"}
embeddings = {
    name: evaluation.embed(ImageEncoder.from_pretrained(course.weights(folder)), faces)
    for name, folder in names.items()
}"""

EXPLORER = """\
from fermodels.explore import EmbeddingExplorer

explorer = EmbeddingExplorer(embeddings, faces, remember="settings/explorer.json")
explorer"""

PLAIN = """\
import numpy as np
import pandas as pd
from fermodels.explore import EmbeddingExplorer

rng = np.random.default_rng(0)
table = pd.DataFrame({"expression": ["sad", "happy"] * 50, "subject": ["s1"] * 60 + ["s2"] * 40})
x = {"before": rng.normal(size=(100, 4)), "after": rng.normal(size=(100, 4))}
explorer = EmbeddingExplorer(x, table)
explorer"""

# Whatever text the data has tries to run as code.
EVIL = """\
import numpy as np
from fermodels import course
from fermodels.data import PreparedClips
from fermodels.explore import EmbeddingExplorer

evil = "<img src=x onerror='window.hacked = true'><script>window.hacked = true</script>"
clips = PreparedClips.read(course.data("anny_clips")).subset(range(0, 1260, 41))
table = clips.table
words = "Well, I think so."
table["transcript"] = [words] + [evil] * (len(table) - 1)
for column in ("clip", "subject", "emotion", "voice"):
    table[column] = [evil + str(value) for value in table[column]]
table["file"] = [f"{evil}{row}.mp4" for row in range(len(table))]
table[evil] = evil + table["emotion"]
x = np.random.default_rng(0).normal(size=(len(table), 6))
explorer = EmbeddingExplorer({evil: x}, clips, predictions={evil: table["emotion"]})
explorer"""


def write(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, path)
    return path.name
