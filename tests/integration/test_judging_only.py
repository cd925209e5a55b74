"""Second faces are for judging: no training takes them, and nothing in the project tries to."""

import ast
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from fermodels.data import PreparedImages
from fermodels.evaluation import linear_probe
from fermodels.experiments.experiment import Experiment
from fermodels.training import recipes
from tests.fixtures.clips import make_clips
from tests.fixtures.images import make_tiny
from tests.notebooks.cells import plain_python

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "second_faces.parquet"
# Calls that learn from images; what they are given must not be second faces.
TRAININGS = {
    *("pretrain", "finetune", "fit", "train_clip_classifier", "pretrain_clips"),
    *("ImageDataset", "InstanceBatchSampler", "SubjectBatchSampler", "RandomBatchSampler"),
}


@pytest.fixture(scope="module")
def judging(tmp_path_factory):
    """A small data set with the purpose of the shipped one, read from a file."""
    tiny = make_tiny(subjects=3)
    tiny.metadata["purpose"] = PreparedImages.read(SHIPPED).metadata["purpose"]
    return PreparedImages.read(
        tiny.write(tmp_path_factory.mktemp("judging") / "second_faces.parquet")
    )


@pytest.mark.parametrize("method", ["clmex", "simclr", "viewfx"])
def test_pretraining_refuses_them(judging, method):
    with pytest.raises(ValueError, match="second_faces.parquet is for judging .* pre-training"):
        recipes.pretrain(method, judging, images_seen=10)


def test_fine_tuning_refuses_them(judging):
    with pytest.raises(ValueError, match="second_faces.parquet is for judging .* fine-tuning"):
        recipes.finetune(judging, np.arange(8), steps=1)


def test_parts_and_unions_of_them_stay_for_judging(judging):
    other = make_tiny(subjects=3, seed=5)
    table = other.table.assign(image=other._blobs())
    for column in ("subject", "instance"):
        table[column] = "other " + table[column]
    other = PreparedImages(table, other.metadata)
    for prepared in (
        judging.subset(np.arange(70)),
        PreparedImages.concat([judging, other]),
        PreparedImages.concat([other, judging]),
    ):
        with pytest.raises(ValueError, match="is for judging"):
            recipes.pretrain("clmex", prepared, images_seen=10)
    other.check_trainable("anything")
    assert "purpose" not in PreparedImages.concat([other]).metadata


def test_experiments_of_the_shell_refuse_them(judging, tmp_path):
    class Reads(Experiment):
        def read(self):
            return judging

    experiment = Reads("name", judging.source, str(tmp_path / "run"), "cpu", None)
    with pytest.raises(ValueError, match="is for judging .* an experiment"):
        experiment.run({"init_args": {}}, "")
    assert not (tmp_path / "run").exists()


def test_clips_can_be_for_judging_too():
    clips = make_clips(speakers=2, takes=1)
    clips.metadata["purpose"] = "judging"
    with pytest.raises(ValueError, match="is for judging .* a classifier"):
        recipes.train_clip_classifier(None, clips, np.arange(4))


def test_a_probe_on_embeddings_may_read_them(judging):
    features = judging.images().reshape(len(judging), -1)[:, ::40].astype(np.float32)
    people = judging.subject_ids
    train, test = people < 2, people == 2
    y = judging.labels
    probe = linear_probe(features[train], y[train], features[test], y[test])
    assert 0 <= probe.accuracy <= 1


# --------------------------------------------------------------------------- what the project does


@dataclass
class Source:
    place: str
    code: str


def sources() -> list[Source]:
    found = [
        Source(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        for room in ("studies", "benchmarks", "tools", "fermodels")
        for path in sorted((ROOT / room).rglob("*.py"))
    ]
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = [plain_python("".join(c["source"])) for c in cells if c["cell_type"] == "code"]
        found.append(Source(path.name, "\n".join(code)))
    return found


def trained_on_second_faces(code: str) -> list[str]:
    """The calls of a training in `code` one of whose arguments comes from second faces."""
    tree = ast.parse(code)
    names = set()

    def speaks_of_them(node) -> bool:
        return any(
            (isinstance(part, ast.Constant) and "second_faces" in str(part.value))
            or (isinstance(part, ast.Name) and (part.id in names or "second_faces" in part.id))
            for part in ast.walk(node)
        )

    for _ in range(3):  # names of what is made of them, and what is made of that
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and speaks_of_them(node.value):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (getattr(node.func, "attr", None) or getattr(node.func, "id", None)) in TRAININGS
        and any(speaks_of_them(part) for part in [*node.args, *(k.value for k in node.keywords)])
    ]


def test_the_search_finds_such_a_call():
    code = (
        "p = read('data/second_faces.parquet')\nq = p\nrecipes.pretrain('clmex', q, images_seen=1)"
    )
    assert trained_on_second_faces(code) == ["recipes.pretrain('clmex', q, images_seen=1)"]
    assert trained_on_second_faces("finetune(second_faces, rows)")
    assert not trained_on_second_faces("embed(encoder, second_faces)\npretrain('clmex', faces)")


def test_no_code_of_the_project_trains_on_them():
    found = sources()
    assert len(found) > 100 and any(source.place.endswith(".ipynb") for source in found)
    calls = {source.place: trained_on_second_faces(source.code) for source in found}
    assert {place: made for place, made in calls.items() if made} == {}


def test_no_configuration_names_them():
    configs = sorted((ROOT / "configs").glob("*.yaml"))
    assert configs
    assert [path.name for path in configs if "second_faces" in path.read_text("utf-8")] == []
    weights = (ROOT / "Makefile").read_text("utf-8").split("\nweights:")[1].split("\n\n")[0]
    assert "second_faces" not in weights
