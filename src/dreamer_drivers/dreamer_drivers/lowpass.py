"""Order-2 Butterworth low-pass for many channels at once."""

from __future__ import annotations

import math

import numpy as np


def butterworth(cutoff: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of an order-2 Butterworth low-pass, by the bilinear transform with pre-warped cut-off.

    H(s) = 1 / (s^2 + sqrt(2) s + 1) with s = (1 - z^-1) / (1 + z^-1) / K and K = tan(pi cutoff / rate).

    Args:
        cutoff: Hz, where the gain is 1/sqrt(2).
        rate: Hz, samples per second.

    Returns:
        b (3,), a (3,) with a[0] = 1: y[n] = b0 x[n] + b1 x[n-1] + b2 x[n-2] - a1 y[n-1] - a2 y[n-2].

    Raises:
        ValueError: a cut-off that is not between 0 and rate / 2.
    """
    if not 0 < cutoff < rate / 2:
        raise ValueError(f'cut-off {cutoff} Hz is not between 0 and half the rate ({rate / 2} Hz)')
    k = math.tan(math.pi * cutoff / rate)
    scale = 1 / (1 + math.sqrt(2) * k + k * k)
    gain = k * k * scale
    b = np.array([gain, 2 * gain, gain])
    a = np.array([1, 2 * (k * k - 1) * scale, (1 - math.sqrt(2) * k + k * k) * scale])
    return b, a


class LowPass:
    """Filters vectors (J,) sample by sample.

    Args:
        cutoff: Hz; 0 passes everything through.
        rate: Hz.
    """

    def __init__(self, cutoff: float, rate: float) -> None:
        if cutoff == 0:
            b, a = np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0])
        else:
            b, a = butterworth(cutoff, rate)
        # Weights of x[n], x[n-1], x[n-2], y[n-1], y[n-2].
        self._weights = np.concatenate([b, -a[1:]])
        self._history: np.ndarray | None = None

    def prime(self, value: np.ndarray) -> None:
        """Behave as if the input had been `value` (J,) forever: the same input again gives `value`."""
        self._history = np.tile(np.asarray(value, np.float64), (5, 1))

    def __call__(self, value: np.ndarray) -> np.ndarray:
        """The filtered sample (J,).

        Raises:
            RuntimeError: not primed.
        """
        history = self._history
        if history is None:
            raise RuntimeError('the low-pass needs prime() before the first sample')
        history[0] = value
        result = self._weights @ history
        history[2] = history[1]
        history[1] = value
        history[4] = history[3]
        history[3] = result
        return result
