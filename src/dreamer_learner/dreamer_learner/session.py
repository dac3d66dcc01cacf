"""What a training session begins with: agent, memory and counters, new or from the run's newest checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from dreamer_learner import saving
from dreamer_learner.credit import TrainCredit
from dreamer_learner.experience import Experience
from dreamer_learner.rundir import RunDirectory
from dreamer_learner.settings import Settings
from dreamer_learner.updater import Updater
from dreamer_learning import parallel
from dreamer_learning.agent import Agent
from dreamer_learning.agent_config import AgentConfig, title
from dreamer_learning.config import ConfigError
from dreamer_learning.devices import check_compiler, check_device, keep_freed_memory
from dreamer_learning.replay import Replay
from dreamer_learning.spaces import Task


class Session(NamedTuple):
    """The parts of training.

    Attributes:
        version: of the weights published last, 0 where none were.
        ready: a whole policy from another run can act before the first update.
    """

    updater: Updater
    experience: Experience
    credit: TrainCredit
    version: int
    ready: bool

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of them."""
        return {
            'agent': self.updater.agent.state_dict(),
            'experience': self.experience.state_dict(),
            'credit': self.credit.state_dict(),
        }


def begin(config: AgentConfig, task: Task, settings: Settings, run: RunDirectory | None, info: Callable[[str], None],
          warn: Callable[[str], None]) -> Session:
    """Make the parts, and go on where the run stopped.

    Args:
        run: None in all but the first of the processes that train together (parallel.py): they get the agent from it.

    Raises:
        ConfigError: the device or the compiler is not there, or a checkpoint cannot be used.
        OtherFailed: so it was in another process.
    """
    replay = config.replay
    device = check_device(settings.device)
    latent = config.latent_spec
    memory = Replay.of(config, task, parallel.seed(settings.seed))
    experience = Experience(memory, task, latent)
    keep_freed_memory()
    updater = Updater(Agent(config, task, device, settings.seed, settings.precision), memory, warn, info)
    if settings.compile:
        check_compiler(device)
        updater.agent.compile()
        info('the first update compiles its parts, which takes about a minute, less where torch has them in its cache')
    credit = TrainCredit(settings.train_ratio, replay.batch, replay.length, replay.start)
    if run is None:
        parallel.agree(None)
        return _follow(Session(updater, experience, credit, 0, ready=False), settings.seed)
    try:
        parts = _resume(Session(updater, experience, credit, 0, ready=False), settings, run, info, warn)
    except (ConfigError, OSError) as error:
        parallel.agree(error)
        raise
    parallel.agree(None)
    return _follow(parts, settings.seed)


def _resume(parts: Session, settings: Settings, run: RunDirectory, info: Callable[[str], None],
            warn: Callable[[str], None]) -> Session:
    """Go on from the run's newest checkpoint, or begin with another run's weights.

    Raises:
        ConfigError: a checkpoint cannot be used.
    """
    updater, experience, credit = parts.updater, parts.experience, parts.credit
    loaded = saving.load(run.checkpoints, info, warn)
    version = 0
    if loaded is not None:
        with saving.fitting(loaded.path):
            updater.agent.load_state_dict(loaded.payload['agent'])
            experience.load_state_dict(loaded.payload['experience'])
            credit.load_state_dict(loaded.payload['credit'])
            version = int(loaded.payload['weights_version'])
    ready = _adopt(updater.agent, settings.from_checkpoint, loaded is not None, info, warn)
    return parts._replace(version=version, ready=ready)


def _follow(parts: Session, seed: int) -> Session:
    """What the first of the processes has, in all of them; alone, nothing changes."""
    if parallel.count() == 1:
        return parts
    agent = parts.updater.agent
    agent.follow()
    version = torch.tensor([parts.version], device=agent.device)
    parallel.follow([version])
    if parallel.rank() and agent.updates:
        parts.experience.replay.reseed(parallel.seed(seed + agent.updates))  # as the agent's: not the beginning's again
    return parts._replace(version=int(version))


def _adopt(agent: Agent, source: str, resumed: bool, info: Callable[[str], None], warn: Callable[[str], None]) -> bool:
    """Let a run that begins take its first parameters from another one; whether they are a whole policy."""
    if not source:
        return False
    if resumed:
        info('from_checkpoint is not used: this run goes on from its own checkpoint')
        return False
    path, state = saving.load_foreign(Path(source).expanduser())
    adopted = agent.adopt(state)
    report = f'from {path} ({title(state.get("names"))}) for {title(agent.names())}: {adopted.describe()}'
    if not adopted.loaded:
        raise ConfigError(f'from_checkpoint: nothing fits {report}')
    info(f'from_checkpoint: {report}')
    incomplete = adopted.incomplete(agent.acting_parts)
    if incomplete:
        warn(f'from_checkpoint: {path} gives no whole policy ({", ".join(incomplete)} begin anew, in part or as a whole): '
             'until the first update the robot explores at random, as from scratch')
    return not incomplete
