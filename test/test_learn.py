"""benchmarks/learn.py, on a small environment with the interface of dm_control."""

import csv
import dataclasses
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from dreamer_learner.updater import TrainingFailed
from dreamer_learning.agent_config import load_agent
from dreamer_learning.config import ConfigError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'benchmarks'))

import learn  # noqa: E402
import learn_table  # noqa: E402
from control_suite import ControlTask  # noqa: E402
from learn_table import Run, Settings  # noqa: E402

LENGTH = 20  # environment steps of an episode
SMALL = {
    'networks': {'units': 8}, 'dynamics': {'deter': 16, 'hidden': 8, 'stoch': 4, 'classes': 4},
    'behaviour': {'horizon': 2}, 'replay': {'batch': 2, 'length': 4, 'start': 8, 'capacity': 1000},
}
SETTINGS = Settings(
    agent='dreamer_v3', size='cpu', blocks='', task='cartpole_swingup', inputs='vector', steps=3 * LENGTH, repeat=2,
    train_ratio=2.0, prefill=0, seed=3, threads=1, device='cpu', overrides='{}')


class Line:
    """Rewards 1, 2, 3, ...; actions go from 0 to 4 in the first and from -1 to 1 in the second dimension."""

    def __init__(self, terminal: bool = False) -> None:
        self.terminal, self.actions, self.count = terminal, [], 0

    def action_spec(self) -> SimpleNamespace:
        return SimpleNamespace(shape=(2,), minimum=np.array([0.0, -1.0]), maximum=np.array([4.0, 1.0]))

    def observation_spec(self) -> dict[str, Any]:
        return {'place': SimpleNamespace(shape=()), 'speed': SimpleNamespace(shape=(3,))}

    def control_timestep(self) -> float:
        return 0.01

    def _step(self, first: bool) -> SimpleNamespace:
        last = self.count == LENGTH
        return SimpleNamespace(
            observation={'place': np.float64(self.count), 'speed': np.ones(3)}, reward=None if first else float(self.count),
            discount=None if first else float(not (last and self.terminal)), first=lambda: first, last=lambda: last)

    def reset(self) -> SimpleNamespace:
        self.count = 0
        return self._step(True)

    def step(self, action: np.ndarray) -> SimpleNamespace:
        assert self.count < LENGTH, 'stepped beyond the end'
        self.actions.append(np.array(action))
        self.count += 1
        return self._step(False)


def test_an_action_is_repeated_and_its_rewards_add_up() -> None:
    line = Line()
    environment = ControlTask(line, 'vector', repeat=8)
    assert environment.task.control_rate == pytest.approx(12.5)
    assert {name: spec.shape for name, spec in environment.task.observation.items()} == {'place': (1,), 'speed': (3,)}
    first = environment.reset()
    assert (first.reward, first.is_first, first.is_last) == (0.0, True, False)
    seen = [environment.step(np.array([-1.0, 0.5])) for _ in range(3)]
    assert [step.reward for step in seen] == [36.0, 100.0, 74.0]  # 1 + .. + 8, 9 + .. + 16, 17 + .. + 20
    assert [step.is_last for step in seen] == [False, False, True]
    assert not any(step.is_first for step in seen)
    assert seen[0].obs['place'].dtype == np.float32
    assert seen[0].obs['place'] == [8.0]
    assert environment.steps == LENGTH
    np.testing.assert_allclose(line.actions, [[0.0, 0.5]] * LENGTH)
    environment.reset()
    environment.step(np.array([1.0, -1.0]))
    np.testing.assert_allclose(line.actions[-1], [4.0, -1.0])


@pytest.mark.parametrize('terminal', [False, True])
def test_a_time_limit_is_not_a_true_end(terminal: bool) -> None:
    environment = ControlTask(Line(terminal), 'vector', repeat=LENGTH)
    environment.reset()
    seen = environment.step(np.zeros(2))
    assert seen.is_last
    assert seen.is_terminal == terminal


