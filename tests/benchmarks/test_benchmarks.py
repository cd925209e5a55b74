"""`python -m benchmarks`: every topic gives rows, a result names its machine and has a picture."""

import json
from importlib import import_module

import pytest
from PIL import Image

from benchmarks import __main__ as benchmarks
from benchmarks import machine, pictures


@pytest.mark.parametrize("topic", benchmarks.TOPICS)
def test_every_topic_has_a_quick_form(topic):
    module = import_module(f"benchmarks.{topic}")
    assert "quick" in module.run.__code__.co_varnames[: module.run.__code__.co_argcount]


def test_one_topic_from_the_command_to_its_picture(tmp_path):
    assert benchmarks.main(["opening", "--quick", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "opening.json").read_text(encoding="utf-8"))
    assert result["quick"] and result["command"] == "python -m benchmarks opening --quick"
    assert {"processor", "cores", "memory_gib", "packages"} <= result["machine"].keys()
    assert result["rows"] and all(row["value"] > 0 for row in result["rows"])
    with Image.open(tmp_path / "opening.png") as picture:
        assert picture.width > 500
    assert sorted(path.name for path in tmp_path.iterdir()) == ["opening.json", "opening.png"]


def test_a_topic_that_fails_leaves_the_older_result(tmp_path, monkeypatch, capfd):
    (tmp_path / "broken.json").write_text("older")
    monkeypatch.setitem(benchmarks.TOPICS, "broken", "no such module")
    monkeypatch.setitem(benchmarks.TOPICS, "opening", "what runs after it")
    monkeypatch.setattr(benchmarks, "measure", failing(benchmarks.measure))
    assert benchmarks.main(["broken", "opening", "--quick", "--out", str(tmp_path)]) == 1
    assert (tmp_path / "broken.json").read_text() == "older"
    assert (tmp_path / "opening.json").exists() and "failed: broken" in capfd.readouterr().err


def failing(measure):
    import subprocess

    def measured(topic, quick):
        if topic == "broken":
            raise subprocess.CalledProcessError(3, "broken")
        return measure(topic, quick)

    return measured


def test_unknown_topics_are_refused(capsys):
    with pytest.raises(SystemExit):
        benchmarks.main(["lossses"])
    assert "unknown topic lossses; there are losses" in capsys.readouterr().err


def test_the_picture_of_the_losses_shows_every_implementation(tmp_path):
    rows = [
        {"case": case, "n": n, "name": name, "seconds": n * 1e-5, "spread": [n * 9e-6, n * 2e-5]}
        | {"memory_bytes": n * 1000}
        for case in ("multi-view", "nt-xent")
        for name in ("fermodels", "lightly")
        for n in (512, 1024)
    ]
    del rows[-1]["memory_bytes"]
    result = {"topic": "losses", "rows": rows, "machine": machine.describe(), "quick": True}
    figure = pictures.losses(result)
    upper = figure.axes[0]
    assert [line.get_label() for line in upper.lines] == ["fermodels", "lightly"]
    assert list(upper.lines[1].get_ydata()) == pytest.approx([5.12, 10.24])
    assert len(figure.axes) == 4 and len(figure.axes[3].lines[1].get_xdata()) == 1
    pictures.save(result | {"command": "python -m benchmarks losses"}, tmp_path / "losses.png")
