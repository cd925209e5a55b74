"""`python -m studies.frozen`: who is asked, and what is written."""

import pandas as pd

from fermodels import evaluation
from fermodels.models import ImageEncoder
from studies import frozen


def test_every_encoder_is_asked_about_test_people(tiny_prepared, tmp_path, monkeypatch):
    path = tiny_prepared.write(tmp_path / "tiny.parquet")
    encoder = ImageEncoder(image_size=16, width=4)
    encoder.save_pretrained(tmp_path / "encoder")
    trained = {"CL-MEx": tmp_path / "encoder", "mine": tmp_path / "encoder"}
    monkeypatch.setattr(frozen, "TRAINED", trained)
    frozen.main(["--data", str(path), "--results", str(tmp_path / "results")])
    probes = pd.read_csv(tmp_path / "results" / "probe.csv")
    reports = pd.read_csv(tmp_path / "results" / "invariance.csv").set_index("encoder")
    assert list(reports.index) == ["untrained", "CL-MEx", "mine"]
    assert len(probes) == 2 * len(reports)

    split = tiny_prepared.split("subject", seed=0)
    train, test = split["train"], split["test"]
    x = evaluation.embed(ImageEncoder.from_pretrained(tmp_path / "encoder"), tiny_prepared)
    expected = evaluation.linear_probe(
        x[train], tiny_prepared.labels[train], x[test], tiny_prepared.labels[test]
    ).accuracy
    linear = probes[probes["kind"] == "linear"].set_index("encoder")["all"]
    assert abs(linear["CL-MEx"] - expected) < 1e-6 and linear["mine"] == linear["CL-MEx"]
    report = evaluation.view_invariance(x[test], tiny_prepared.table.loc[test].reset_index())
    assert abs(reports.loc["CL-MEx", "same_instance_cosine"] - report.same_instance_cosine) < 1e-6
    assert reports.loc["CL-MEx"].equals(reports.loc["mine"])
    assert not reports.loc["untrained"].equals(reports.loc["mine"])
