import numpy as np
import pytest

from dreamer_learner.latents import NEAR, without_foreign_latents
from dreamer_recorder.reader import RecordedStep

CHECKPOINT = 1_700_000_000_000


def recorded(version: int) -> RecordedStep:
    flag = np.zeros(1, bool)
    return RecordedStep(
        1, 5, 0.25, {}, np.ones(1, np.float32), flag, flag, flag, np.ones((1, 2), np.float32),
        {'deter': np.ones((1, 3), np.float16)}, version,
    )


@pytest.mark.parametrize(('version', 'checkpoint', 'kept'), [
    (CHECKPOINT, CHECKPOINT, True),
    (CHECKPOINT - NEAR, CHECKPOINT, True),
    (CHECKPOINT - NEAR - 1, CHECKPOINT, False),
    (CHECKPOINT + NEAR, CHECKPOINT, True),
    (CHECKPOINT + NEAR + 1, CHECKPOINT, False),
    (CHECKPOINT, 0, False),
    (0, 0, False),
])
def test_only_latents_of_weights_near_the_checkpoint_are_kept(version: int, checkpoint: int, kept: bool) -> None:
    step = recorded(version)
    (result,) = without_foreign_latents([step], checkpoint)
    assert bool(result.latent) is kept
    assert (result.step, result.action is step.action, bool(step.latent)) == (5, True, True)
