"""What pyproject.toml cannot say: the wheel takes the encoder that features of clips are made with
by default out of `weights/`, so that `compute_features` works where only the wheel is."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ENCODER = "clmex-anny-views"
FILES = ("config.json", "model.safetensors")


class BuildWithEncoder(build_py):
    def run(self):
        super().run()
        if self.editable_mode:  # the repository is there, and its weights are found in it
            return
        source = Path(__file__).resolve().parent / "weights" / ENCODER
        target = Path(self.build_lib) / "fermodels" / "features" / "weights" / ENCODER
        self.mkpath(str(target))
        for name in FILES:
            self.copy_file(str(source / name), str(target / name))


setup(cmdclass={"build_py": BuildWithEncoder})
