import math

from dreamer_learner.meters import Meters


def test_means_of_what_was_recorded_since_the_last_call() -> None:
    meters = Meters()
    meters.record({'loss': 1.0, 'kl': 4.0})
    meters.record({'loss': 3.0, 'kl': math.nan})
    numbers = meters.collect()
    assert (numbers['loss'], numbers['kl']) == (2.0, 4.0)
    assert numbers['updates_per_second'] > 0
    assert meters.collect()['updates_per_second'] == 0.0
