import numpy as np

from dreamer_learner.video import CHANNELS, LABEL, MODEL, ROW, TRUTH, WIDTH, render


def count(image: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((image == colour).all(-1).sum())


def vectors(model_offset: float) -> dict[str, np.ndarray]:
    truth = np.sin(np.linspace(0, 9, 32))[None, :, None] * np.linspace(0.1, 1.6, 16)
    model = truth + model_offset * (np.arange(32) >= 16)[None, :, None]
    return {'context': np.asarray(16), 'joints/truth': truth.astype(np.float32), 'joints/model': model.astype(np.float32)}


def test_vectors_become_one_row_for_each_of_the_channels_that_vary_most() -> None:
    image = render(vectors(0.2))
    assert image.shape == (LABEL + CHANNELS * ROW, WIDTH, 3)
    assert image.dtype == np.uint8
    for row in range(CHANNELS):
        part = image[LABEL + row * ROW : LABEL + (row + 1) * ROW]
        assert count(part, TRUTH) > 50
        assert count(part, MODEL) > 100


def test_a_right_prediction_covers_the_truth() -> None:
    assert count(render(vectors(0.0)), TRUTH) == 0


def test_images_become_rows_of_truth_prediction_and_error() -> None:
    truth = np.zeros((2, 20, 8, 10, 3), np.uint8)
    truth[0] = 200
    model = np.full_like(truth, 50)
    image = render({'context': np.asarray(10), 'image/truth': truth, 'image/model': model})
    assert image.shape == (LABEL + 3 * 8, 12 * 10, 3)
    assert [int(image[LABEL + 8 * row + 4, 5, 0]) for row in range(3)] == [200, 50, 150]
    assert count(image[LABEL:], MODEL) == 2 * 24


def test_gray_images_and_several_observations_are_stacked() -> None:
    gray = np.full((1, 4, 8, 8, 1), 90, np.uint8)
    report = {**vectors(0.1), 'image/truth': gray, 'image/model': gray}
    assert render(report).shape == (2 * LABEL + CHANNELS * ROW + 3 * 8, WIDTH, 3)


def test_a_prediction_that_is_not_finite_is_drawn_too() -> None:
    report = vectors(0.0)
    report['joints/model'][:, 20:] = np.nan
    assert render(report).shape[1] == WIDTH
