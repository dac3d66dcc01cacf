"""Milliseconds per DreamerV3 update: ours against TorchRL's and sheeprl's, in turns on the same machine.

    ./run python benchmarks/update_speed.py
    ./run python benchmarks/update_speed.py --threads 2 --rounds 10
    ./run python benchmarks/update_speed.py --peers torchrl
    ./run python benchmarks/update_speed.py --problem images --rounds 2 --updates 1
    ./run python benchmarks/update_speed.py --problem robot
    ./run python benchmarks/update_speed.py --compile --precision bfloat16 --threads 2

Problems, of 16 windows of 64 steps an update and imagination of 15 steps from every one of them where nothing else is said:
vectors  a vector of 24 numbers, 6 continuous actions, size 1m: one learner per implementation (benchmarks/peers)
images   an image of 64 x 64, 6 discrete actions, size 12m: ours and sheeprl's
robot    a1_walk with size cpu, with its own windows and starts of imagination; ours alone

Each learner lives in a process of its own; they take turns, a few updates each, so that a busy or throttled moment of the
machine meets all of them. Processor time is shown beside the time by the clock: on a machine with other work it is the steadier
of the two. Operations are those of matrix products and convolutions (multiplication and addition count one each); the share is
their rate, by the clock, over that of a product of two matrices of 1024 x 1024 in the same precision.
The peers are installed on first use, with pip's own settings, into virtual environments of their own in a cache folder.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import venv
from pathlib import Path
from types import TracebackType

from common import number, tail

PEERS = Path(__file__).resolve().parent / 'peers'
# Name -> what pip installs beside torch; the versions that the workers were written for.
REQUIREMENTS = {'torchrl': 'torchrl==0.14.1', 'sheeprl': 'sheeprl==0.8.4'}
COMMON = {'image': 0, 'discrete': False, 'task': '', 'batch': 16, 'length': 64}
PROBLEMS: dict[str, dict[str, object]] = {
    'vectors': {**COMMON, 'observation': 24, 'action': 6, 'size': '1m'},
    'images': {**COMMON, 'observation': 0, 'action': 6, 'size': '12m', 'image': 64, 'discrete': True},
    'robot': {**COMMON, 'observation': 0, 'action': 0, 'size': 'cpu', 'task': 'a1_walk'},
}
# Problem -> the peers whose workers are written for it.
WRITTEN = {'vectors': ('torchrl', 'sheeprl'), 'images': ('sheeprl',), 'robot': ()}
# Set for our environment by ./run; they would show a peer our packages and libraries.
NOT_FOR_PEERS = ('PYTHONPATH', 'PYTHONHOME', 'LD_LIBRARY_PATH', 'VIRTUAL_ENV')


class Failure(Exception):
    """Something that the user can act on; the message says what."""


def peer_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in NOT_FOR_PEERS}
    return {**kept, 'PYTHONNOUSERSITE': '1'}


def install(name: str, folder: Path) -> Path:
    """The interpreter of a peer's virtual environment, made now if it is missing or of other versions.

    torch has exactly the version and build of our own environment: pip would otherwise be free to take another one.

    Raises:
        Failure: the environment could not be made, or pip could not install into it.
    """
    wanted = [f"torch=={importlib.metadata.version('torch')}", REQUIREMENTS[name]]
    stamp_text = json.dumps([wanted, platform.python_version()])
    home = folder / name
    python, stamp, log = home / 'bin' / 'python', home / 'complete.json', folder / f'{name}-install.log'
    if stamp.exists() and stamp.read_text() == stamp_text:
        return python
    print(f"installing {' and '.join(wanted)} into {home} (minutes the first time) ...", flush=True)
    shutil.rmtree(home, ignore_errors=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        venv.EnvBuilder(with_pip=True).create(home)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Failure(f'{name}: no virtual environment could be made in {home} (--env-dir): {error}') from error
    pip = [str(python), '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input']
    with log.open('w') as output:
        done = subprocess.run([*pip, *wanted], stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=peer_environment())
    if done.returncode:
        raise Failure(f'{name}: pip failed; the whole output is in {log}\n{tail(log)}')
    partial = stamp.with_suffix('.new')
    partial.write_text(stamp_text)
    partial.replace(stamp)
    return python


class Worker:
    """One implementation in a process of its own; see peers/protocol.py.

    Raises:
        Failure: the process ended before it answered.
    """

    def __init__(self, name: str, python: Path, problem: dict[str, object], environment: dict[str, str], log: Path) -> None:
        self.name, self.log = name, log
        # 'wall' and 'cpu' -> milliseconds per update, one list a turn.
        self.turns: dict[str, list[list[float]]] = {'wall': [], 'cpu': []}
        threads = str(problem['threads'])
        with log.open('w') as errors:
            self._process = subprocess.Popen(
                [python, PEERS / f'{name}_worker.py', json.dumps(problem)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True, bufsize=1, env={**environment, 'OMP_NUM_THREADS': threads, 'MKL_NUM_THREADS': threads})

    def __enter__(self) -> Worker:
        answer = self._answer()
        self.title, self.parameters = str(answer['title']), int(answer['parameters'])
        self.flop, self.ceiling, self.peak = int(answer['flop']), float(answer['ceiling']), 0
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()

    def turn(self, updates: int) -> None:
        """Let it make this many updates now."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended: there will be no answer
            self._process.stdin.write(json.dumps({'updates': updates}) + '\n')
        answer = self._answer()
        for clock, turns in self.turns.items():
            turns.append([1e3 * seconds for seconds in answer[clock]])
        self.peak = int(answer['peak'])

    def _answer(self) -> dict:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            raise Failure(f'{self.name}: the worker ended; its output is in {self.log}\n{tail(self.log)}')
        return json.loads(line)

    def median(self, clock: str) -> float:
        """Milliseconds per update by 'wall' or 'cpu'."""
        return statistics.median(value for turn in self.turns[clock] for value in turn)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A peer's time over ours: of the medians, and the smallest and largest of the single rounds."""

    ratio: float
    smallest: float
    largest: float

    def __str__(self) -> str:
        return f'{self.ratio:.2f} ({self.smallest:.2f} to {self.largest:.2f})'