def test_a_run_trains_as_often_as_it_is_told_and_keeps_its_results(tmp_path: Path) -> None:
    config = load_agent(ROOT / 'config', 'dreamer_v3', 'cpu', SMALL)
    seeds, lines = [], []

    def make(seed: int) -> ControlTask:
        seeds.append(seed)
        lines.append(Line())
        return ControlTask(lines[-1], 'vector', SETTINGS.repeat)

    folder = tmp_path / SETTINGS.name()
    learn.run(SETTINGS, config, make, folder)
    with (folder / 'progress.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [(int(row['steps']), float(row['return'])) for row in rows] == [(20, 210.0), (40, 210.0), (60, 210.0)]
    # Rows of an episode: 10 actions and the observation after the last. From the 8th on each is worth 2 / (2 * 4) updates.
    assert [int(row['updates']) for row in rows] == [(rows - 7) // 4 for rows in (11, 22, 33)]
    assert len(lines[0].actions) == SETTINGS.steps
    assert len(lines[1].actions) == 10 * LENGTH
    assert len(set(seeds)) == 2
    run = learn_table.load_run(folder)
    assert run.settings == SETTINGS
    assert run.evaluation == [210.0] * 10
    with pytest.raises(ConfigError, match='holds a run already'):
        learn.run(SETTINGS, config, make, folder)


class Interrupted(Line):
    """Ctrl-C comes at these steps."""

    def __init__(self, *steps: int) -> None:
        super().__init__()
        self.steps = steps

    def step(self, action: np.ndarray) -> SimpleNamespace:
        if len(self.actions) + 1 in self.steps:
            os.kill(os.getpid(), signal.SIGINT)
        return super().step(action)


@pytest.mark.parametrize(('signals', 'evaluated'), [((LENGTH + 3,), 10), ((LENGTH + 3, LENGTH + 4), 0)])
def test_ctrl_c_ends_training_and_a_second_one_the_run(
        tmp_path: Path, signals: tuple[int, ...], evaluated: int) -> None:
    config = load_agent(ROOT / 'config', 'dreamer_v3', 'cpu', SMALL)
    line = Interrupted(*signals)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            learn.run(SETTINGS, config, lambda seed: ControlTask(line, 'vector', SETTINGS.repeat), tmp_path)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(yaml.safe_load((tmp_path / 'run.yaml').read_text())['evaluation']) == evaluated
    # Only the episode before the signal is one.
    assert [row['steps'] for row in csv.DictReader((tmp_path / 'progress.csv').open())] == [str(LENGTH)]


def test_random_actions_come_first() -> None:
    config = load_agent(ROOT / 'config', 'dreamer_v3', 'cpu', SMALL)
    line = Line()
    trial = learn.Trial(ControlTask(line, 'vector', 2), config, dataclasses.replace(SETTINGS, prefill=40, train_ratio=8.0))
    updates = [episode.updates for episode in trial.learn()]
    # Nothing is trained meanwhile; the row with which the random steps are complete is the first to count.
    assert updates == [0, 1, 12]
    random = np.array(line.actions[:40:2])[:, 1]
    expected = np.random.default_rng(SETTINGS.seed).uniform(-1.0, 1.0, (22, 2)).astype(np.float32)
    np.testing.assert_allclose(random, np.delete(expected, [10, 21], 0)[:, 1], rtol=1e-6)


class Broken(Line):
    """A Line whose observation is not a number where `broken` says so of the count of its steps."""

    def __init__(self, broken: Callable[[int], bool]) -> None:
        super().__init__()
        self._broken = broken

    def _step(self, first: bool) -> SimpleNamespace:
        step = super()._step(first)
        if self._broken(len(self.actions)):
            step.observation['place'] = np.float64('nan')
        return step


def test_training_without_a_finite_loss_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = dataclasses.replace(SETTINGS, steps=100 * LENGTH, train_ratio=8.0)
    config = load_agent(ROOT / 'config', 'dreamer_v3', 'cpu', SMALL)
    with pytest.raises(TrainingFailed, match=r'10 updates in a row .* observation/place of step \d+ of stream 0 is NaN'):
        learn.run(settings, config, lambda seed: ControlTask(Broken(lambda count: True), 'vector', 2), tmp_path / 'run')
    content = yaml.safe_load((tmp_path / 'run' / 'run.yaml').read_text())
    assert content['evaluation'] == []
    assert content['updates_left_out'] == 10
    assert learn_table.load_run(tmp_path / 'run').evaluation == []
    assert capsys.readouterr().err.count('warning: ') == 1


def test_training_that_failed_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise TrainingFailed('ten in a row')

    monkeypatch.setattr(sys, 'argv', ['learn.py'])
    monkeypatch.setattr(learn, 'learn', fail)
    with pytest.raises(SystemExit, match='error: ten in a row') as ended:
        learn.main()
    assert isinstance(ended.value.code, str)  # exit code 1


def test_updates_without_a_finite_loss_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = dataclasses.replace(SETTINGS, steps=10 * LENGTH)
    small = {**SMALL, 'replay': {**SMALL['replay'], 'capacity': 1024}}
    config = load_agent(ROOT / 'config', 'dreamer_v3', 'cpu', small)
    learn.run(settings, config, lambda seed: ControlTask(Broken(lambda count: count == 2), 'vector', 2), tmp_path / 'run')
    left_out = yaml.safe_load((tmp_path / 'run' / 'run.yaml').read_text())['updates_left_out']
    assert left_out > 0
    assert len(learn_table.load_run(tmp_path / 'run').evaluation) == 10
    assert f'{left_out} updates left out' in capsys.readouterr().out


@pytest.mark.parametrize('options', [
    ['--seeds', '-1'], ['--seeds', '0', '4294967296'], ['--steps', '0'], ['--steps', '1.5'], ['--train-ratio', 'nan'],
    ['--train-ratio', '-1'], ['--threads', '0'], ['--repeat', 'often']])
def test_a_number_out_of_range_names_its_option(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        learn.parse(options)
    assert ended.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f'argument {options[0]}: {options[-1]}: a' in line
    assert 'at least' in line or 'from 0 to 4294967295' in line


def test_the_largest_seed_is_one_for_the_evaluation_too(tmp_path: Path) -> None:
    seeds = []

    def make(seed: int) -> ControlTask:
        seeds.append(seed)
        return ControlTask(Line(), 'vector', 2)

    settings = dataclasses.replace(SETTINGS, steps=LENGTH, train_ratio=0.0, seed=2**32 - 1)
    learn.run(settings, load_agent(ROOT / 'config', 'dreamer_v3', 'cpu', SMALL), make, tmp_path / 'run')
    assert seeds == [2**32 - 1, learn.EVALUATION_SEED - 1]


@pytest.mark.parametrize(('options', 'repeat', 'ratio', 'prefill', 'size'), [
    (['--agent', 'planet'], 8, 2000.0, 5000, 'cpu'),
    (['--agent', 'planet', '--task', 'humanoid_run'], 2, 500.0, 5000, 'cpu'),
    (['--agent', 'dreamer_v3'], 2, 512.0, 0, '1m'),
    (['--agent', 'dreamer_v2', '--repeat', '4', '--train-ratio', '0', '--prefill', '0', '--size', 'paper'], 4, 0.0, 0, 'paper'),
])
def test_options_come_before_the_papers(options: list[str], repeat: int, ratio: float, prefill: int, size: str) -> None:
    parsed = learn.parse(options)
    settings = learn.plan(parsed, parsed.task[0], 7)
    assert (settings.repeat, settings.train_ratio, settings.prefill) == (repeat, ratio, prefill)
    assert (settings.size, settings.seed) == (size, 7)


@pytest.mark.parametrize('agent', ['planet', 'dreamer_v1', 'dreamer_v2', 'dreamer_v3', 'daydreamer'])
def test_every_agent_has_a_protocol(agent: str) -> None:
    assert agent in learn_table.load_figures().protocols
    assert learn_table.load_protocol(agent).replayed > 0


def write_run(folder: Path, settings: Settings, returns: list[float], evaluation: list[float]) -> None:
    path = folder / settings.name()
    path.mkdir()
    learn_table.save_run(path, settings, evaluation)
    rows = [f'{1000 * (n + 1)},{value},{n},{36 * n}' for n, value in enumerate(returns)]
    (path / 'progress.csv').write_text('\n'.join(['steps,return,updates,seconds', *rows]) + '\n99999,12')  # cut off


def test_the_table_puts_seeds_together_beside_the_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = dataclasses.replace(SETTINGS, steps=600_000)
    for seed, level in ((0, 400.0), (1, 600.0)):
        # The level of the ten episodes before 500,000 steps, and something else before and after.
        returns = [0.0] * 490 + [level] * 10 + [level + 100] * 100
        write_run(tmp_path, dataclasses.replace(settings, seed=seed), returns, [700.0, 800.0])
    write_run(tmp_path, dataclasses.replace(settings, agent='planet', size='paper'), [100.0] * 300, [])
    learn_table.show(tmp_path)
    lines = capsys.readouterr().out.splitlines()
    dreamer, planet = sorted(line for line in lines if line.startswith('| cartpole_swingup'))
    assert dreamer == ('| cartpole_swingup | dreamer_v3 cpu, vector | 2 | 2 | 0 1 | 600,000 | 599 | 6.0 | 600 +- 141 | 750 +- 0 '
                       '| 856 after 500k | 500 +- 141 |')
    assert planet.endswith('| 300,000 | 299 | 3.0 | 100 | - | 821 after 1M (image) | - |')
    assert any(line.startswith('- planet, image, 1,000,000 steps: PlaNet, table 1') for line in lines)
    image = cv2.imread(str(tmp_path / 'cartpole_swingup.png')).astype(int)
    for color in learn_table.COLORS[:2]:
        assert np.count_nonzero(np.all(np.abs(image - color) < 8, axis=2)) > 1200


def test_a_run_that_is_not_so_far_has_no_figure_there() -> None:
    steps = np.arange(1, 101) * 1000.0
    run = Run(SETTINGS, steps, np.arange(100.0), steps, steps, [])
    assert run.return_at(50_000) == pytest.approx(np.arange(40, 50).mean())
    assert run.return_at(101_000) == pytest.approx(np.arange(90, 100).mean())
    assert run.return_at(200_000) is None


@pytest.mark.parametrize(('come', 'expected'), [(1_000, 105_000), (105_000, 105_000), (400_000, 105_000), (5_000_000, 5_000_000)])
def test_a_run_stands_beside_the_last_figure_that_it_has_come_to(come: float, expected: int) -> None:
    figures = learn_table.load_figures()
    run = Run(dataclasses.replace(SETTINGS, agent='dreamer_v1'), np.array([come]), np.zeros(1), np.zeros(1), np.zeros(1), [])
    found = learn_table.reference(figures, run)
    assert found is not None
    assert found.steps == expected


def test_what_is_not_a_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='no runs of learn.py'):
        learn_table.show(tmp_path)
    write_run(tmp_path, SETTINGS, [1.0], [])
    path = tmp_path / SETTINGS.name() / 'run.yaml'
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), 'repeat': 'often'}))
    with pytest.raises(ConfigError, match="run.yaml: repeat: expected int, not 'often'"):
        learn_table.show(tmp_path)


