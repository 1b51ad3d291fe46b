"""dask.distributed, which only sweeps on a cluster need."""

from __future__ import annotations

from typing import Any

from phantom.errors import DeviceTimeout, PhantomError

TIMEOUT = 10  # seconds for a scheduler to answer


def connect(address: str) -> Any:
    """A client of the scheduler at `address`, tcp://host:port.

    Raises PhantomError without dask, or for something else than an address; DeviceTimeout when nobody answers there.
    """
    try:
        from distributed import Client
    except ImportError:
        raise PhantomError("--scheduler needs dask.distributed; in the sources: pip install '.[cluster]'") from None
    try:
        return Client(address, timeout=TIMEOUT)
    except (OSError, TimeoutError):
        raise DeviceTimeout(f"{address}: no scheduler answers there; start one: dask scheduler") from None
    except ValueError as error:
        raise PhantomError(f"{address}: not the address of a scheduler ({error}); it must look like tcp://host:8786") from None
