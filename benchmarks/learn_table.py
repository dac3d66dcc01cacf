"""Runs of learn.py: their files, a Markdown table beside the papers' figures, and one picture of curves for each task."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import yaml

from dreamer_learning.atomic import write_file
from dreamer_learning.config import ConfigError, build, load_yaml
from dreamer_learning.devices import Precision
from dreamer_monitor import chart

FIGURES = Path(__file__).resolve().parent / 'learn.yaml'
RUN, PROGRESS = 'run.yaml', 'progress.csv'
COLUMNS = ('steps', 'return', 'updates', 'seconds')
WINDOW = 10
"""Training episodes that a figure or a point of a line averages."""

BEST = 1000.0  # what an episode of the control suite can earn at most
COLORS = ((168, 84, 24), (40, 90, 214), (70, 140, 40), (150, 60, 150), (30, 150, 200), (90, 90, 90))


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How an agent is trained where no option says else; all in environment steps.

    Attributes:
        replayed: replayed steps per environment step.
        prefill: steps with random actions at the start.
        repeat: of each action; `repeats` by task.
        size: of the agent.
    """

    replayed: float
    prefill: int
    repeat: int = 2
    repeats: dict[str, int] = dataclasses.field(default_factory=dict)
    size: str = 'cpu'


@dataclasses.dataclass(frozen=True)
class Reference:
    """What an agent's authors report after `steps` environment steps: return by task, and the mean over all their tasks."""

    agent: str
    inputs: str
    steps: int
    source: str
    returns: dict[str, float] = dataclasses.field(default_factory=dict)
    mean: float | None = None


@dataclasses.dataclass(frozen=True)
class Figures:
    """learn.yaml."""

    protocols: dict[str, Protocol]
    references: list[Reference]


@dataclasses.dataclass(frozen=True)
class Settings:
    """One run; for the meanings see the options of learn.py."""

    agent: str
    size: str
    blocks: str
    task: str
    inputs: Literal['vector', 'image']
    steps: int
    repeat: int
    train_ratio: float
    prefill: int
    seed: int
    threads: int
    device: str
    overrides: str
    compile: bool = False
    precision: Precision = 'float32'

    def name(self) -> str:
        """Of the run's folder."""
        return '-'.join(part for part in (
            self.task, self.agent, self.size, *self.blocks.split(','), self.inputs, self._precision()) if part
                        ) + f'-seed{self.seed}'

    def title(self) -> str:
        """What the runs of one line of the table have in common, beside the task."""
        parts = (f'{self.agent} {self.size}', self.blocks, self.inputs, self._precision(),
                 '' if self.overrides == '{}' else self.overrides)
        return ', '.join(part for part in parts if part)

    def _precision(self) -> str:
        return '' if self.precision == 'float32' else self.precision


@dataclasses.dataclass(frozen=True)
class Run:
    """A run as its folder holds it.

    Attributes:
        steps, returns, updates, seconds: at the end of each training episode (N).
        evaluation: returns of the episodes after training; none where it goes on.
    """

    settings: Settings
    steps: np.ndarray
    returns: np.ndarray
    updates: np.ndarray
    seconds: np.ndarray
    evaluation: list[float]

    def return_at(self, steps: int) -> float | None:
        """Average of the last WINDOW training episodes up to `steps` environment steps; None where the run is not so far."""
        seen = self.returns[self.steps <= steps]
        # Whole episodes may end a little before.
        reached = len(self.steps) and self.steps[-1] >= 0.99 * steps
        return float(seen[-WINDOW:].mean()) if reached and len(seen) else None


def load_figures() -> Figures:
    """The content of learn.yaml, checked."""
    return build(Figures, load_yaml(FIGURES), str(FIGURES))


def load_protocol(agent: str) -> Protocol:
    """How the agent is trained; one that is not in the file, as DayDreamer is."""
    protocols = load_figures().protocols
    return protocols.get(agent, protocols['daydreamer'])


@dataclasses.dataclass(frozen=True)
class _Outcome:
    """What run.yaml holds beside the settings: returns of the evaluation, and how many updates without a finite loss."""

    evaluation: list[float] = dataclasses.field(default_factory=list)
    updates_left_out: int = 0


def save_run(folder: Path, settings: Settings, evaluation: Sequence[float] = (), updates_left_out: int = 0) -> None:
    """Write run.yaml."""
    outcome = _Outcome([round(float(value), 3) for value in evaluation], updates_left_out)
    content = {**dataclasses.asdict(settings), **dataclasses.asdict(outcome)}
    write_file(folder / RUN, yaml.safe_dump(content, sort_keys=False))


