"""Example inputs for a float model: reading them from a .npy file, and handing them out in batches of the model's size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .errors import FormatError, RangeError, ShapeError


def load_examples(path: str, shape: tuple[int, ...], batch: int) -> np.ndarray:
    """float32 [N, *shape] from a .npy file with one example [*shape] or with N of them.

    Raises FormatError (no such file), ShapeError (shape, element type, number not a multiple of `batch`), RangeError (a value
    that is not finite).
    """
    try:
        array = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise FormatError(f"{path}: there is no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise FormatError(f"{path}: not a .npy file, or damaged ({error})") from None
    if not isinstance(array, np.ndarray):
        raise FormatError(f"{path}: holds several arrays; it must be a .npy file with one")
    return check_examples(array, shape, batch, path)


def check_examples(array: np.ndarray, shape: tuple[int, ...], batch: int, what: str) -> np.ndarray:
    """`array` as float32 [N, *shape]; `what` names it in errors, which are those of `load_examples`."""
    wanted = f"[N, {', '.join(map(str, shape))}]"
    if array.dtype.kind != "f":
        raise ShapeError(
            f"{what}: has element type {array.dtype}; it must be float32, scaled as in training (pixels 0..255 usually are not)"
        )
    if array.shape == shape:
        array = array[None]
    if array.ndim != len(shape) + 1 or array.shape[1:] != shape:
        raise ShapeError(f"{what}: has shape {list(array.shape)}; it must be {wanted}, as the model's input")
    if not len(array):
        raise ShapeError(f"{what}: has no examples; some dozens that are typical of the model's inputs are best")
    if batch > 1 and len(array) % batch:
        raise ShapeError(f"{what}: has {len(array)} examples; the model takes {batch} at a time, so it must be a multiple of it")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        raise RangeError(f"{what}: value {array[index]} at index {index}, and {len(bad) - 1} more like it; all must be finite")
    return np.ascontiguousarray(array, np.float32)


def batches(examples: np.ndarray, batch: int) -> Sequence[np.ndarray]:
    """Views of the examples, `batch` at a time (0: one at a time)."""
    step = max(batch, 1)
    return [examples[start : start + step] for start in range(0, len(examples), step)]
