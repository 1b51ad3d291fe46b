"""Synthetic images that have of natural ones what matters here: much power at low spatial frequencies, edges, correlated colours.

White noise would give feature maps without any neighbourhood, and their zeros would not come in patches, as those of
photographs do.
"""

from __future__ import annotations

import numpy as np

SEED = 1851
OBJECTS = 12


def images(count: int, shape: tuple[int, int, int], seed: int = SEED) -> np.ndarray:
    """float32 [count, C, H, W] of mean 0 and standard deviation 1 each, as normalised photographs have; the same at every
    call."""
    return np.stack([_image(np.random.default_rng([seed, i]), shape) for i in range(count)])


def _image(rng: np.random.Generator, shape: tuple[int, int, int]) -> np.ndarray:
    channels, height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf  # no mean
    rows, columns = np.mgrid[:height, :width]

    def cloud() -> np.ndarray:
        """Amplitudes that fall with frequency, at random phases; standard deviation 1."""
        field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((height, width))) / frequency, (height, width))
        return np.asarray(field / field.std())

    grey = cloud()
    picture = np.stack([grey + 0.5 * cloud() for _ in range(channels)])
    for _ in range(OBJECTS):  # ellipses, each with a colour and texture of its own, that cover what is behind them
        y, x = rng.uniform(0, height), rng.uniform(0, width)
        ry, rx = rng.uniform(0.05, 0.3) * height, rng.uniform(0.05, 0.3) * width
        inside = ((rows - y) / ry) ** 2 + ((columns - x) / rx) ** 2 < 1
        colour = rng.normal(0, 1) + 0.5 * rng.standard_normal(channels)
        texture = 0.4 * cloud()
        for c in range(channels):
            picture[c][inside] = (colour[c] + texture)[inside]
    picture -= picture.mean()
    return (picture / picture.std()).astype(np.float32)
