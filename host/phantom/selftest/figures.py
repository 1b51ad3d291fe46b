"""How many cycles each network of the self-test should take: by the cycle model where there is one, else by the package.

`figures.json` is what the cycle model said when the package was made (`make selftest-figures`; a test compares the two). Each
network has a range besides: what it takes with a memory as fast as the ports can be, and with a slow one, because a
board's memory is not known as exactly as the simulated one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import Config
from ..driver import PARAMETERS
from ..errors import ConfigError, FormatError
from ..optional import CYCLE_MODEL, available

PATH = Path(__file__).with_name("figures.json")
COMMAND = "make selftest-figures"
MODEL = "by the cycle model"
STORED = "by the figures that come with the package"


@dataclass(frozen=True)
class Figure:
    """Of one network. cycles: with the simulated board's memory; fastest, slowest: with others. macs: multiplies."""

    cycles: int
    fastest: int
    slowest: int
    macs: int


Figures = Mapping[str, Figure]  # by title


def sizes_of(config: Config) -> dict[str, float]:
    """What figures depend on."""
    return {name: getattr(config, name) for name in (*PARAMETERS, "clock_mhz")}


def expected(config: Config, modelled: bool = True) -> tuple[Figures, str]:
    """Figures, and where they are from; `modelled`: by the cycle model where it is installed.

    Raises ConfigError when there are none for these sizes; FormatError.
    """
    if not modelled or not all(map(available, CYCLE_MODEL)):
        return stored(config), STORED
    try:
        from phantom_sim.selftest_figures import figures
    except ImportError:
        return stored(config), STORED
    return figures(config), MODEL


def stored(config: Config, path: Path = PATH) -> Figures:
    """Those of the package. Raises ConfigError, FormatError."""
    try:
        entry = json.loads(path.read_text())[config.name]
        sizes, cycles = entry["sizes"], {title: Figure(*map(int, row)) for title, row in entry["figures"].items()}
    except KeyError:
        raise ConfigError(f"the package has no cycles for configuration {config.name!r}; `{COMMAND}` makes them") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"{path} cannot be read ({error}); `{COMMAND}` makes it anew") from None
    for name, size in sizes_of(config).items():
        if sizes.get(name) != size:
            raise ConfigError(
                f"the package has cycles for {name} = {sizes.get(name)}; configuration {config.name!r} has {size}: "
                f"`{COMMAND}` makes them anew"
            )
    return cycles


def document(config: Config, figures: Figures) -> dict[str, Any]:
    """The entry of a configuration in the file."""
    rows = {title: [f.cycles, f.fastest, f.slowest, f.macs] for title, f in figures.items()}
    return {"sizes": sizes_of(config), "figures": rows}