def load_run(folder: Path) -> Run:
    """The run in a folder, finished or not.

    Raises:
        ConfigError: the files are not those of a run.
    """
    content = load_yaml(folder / RUN)
    names = {field.name for field in dataclasses.fields(_Outcome)} & content.keys()
    outcome = build(_Outcome, {name: content.pop(name) for name in names}, str(folder / RUN))
    settings = build(Settings, content, str(folder / RUN))
    steps, returns, updates, seconds = _progress(folder / PROGRESS).T
    return Run(settings, steps, returns, updates, seconds, outcome.evaluation)


def _progress(path: Path) -> np.ndarray:
    """The rows of progress.csv, (N, 4)."""
    text = path.read_text(errors='replace')
    # The last row of a run that goes on may be half written.
    header, *lines = text[:text.rfind('\n') + 1].splitlines() or ['']
    if tuple(header.split(',')) != COLUMNS:
        raise ConfigError(f'{path}: the first line must be {",".join(COLUMNS)}')
    rows = []
    for count, line in enumerate(lines, start=2):
        try:
            rows.append([float(word) for word in line.split(',')])
        except ValueError:
            rows.append([])
        if len(rows[-1]) != len(COLUMNS) or not np.isfinite(rows[-1]).all():
            raise ConfigError(f'{path}: line {count}: {line!r}; allowed: {len(COLUMNS)} finite numbers')
    return np.array(rows, np.float64).reshape(-1, len(COLUMNS))


def groups(folder: Path) -> dict[tuple[object, ...], list[Run]]:
    """All runs in a folder; those that differ in their seed only are together.

    Raises:
        ConfigError: there is none, or the files are not those of runs.
    """
    runs = [load_run(path.parent) for path in sorted(folder.glob(f'*/{RUN}')) if (path.parent / PROGRESS).exists()]
    if not runs:
        raise ConfigError(f'{folder}: no runs of learn.py (folders with {RUN} and {PROGRESS})')
    result: dict[tuple[object, ...], list[Run]] = {}
    for run in runs:
        s = run.settings
        key = (s.task, s.agent, s.size, s.blocks, s.inputs, s.overrides, s.repeat, s.train_ratio, s.prefill,
               s.precision)
        result.setdefault(key, []).append(run)
    return result


def reference(figures: Figures, run: Run) -> Reference | None:
    """The authors' figure for the run's task: with the same inputs if there is one, otherwise with others; the last that the run
    has come to, otherwise the first."""
    s, come = run.settings, float(run.steps[-1]) if len(run.steps) else 0.0
    fitting = [item for item in figures.references if item.agent == s.agent and s.task in item.returns]

    def rank(item: Reference) -> tuple[bool, bool, float]:
        later = item.steps > come
        return item.inputs != s.inputs, later, item.steps if later else -item.steps

    return min(fitting, key=rank, default=None)


def show(folder: Path) -> None:
    """Print the table and write <task>.png for each task.

    Raises:
        ConfigError: no runs, or unreadable ones.
    """
    figures, found = load_figures(), groups(folder)
    print(table(figures, list(found.values())))
    for task in sorted({runs[0].settings.task for runs in found.values()}):
        path = folder / f'{task}.png'
        _, data = cv2.imencode('.png', picture(figures, task, [runs for runs in found.values() if runs[0].settings.task == task]))
        write_file(path, data.tobytes())
        print(f'{path}')


def table(figures: Figures, found: Sequence[Sequence[Run]]) -> str:
    """Markdown: a line for each group of runs, and below it where the papers' figures are from."""
    head = ('task', 'agent', 'repeat', 'replayed steps per action', 'seeds', 'environment steps', 'updates', 'hours',
            f'training, last {WINDOW} episodes', 'evaluation', 'paper', 'here after as many steps')
    lines = [f'| {" | ".join(head)} |', '|' + '---|' * len(head)]
    notes = []
    for runs in found:
        s, paper = runs[0].settings, reference(figures, runs[0])
        ends = [float(run.returns[-WINDOW:].mean()) for run in runs if len(run.returns)]
        evaluations = [statistics.fmean(run.evaluation) for run in runs if run.evaluation]
        same = [value for run in runs if paper and (value := run.return_at(paper.steps)) is not None]
        steps, updates, hours = ([float(values[-1]) if len(values) else 0.0 for values in parts] for parts in (
            [run.steps for run in runs], [run.updates for run in runs], [run.seconds / 3600 for run in runs]))
        lines.append('| ' + ' | '.join([
            s.task, s.title(), str(s.repeat), f'{s.train_ratio:g}', ' '.join(str(run.settings.seed) for run in runs),
            f'{min(steps):,.0f}', f'{min(updates):,.0f}', f'{statistics.fmean(hours):.1f}', _mean(ends), _mean(evaluations),
            _paper(paper, s), _mean(same)]) + ' |')
        notes += [f'- {item.agent}, {item.inputs}, {item.steps:,} steps: {item.source}'
                  + (f'; mean of all their tasks {item.mean:g}' if item.mean is not None else '')
                  for item in figures.references if item.agent == s.agent]
    seeds = 'More than one seed: mean +- standard deviation over the seeds; steps and updates of the one that is least far.'
    return '\n'.join([*lines, '', seeds, *dict.fromkeys(notes)])


