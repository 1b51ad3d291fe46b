"""What end-to-end tests share: random cases, and a simulated board that survives an assertion of the RTL."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import numpy as np
from hypothesis import HealthCheck, Phase, currently_in_test_context, note, settings
from hypothesis import strategies as st

from phantom.config import load_config
from phantom.counters import Counters
from phantom.driver import Accelerator
from phantom.errors import DeviceError
from phantom.executable import Executable
from phantom.network import Network
from phantom.program import Program, compile_network
from phantom.run import DeviceRunner

CONFIG = load_config(os.environ.get("CONFIG", "tiny"))
SEEDS = st.integers(0, 2**32 - 1)
RANKS = st.one_of(st.just(0), st.integers(1, 200))  # the best tiling, or any other one that fits


def few(examples: int) -> settings:
    """So many examples, or EXAMPLES. Shrinking would simulate for minutes; the printed seed is enough to run a case again."""
    return settings(
        max_examples=int(os.environ.get("EXAMPLES", examples)),
        deadline=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


class SimulatedBoard:
    """A board that is made anew when an assertion of the RTL has ended it; `runner` runs the stages."""

    runner: type[DeviceRunner] = DeviceRunner
    config = CONFIG

    def __init__(self) -> None:
        self.accelerator: Accelerator | None = None

    def outputs(
        self, network: Network, image: np.ndarray, rank: int
    ) -> tuple[list[Program], dict[str, np.ndarray], list[Counters]]:
        """Compile, with the tilings `rank` places behind the best, and run: programs, outputs by layer, counters."""
        programs = compile_network(network, self.config, rank=rank)
        for program in programs if currently_in_test_context() else ():
            note(f"{program.name}: {program.source.logical} {program.tiling} {program.stage.pool}")
        return programs, *self.run_stages(programs, image)

    def run_stages(self, stages: Sequence[Executable], image: np.ndarray) -> tuple[dict[str, np.ndarray], list[Counters]]:
        """Run what is compiled: outputs by layer, counters."""
        if self.accelerator is None:
            from phantom_sim.overlay import board

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.accelerator = Accelerator(board(self.config.name), self.config, timeout=300)
        try:
            outputs, counters = self.runner(self.accelerator, stages)(image)
        except DeviceError:
            self.close()
            raise
        assert counters is not None
        return outputs, counters

    def close(self) -> None:
        """End the simulation."""
        if self.accelerator is not None:
            self.accelerator.overlay.device.close()
            self.accelerator = None