@pytest.mark.parametrize(('file', 'text', 'message'), [
    ('progress.csv', 'steps,return,updates,seconds\n1000,1.0,2,3\n2000,x,2,3\n',
     "progress.csv: line 3: '2000,x,2,3'; allowed: 4 finite numbers"),
    ('progress.csv', 'steps,return,updates,seconds\n1000\n', "progress.csv: line 2: '1000'; allowed: 4 finite numbers"),
    ('progress.csv', 'steps,return,updates,seconds\n1000,nan,2,3\n', "progress.csv: line 2: '1000,nan,2,3'"),
    ('progress.csv', '', 'progress.csv: the first line must be steps,return,updates,seconds'),
    ('run.yaml', 'evaluation: abc\n', "run.yaml: evaluation: expected a list.*'abc'"),
    ('run.yaml', 'evaluation: [1.0, abc]\n', "run.yaml: evaluation.*'abc'"),
])
def test_a_damaged_file_is_named(tmp_path: Path, file: str, text: str, message: str) -> None:
    write_run(tmp_path, SETTINGS, [1.0], [])
    path = tmp_path / SETTINGS.name() / file
    if file == 'run.yaml':
        text += yaml.safe_dump({key: value for key, value in yaml.safe_load(path.read_text()).items() if key != 'evaluation'})
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        learn_table.show(tmp_path)


def test_a_row_that_is_half_written_does_not_count(tmp_path: Path) -> None:
    write_run(tmp_path, SETTINGS, [1.0], [])
    path = tmp_path / SETTINGS.name() / 'progress.csv'
    path.write_text('steps,return,updates,seconds\r\n1000,1.0,2,36.5\r\n2000,2.0,4,')
    run = learn_table.load_run(path.parent)
    assert (run.steps.tolist(), run.seconds.tolist()) == ([1000.0], [36.5])