def _mean(values: Sequence[float]) -> str:
    """Of the seeds."""
    if len(values) < 2:
        return f'{values[0]:.0f}' if values else '-'
    return f'{statistics.fmean(values):.0f} +- {statistics.stdev(values):.0f}'


def _paper(paper: Reference | None, settings: Settings) -> str:
    if paper is None:
        return '-'
    seen = '' if paper.inputs == settings.inputs else f' ({paper.inputs})'
    return f'{paper.returns[settings.task]:g} after {_short(paper.steps)}{seen}'


def _short(steps: float) -> str:
    return f'{steps / 1e6:g}M' if steps >= 1e6 else f'{steps / 1e3:g}k'


def picture(figures: Figures, task: str, found: Sequence[Sequence[Run]]) -> np.ndarray:
    """Return over environment steps of all runs of a task, (HEIGHT, WIDTH, 3) uint8 BGR; a colour for each group, the papers'
    figures dashed."""
    end = max([float(run.steps[-1]) for runs in found for run in runs if len(run.steps)] or [1000.0])
    marks = [tick for tick in chart.ticks(0.0, end / 1000, 11) if tick >= 0]
    axes = chart.Axes(end, 0.0, BEST)
    image = np.full((chart.HEIGHT * chart.SHARP, chart.WIDTH * chart.SHARP, 3), 255, np.uint8)
    chart.draw_frame(image, axes, [(mark * 1000, mark) for mark in marks], chart.ticks(0.0, BEST, 11))
    chart.draw_text(image, task, chart.LEFT, 40, 0.85, chart.INK, thickness=2)
    middle = (chart.WIDTH + chart.LEFT - chart.RIGHT) / 2
    chart.draw_text(image, 'Environment steps (thousands)', middle, chart.HEIGHT - 26, 0.62, chart.INK, 'middle')
    chart.draw_vertical_text(image, 'Return of an episode', 22, (chart.HEIGHT + chart.TOP - chart.BOTTOM) / 2)
    papers = [reference(figures, runs[0]) for runs in found]
    for runs, paper, color in zip(found, papers, COLORS * len(found)):
        if paper:
            _dashes(image, axes, paper.returns[task], color)
        for run in runs:
            _run(image, axes, run, color)
    for line, (runs, paper, color) in enumerate(zip(found, papers, COLORS * len(found))):
        s = runs[0].settings
        _key(image, line, s.title() + (f' (dashed: paper, {_paper(paper, s)})' if paper else ''), color)
    return cv2.resize(image, (chart.WIDTH, chart.HEIGHT), interpolation=cv2.INTER_AREA)


def _run(image: np.ndarray, axes: chart.Axes, run: Run, color: tuple[int, int, int]) -> None:
    """Episodes as pale dots, the average of the last WINDOW of them as a line."""
    pale = tuple(int(part + 0.65 * (255 - part)) for part in color)
    sums = np.cumsum(np.concatenate([[0.0], run.returns]))
    last = np.arange(1, len(sums))
    first = np.maximum(last - WINDOW, 0)
    averages = (sums[last] - sums[first]) / (last - first)
    for steps, value in zip(run.steps, run.returns):
        cv2.circle(image, (axes.x(steps), axes.y(value)), 2 * chart.SHARP, pale, -1, cv2.LINE_AA)
    points = [(axes.x(steps), axes.y(value)) for steps, value in zip(run.steps, averages)]
    cv2.polylines(image, [np.array(points, np.int32).reshape(-1, 1, 2)], False, color, 3 * chart.SHARP, cv2.LINE_AA)


def _key(image: np.ndarray, line: int, title: str, color: tuple[int, int, int]) -> None:
    """A line of the legend, in the lower right corner, where curves that rise leave room."""
    right, y = chart.WIDTH - chart.RIGHT - 12, chart.HEIGHT - chart.BOTTOM - 16 - 24 * line
    left = right - chart.draw_text(image, title, right, y, 0.5, chart.INK, 'end')
    cv2.circle(image, ((left - 14) * chart.SHARP, (y - 5) * chart.SHARP), 5 * chart.SHARP, color, -1, cv2.LINE_AA)


def _dashes(image: np.ndarray, axes: chart.Axes, value: float, color: tuple[int, int, int]) -> None:
    y, length = axes.y(value), 12 * chart.SHARP
    for x in range(axes.x(0.0), axes.x(axes.x_end), 2 * length):
        cv2.line(image, (x, y), (min(x + length, axes.x(axes.x_end)), y), color, chart.SHARP, cv2.LINE_AA)
