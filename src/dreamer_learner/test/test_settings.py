import dataclasses
from typing import Any

import pytest

from dreamer_learner.settings import Settings
from dreamer_learning.config import ConfigError

GOOD = Settings('run', 'cpu', 0, 32.0, True, 5.0, 60.0, 60.0, 0)


@pytest.mark.parametrize(
    ('name', 'value', 'text'),
    [
        ('run_dir', '', 'parameter run_dir: not given'),
        ('seed', -1, 'parameter seed: -1 is not allowed; at least 0'),
        ('seed', 2**32, 'parameter seed: 4294967296 is not allowed; at least 0 and at most 4294967295'),
        ('seed', 99999999999999999999, 'parameter seed: 99999999999999999999 is not allowed'),
        ('threads', 10**20, 'parameter threads: 100000000000000000000 is not allowed; at least 0 and at most 1024'),
        ('threads', -2, 'parameter threads: -2 is not allowed'),
        ('train_ratio', -0.5, 'parameter train_ratio: -0.5 is not allowed'),
        ('train_ratio', float('nan'), 'parameter train_ratio: nan is not allowed'),
        ('train_ratio', float('inf'), 'parameter train_ratio: inf is not allowed; at least 0'),
        ('publish_period', 0.0, 'parameter publish_period: 0.0 is not allowed; seconds above 0'),
        ('checkpoint_period', float('nan'), 'parameter checkpoint_period: nan'),
        ('video_period', -1.0, 'parameter video_period: -1.0'),
        ('precision', 'float16', "parameter precision: 'float16' is not allowed; did you mean"),
        ('train_ratio', 0.0, 'parameter limit_environment: needs a train_ratio'),
    ],
)
def test_bad_settings_name_the_parameter(name: str, value: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        dataclasses.replace(GOOD, **{name: value})
