"""What pyproject.toml cannot say: a wheel has the host package alone, with the configurations inside.

A wheel is for a board, or for a PC that compiles networks. The simulation needs the RTL beside it, so it comes with the sources
(`make setup`, an editable install).
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent


class BuildPy(build_py):
    """Leave the simulation out, and copy overlay/configs.yaml to where `phantom.config` looks for it."""

    def finalize_options(self) -> None:
        """Choose the packages."""
        super().finalize_options()
        if not self.editable_mode:
            self.packages = [name for name in self.packages if not name.startswith("phantom_sim")]

    def run(self) -> None:
        """Build, from nothing: what an earlier build left (a bitstream that is gone from the sources) would go along."""
        if not self.editable_mode:
            for name in {name.partition(".")[0] for name in self.packages}:
                shutil.rmtree(Path(self.build_lib) / name, ignore_errors=True)
        super().run()
        if not self.editable_mode:
            self.copy_file(str(HERE / "overlay" / "configs.yaml"), str(Path(self.build_lib) / "phantom" / "configs.yaml"))


setup(cmdclass={"build_py": BuildPy})
