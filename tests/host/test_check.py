"""The checker says where the first mismatch is."""

from __future__ import annotations

import numpy as np
import pytest

from phantom.check import check_equal, check_outputs
from phantom.errors import MismatchError, ShapeError


def test_the_first_mismatch_is_named() -> None:
    right = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    wrong = right.copy()
    check_equal("conv1", right, wrong)
    wrong[1, 0, 3] = 99
    wrong[1, 2, 0] = 98
    message = "'conv1': 2 of 24 values differ; the first is channel 1, row 0, column 3: expected 15, got 99"
    with pytest.raises(MismatchError, match=message):
        check_equal("conv1", right, wrong)
    with pytest.raises(MismatchError, match="'b'"):
        check_outputs(["a", "b"], [right, right], [right, wrong])


def test_shape_and_type() -> None:
    right = np.zeros((1, 2, 2), np.uint8)
    for wrong in (right.astype(np.int8), right[:, :1], right[0]):
        with pytest.raises(ShapeError, match="it must be uint8 of shape"):
            check_equal("x", right, wrong)
    with pytest.raises(ShapeError, match="1 outputs for 2"):
        check_outputs(["a", "b"], [right, right], [right])
