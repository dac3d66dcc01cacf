import numpy as np
import pytest

from dreamer_drivers.lowpass import LowPass, butterworth


def test_coefficients_are_those_of_daydreamers_a1() -> None:
    b, a = butterworth(1.5, 20.0)
    assert b == pytest.approx([0.04125, 0.08251, 0.04125], abs=1e-5)
    assert a == pytest.approx([1.0, -1.34897, 0.51398], abs=1e-5)


def test_gain_is_one_at_rest_and_half_power_at_the_cutoff() -> None:
    b, a = butterworth(3.0, 50.0)
    z = np.exp(-2j * np.pi * 3.0 / 50.0 * np.arange(3))
    assert b.sum() / a.sum() == pytest.approx(1.0)
    assert abs((b * z).sum() / (a * z).sum()) == pytest.approx(2**-0.5)


def test_input_equal_to_the_primed_pose_gives_no_motion() -> None:
    pose = np.array([0.3, -2.0, 0.0])
    lowpass = LowPass(1.5, 20.0)
    lowpass.prime(pose)
    outputs = [lowpass(pose) for _ in range(200)]
    np.testing.assert_allclose(outputs, np.tile(pose, (200, 1)), atol=1e-12)


def test_step_response_follows_the_difference_equation() -> None:
    b, a = butterworth(1.5, 20.0)
    lowpass = LowPass(1.5, 20.0)
    lowpass.prime(np.array([1.0, 1.0]))
    first, second = lowpass(np.array([2.0, 1.0])), lowpass(np.array([2.0, 1.0]))
    # Above the pose of 1: y0 = b0, y1 = b0 + b1 - a1 b0.
    np.testing.assert_allclose(first, [1 + b[0], 1.0])
    np.testing.assert_allclose(second, [1 + b[0] + b[1] - a[1] * b[0], 1.0])
    for _ in range(100):
        last = lowpass(np.array([2.0, 1.0]))
    np.testing.assert_allclose(last, [2.0, 1.0], atol=1e-6)


def test_priming_again_forgets_the_past() -> None:
    lowpass = LowPass(1.5, 20.0)
    lowpass.prime(np.zeros(1))
    lowpass(np.ones(1))
    lowpass.prime(np.array([5.0]))
    np.testing.assert_allclose(lowpass(np.array([5.0])), [5.0])


def test_cutoff_zero_passes_through() -> None:
    lowpass = LowPass(0.0, 20.0)
    lowpass.prime(np.zeros(2))
    assert lowpass(np.array([1.0, -3.0])).tolist() == [1.0, -3.0]


def test_needs_priming_and_a_cutoff_below_half_the_rate() -> None:
    with pytest.raises(RuntimeError, match='prime'):
        LowPass(1.5, 20.0)(np.zeros(1))
    with pytest.raises(ValueError, match='half the rate'):
        butterworth(10.0, 20.0)
