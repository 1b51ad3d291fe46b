"""What pyproject.toml cannot say: a wheel has the configurations inside, and what the simulation is built from.

Both lie elsewhere in the tree, where an editable install (`make setup`) finds them. A board uses nothing of the simulation.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
COPIES = {  # patterns of files, by the folder that the package looks for them in
    "phantom": ("overlay/configs.yaml",),
    "phantom_sim/sources/hls": ("hls/*.sv", "hls/phantom.f", "hls/lint.vlt"),
    "phantom_sim/sources/overlay": ("overlay/*.rdl", "overlay/*.j2", "overlay/registers.*"),
}


class BuildPy(build_py):
    """Copy what lies elsewhere."""

    def run(self) -> None:
        """Build, from nothing: what an earlier build left (a bitstream that is gone from the sources) would go along."""
        if not self.editable_mode:
            for name in {name.partition(".")[0] for name in self.packages}:
                shutil.rmtree(Path(self.build_lib) / name, ignore_errors=True)
        super().run()
        for folder, patterns in COPIES.items() if not self.editable_mode else ():
            self.mkpath(str(Path(self.build_lib) / folder))
            for path in sorted(path for pattern in patterns for path in HERE.glob(pattern)):
                self.copy_file(str(path), str(Path(self.build_lib) / folder / path.name))


setup(cmdclass={"build_py": BuildPy})
