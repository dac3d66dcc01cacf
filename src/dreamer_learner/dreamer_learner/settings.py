"""The learner's parameters as checked values."""

from __future__ import annotations

import dataclasses

from dreamer_learning.config import SEEDS, ConfigError, Range, nearest
from dreamer_learning.devices import PRECISIONS, Precision

ALLOWED = {
    'seed': SEEDS,
    'threads': Range(0, 1024),
    'train_ratio': Range(0),
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Parameters of the node `learner`; see docs/architecture.md.

    Raises:
        ConfigError: a value that is not allowed, on construction.
    """

    run_dir: str
    device: str
    seed: int
    train_ratio: float
    limit_environment: bool
    publish_period: float
    checkpoint_period: float
    video_period: float
    threads: int
    from_checkpoint: str = ''
    compile: bool = False
    precision: Precision = 'float32'

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f"parameter precision: '{self.precision}' is not allowed; {nearest(self.precision, PRECISIONS)}")
        if not self.run_dir:
            raise ConfigError('parameter run_dir: not given; a folder for checkpoints and everything else of the run')
        for name, allowed in ALLOWED.items():
            if getattr(self, name) not in allowed:
                raise ConfigError(f'parameter {name}: {getattr(self, name)} is not allowed; {allowed}')
        for name in ('publish_period', 'checkpoint_period', 'video_period'):
            if not getattr(self, name) > 0:
                raise ConfigError(f'parameter {name}: {getattr(self, name)} is not allowed; seconds above 0')
        if self.limit_environment and not self.train_ratio:
            raise ConfigError('parameter limit_environment: needs a train_ratio above 0; without one nothing is owed')
