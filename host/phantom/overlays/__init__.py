"""Where PYNQ finds ``phantom.bit``: `pynq.Overlay("phantom.bit")` looks in this folder of the installed package.

The bitstream and its ``.hwh`` are built (`make bitstream`), not part of the sources. ``ARGS=--install`` puts them here, from
where they go into the wheel; a ``.link`` beside them (``ARGS="--link URL"``) tells PYNQ where to fetch released ones.
"""
