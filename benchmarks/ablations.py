"""DreamerV2 with one part left out at a time, on a small game: the direction of what its paper's ablations show.

    ./run python benchmarks/ablations.py --seeds 0 1 2 --jobs 2
    ./run python benchmarks/ablations.py --variants full no_kl_balancing --steps 20000

The game: a ball falls through 6 rows of 5 columns and drifts by one column with a probability of 0.2 in each; it cannot be seen
in the two rows in the middle. A paddle in the lowest row moves left, stays or moves right. Reward 1 for a ball that is caught,
-1 for one that is not. What is counted is the share of balls caught in the second half of training; random play catches a fifth.
The variants are blocks of config/agents/dreamer_v2.yaml on networks of a size for this game; there are as many Gaussian as
categorical variables.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from common import number, seed
from control_suite import Seen
from learn import Trial
from learn_table import Settings

from dreamer_learner.updater import TrainingFailed
from dreamer_learning.agent_config import load_agent
from dreamer_learning.config import ConfigError
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

ROOT = Path(__file__).resolve().parent.parent
ROWS, COLUMNS, DRIFT = 6, 5, 0.2
HIDDEN = range(2, 4)
# Variant -> the median over Atari games in the paper (table 2 of an earlier version: gamer-normalised). What that observes are
# images, so that its "no image gradients" is no_reconstruction_gradients here.
VARIANTS = {
    'full': 1.64, 'no_layer_norm': 1.66, 'no_reward_gradients': 1.68, 'gaussian_latents': 1.08, 'no_kl_balancing': 0.84,
    'no_reinforce': 0.69, 'no_reconstruction_gradients': 0.04,
}
SMALL: dict[str, Any] = {
    'networks': {'units': 64},
    'dynamics': {'deter': 64, 'hidden': 64, 'stoch': 8, 'classes': 8},
    'heads': {'continuation': False},
    'behaviour': {'horizon': 6, 'imagination_starts': 64, 'discount_horizon': 20.0, 'entropy': 1.0e-2},
    # A faster actor settles on one column, in two of three runs for good.
    'optimiser': {'learning_rate': 1.0e-3, 'actor_rate': 3.0e-4, 'critic_rate': 1.0e-3},
    'replay': {'batch': 8, 'length': 18, 'start': 400},
}
TRAIN_RATIO = 144 / 4  # an update every fourth step


class Catch:
    """The game, as learn.Trial takes an environment."""

    task = Task('', 20.0, 0, '', {
        'ball': TensorSpec((COLUMNS,)), 'row': TensorSpec((ROWS,)), 'paddle': TensorSpec((COLUMNS,))}, ActionSpec(3, True))

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self.steps = 0

    def reset(self) -> Seen:
        """A new ball; the paddle stays where it was put at random."""
        self._row = 0
        self._ball, self._paddle = (int(column) for column in self._random.integers(0, COLUMNS, 2))
        return self._seen(0.0)

    def step(self, action: np.ndarray) -> Seen:
        """Choice 0, 1 or 2: left, stay, right."""
        self.steps += 1
        self._row += 1
        drift = int(self._random.choice([-1, 0, 1], p=[DRIFT / 2, 1 - DRIFT, DRIFT / 2]))
        self._ball = min(max(self._ball + drift, 0), COLUMNS - 1)
        self._paddle = min(max(self._paddle + int(action) - 1, 0), COLUMNS - 1)
        return self._seen(0.0 if self._row < ROWS - 1 else 1.0 if self._ball == self._paddle else -1.0)

    def _seen(self, reward: float) -> Seen:
        ball = np.zeros(COLUMNS, np.float32) if self._row in HIDDEN else _one_hot(self._ball, COLUMNS)
        obs = {'ball': ball, 'row': _one_hot(self._row, ROWS), 'paddle': _one_hot(self._paddle, COLUMNS)}
        return Seen(obs, reward, self._row == 0, self._row == ROWS - 1, False)


def _one_hot(place: int, size: int) -> np.ndarray:
    return np.eye(size, dtype=np.float32)[place]


class Result(NamedTuple):
    """Share of balls caught in the second half of training, and seconds that the run took."""

    variant: str
    seed: int
    caught: float
    seconds: float


def train(variant: str, seed: int, steps: int) -> Result:
    """One run."""
    torch.set_num_threads(1)
    blocks = () if variant == 'full' else (variant,)
    config = load_agent(ROOT / 'config', 'dreamer_v2', 'cpu', SMALL, blocks)
    settings = Settings('dreamer_v2', 'cpu', variant, 'catch', 'vector', steps, 1, TRAIN_RATIO, 0, seed, 1, 'cpu', '{}')
    episodes = list(Trial(Catch(seed), config, settings).learn())
    late = [episode.value > 0 for episode in episodes[len(episodes) // 2:]]
    return Result(variant, seed, float(np.mean(late)), episodes[-1].seconds)


def table(results: Sequence[Result]) -> str:
    """Markdown, in the order of VARIANTS."""
    lines = ['| variant | caught | difference | paper, Atari: median | seeds |', '|---|---|---|---|---|']
    shares = {name: [result.caught for result in results if result.variant == name] for name in VARIANTS}
    whole = statistics.fmean(shares['full']) if shares['full'] else None
    for name, values in shares.items():
        if not values:
            continue
        mean = statistics.fmean(values)
        spread = f' +- {statistics.stdev(values):.3f}' if len(values) > 1 else ''
        difference = '' if whole is None or name == 'full' else f'{mean - whole:+.3f}'
        lines.append(f'| {name} | {mean:.3f}{spread} | {difference} | {VARIANTS[name]:.2f} | {len(values)} |')
    return '\n'.join(lines)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--variants', nargs='+', choices=list(VARIANTS), default=list(VARIANTS), help='default: all')
    parser.add_argument('--seeds', type=seed, nargs='+', default=[0, 1, 2], help='a run of each variant (default 0 1 2)')
    parser.add_argument('--steps', type=number(1000), default=14000, help='of the game in each run (default 14000)')
    parser.add_argument('--jobs', type=number(1), default=1, help=f'runs at once (default 1; {os.cpu_count()} cores here)')
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    results = []
    try:
        # Ctrl-C ends the workers too.
        with ProcessPoolExecutor(arguments.jobs, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_DFL)) as pool:
            runs = [pool.submit(train, variant, seed, arguments.steps)
                    for seed in arguments.seeds for variant in arguments.variants]
            try:
                for done in runs:
                    results.append(done.result())
                    print('{}, seed {}: {:.3f} caught, {:.0f} s'.format(*results[-1]), flush=True)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    except (ConfigError, TrainingFailed) as error:
        raise SystemExit(f'error: {error}') from None
    except KeyboardInterrupt:
        raise SystemExit('interrupted') from None
    print(table(results))


if __name__ == '__main__':
    main()
