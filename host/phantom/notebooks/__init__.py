"""Notebooks for the board: `pynq get-notebooks` delivers this folder."""