def compare(ours: Worker, peer: Worker, clock: str) -> Comparison:
    turns = zip(ours.turns[clock], peer.turns[clock])
    rounds = [statistics.median(theirs) / statistics.median(mine) for mine, theirs in turns]
    return Comparison(peer.median(clock) / ours.median(clock), min(rounds), max(rounds))


def machine() -> str:
    """Processor, cores that this process may use, load."""
    model = platform.processor() or platform.machine()
    info = Path('/proc/cpuinfo')
    if info.exists():
        names = [line.partition(':')[2].strip() for line in info.read_text().splitlines() if line.startswith('model name')]
        model = names[0] if names else model
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    return f'{model}, {cores} cores, load {os.getloadavg()[0]:.1f} before the start'


def report(workers: list[Worker], title: str) -> None:
    ours = workers[0]
    head = f"{'ms/update':>11}{'ratio (rounds)':>24}"
    print(f"{title}\n\n{'':<18}{'':>12}{'by the clock':>35}{'of processor time':>35}\n{'':<18}{'parameters':>12}{head}{head}")
    for worker in workers:
        line = f'{worker.title:<18}{worker.parameters:>12,}'
        for clock in ('wall', 'cpu'):
            ratio = '1' if worker is ours else str(compare(ours, worker, clock))
            line += f'{worker.median(clock):>11.0f}{ratio:>24}'
        print(line)
    print(f"\n{'':<18}{'GFLOP/update':>14}{'GFLOP/s':>10}{'share of the ceiling':>23}{'peak memory, MB':>18}")
    for worker in workers:
        rate = worker.flop / (1e-3 * worker.median('wall'))
        share, peak = f'{100 * rate / worker.ceiling:.0f}% of {worker.ceiling / 1e9:.0f}', worker.peak / 1e6
        print(f'{worker.title:<18}{worker.flop / 1e9:>14.1f}{rate / 1e9:>10.0f}{share:>23}{peak:>18.0f}')


def measure(arguments: argparse.Namespace) -> None:
    problem = {**PROBLEMS[arguments.problem], 'threads': arguments.threads, 'flush_denormals': arguments.flush_denormals,
               'compile': arguments.compile, 'precision': arguments.precision}
    folder = arguments.env_dir
    pythons = {name: install(name, folder) for name in arguments.peers}
    folder.mkdir(parents=True, exist_ok=True)  # for the logs, also without peers
    what = f'problem {arguments.problem}' + (', ours compiled' if arguments.compile else '')
    what += f", {'sheeprl and ' if 'sheeprl' in arguments.peers else ''}ours in {arguments.precision}"
    title = (f"{machine()}\n{what}; torch {importlib.metadata.version('torch')}, {arguments.threads} thread(s); "
             f'{arguments.rounds} rounds of {arguments.updates} updates each, medians')
    with contextlib.ExitStack() as stack:
        # One after the other: the start of the next must not disturb the warm-up of the last.
        name = 'dreamer_learning'
        workers = [stack.enter_context(Worker(name, Path(sys.executable), problem, dict(os.environ), folder / f'{name}.log'))]
        for name, python in pythons.items():
            workers.append(stack.enter_context(Worker(name, python, problem, peer_environment(), folder / f'{name}.log')))
        for number in range(arguments.rounds):
            for worker in workers:
                worker.turn(arguments.updates)
            print(f'round {number + 1} of {arguments.rounds}', file=sys.stderr)
        report(workers, title)


def parse() -> argparse.Namespace:
    cache = Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'dreamer_ros' / 'update_speed'
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--problem', choices=list(PROBLEMS), default='vectors', help='what is learned (default vectors)')
    parser.add_argument('--compile', action='store_true', help='our update; the peers stay as they are')
    parser.add_argument('--precision', choices=['float32', 'bfloat16'], default='float32',
                        help="of matrix products, ours and sheeprl's (default float32)")
    parser.add_argument('--threads', type=number(1), default=1, help='threads of torch, the same for everyone (default 1)')
    parser.add_argument('--rounds', type=number(1), default=6, help='turns of each (default 6)')
    parser.add_argument('--updates', type=number(1), default=3, help='updates a turn (default 3)')
    parser.add_argument('--peers', nargs='*', choices=list(REQUIREMENTS), default=None,
                        help='whom to compare with (default: all that know the problem)')
    parser.add_argument('--env-dir', type=Path, default=cache, help=f'folder of the peers and the logs (default {cache})')
    parser.add_argument('--flush-denormals', action='store_true',
                        help='let the peers, too, take numbers below 1e-38 for zero, which our update always does')
    arguments = parser.parse_args()
    known = WRITTEN[arguments.problem]
    if arguments.peers is None:
        arguments.peers = list(known)
    for peer in arguments.peers:
        if peer not in known:
            parser.error(f"--peers: {peer} does not know the problem {arguments.problem}; allowed: {', '.join(known) or 'none'}")
    arguments.env_dir = arguments.env_dir.expanduser().resolve()
    return arguments


def main() -> None:
    try:
        measure(parse())
    except Failure as failure:
        raise SystemExit(f'error: {failure}') from None
    except KeyboardInterrupt:
        raise SystemExit('interrupted') from None


if __name__ == '__main__':
    main()
