"""The cycle model: what the RTL needs for a stage, cycle for cycle, without simulating the RTL.

A file for each block of the RTL, with the registers that matter for time: addresses and positions of nonzeros, but no values.
What takes a cycle there takes one here, so no delay is a figure that was fitted. `machine` puts the blocks together; all of
it is compiled by numba (`kernel`) and runs about a hundred times as fast as the simulated RTL of 128 multipliers.

    from phantom_sim.model import simulate_layer, simulate_network, simulate_stage
"""

from __future__ import annotations

from phantom_sim.timing import Timing

from .stage import StageResult, simulate_layer, simulate_network, simulate_stage
from .written import written_stream

__all__ = ["StageResult", "Timing", "simulate_layer", "simulate_network", "simulate_stage", "written_stream"]
