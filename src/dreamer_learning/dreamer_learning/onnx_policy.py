"""A policy file: one step of a policy as ONNX, and all that acting needs beside it. Imports neither torch nor what does.

export.py writes such files. The network is one function of E environments (E is free), without random numbers of its own:

    deter (E, D), stoch (E, C*S), action (E, A), latent_noise (E, 1, S), action_noise (E, A), observation.<name> (E, ...)
        -> action_mode (E, A), action_sample (E, A), next_deter (E, D), next_stoch (E, C*S)

`action` is the one of the step before, and zero at first; actions are one-hot where discrete, and then action_noise is (E, 1).
latent_noise is uniform in [0, 1) for categorical latents and normal for gaussian ones; action_noise is uniform for discrete
actions and normal for continuous ones, whose samples are to be limited to [-1, 1].

Metadata of the model: `format`; `policy` (JSON, see PolicyFile); `model_bytes`, how many bytes at the beginning of the file are
the model without metadata; `sha256` over these and `policy`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from dreamer_learning.acting import Acting, Carry, RecurrentPolicy
from dreamer_learning.config import ConfigError, build, differences
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec

FORMAT = 'dreamer-policy-1'
STATE = ('deter', 'stoch', 'action')
NOISE = ('latent_noise', 'action_noise')
OUTPUTS = ('action_mode', 'action_sample', 'next_deter', 'next_stoch')
INSTALL = './run python -m pip install -c constraints.txt'


def observation_input(name: str) -> str:
    """The network's input for an observation tensor."""
    return f'observation.{name}'


@dataclasses.dataclass(frozen=True)
class PolicyFile:
    """What a policy file says of itself.

    Attributes:
        agent, size, blocks, task, robot: names; blocks separated by commas.
        config_hash: see AgentConfig.hash.
        updates, env_steps: of the training, when the checkpoint was made.
        weights_version: what actions of this file are marked with, at least 1.
        environments: in one observation message.
        spaces: Task.describe().
        acting: see Acting.
        initial: deter (D) and stoch (C*S) before the first observation; None = zeros.
    """

    agent: str
    size: str
    blocks: str
    task: str
    robot: str
    config_hash: str
    updates: int
    env_steps: int
    weights_version: int
    environments: int
    spaces: dict[str, Any]
    acting: Acting
    initial: dict[str, list[float]] | None = None

    def dump(self, model: bytes) -> dict[str, str]:
        """Metadata for a model."""
        text = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return {'format': FORMAT, 'policy': text, 'model_bytes': str(len(model)), 'sha256': _digest(model, text)}

    def names(self) -> dict[str, str]:
        """Agent, size, blocks where there are some, and task."""
        return {'agent': self.agent, 'size': self.size, **({'blocks': self.blocks} if self.blocks else {}), 'task': self.task}

    def make_task(self) -> Task:
        """The spaces as a task: what it is rewarded for, and how long its episodes are, is not known."""
        observation = {name: TensorSpec.of(*spec) for name, spec in self.spaces['observation'].items()}
        return Task(self.robot, self.spaces['control_rate'], 0, '', observation, ActionSpec(*self.spaces['action']),
                    self.environments, identity=self.spaces['robot'], name=self.task)


class OnnxPolicy(RecurrentPolicy):
    """Acts with a policy file, through onnxruntime on one thread.

    Attributes:
        file: what the file says of itself.
    """

    def __init__(self, path: Path, seed: int = 0) -> None:
        """seed: of the random numbers.

        Raises:
            ConfigError: onnxruntime is missing, there is no such file, or it is not a whole and unaltered policy file.
        """
        self.path = Path(path)
        try:
            data = self.path.read_bytes()
        except OSError as error:
            raise ConfigError(f'policy_file: {self.path}: {error.strerror or error}') from None
        self._session = _session(self.path, data)
        self.file = _read(self.path, data, self._session.get_modelmeta().custom_metadata_map)
        super().__init__(self.file.acting, self.file.make_task(), seed)
        sizes = {'deter': self.acting.deter, 'stoch': self.acting.stoch * self.acting.classes}
        first = self.file.initial or {name: [0.0] * size for name, size in sizes.items()}
        self._first = [np.array(first[name], np.float32).reshape(1, size) for name, size in sizes.items()]

    def check(self, task: Task) -> None:
        """Refuse to act in another task.

        Raises:
            ConfigError: it sees or does something else, at another rate or on another robot.
        """
        found = list(differences(self.file.spaces, json.loads(json.dumps(task.describe()))))
        if found:
            raise ConfigError(f"policy_file: {self.path} is for another task ('{self.file.task}'): {'; '.join(found)}")

    def initial(self, envs: int) -> Carry:
        """State of environments that have seen nothing."""
        deter, stoch = (np.repeat(x, envs, 0) for x in self._first)
        return Carry(deter, stoch, np.zeros((envs, self.task.action.size), np.float32))

    def _step(self, carry: Carry, observation: Mapping[str, np.ndarray], noise: np.ndarray,
              draw: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mode, sample, *state = OUTPUTS
        if draw is None:
            action = self.task.action
            draw, head = np.zeros((len(noise), 1 if action.discrete else action.size), np.float32), mode
        else:
            head = sample
        inputs = dict(zip((*STATE, *NOISE), (*carry, noise, draw)))
        inputs |= {observation_input(name): array for name, array in observation.items()}
        chosen, deter, stoch = self._session.run([head, *state], inputs)
        return deter, stoch, chosen


def _session(path: Path, data: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise ConfigError(f'policy_file: needs onnxruntime, which is not installed: {INSTALL} onnxruntime') from None
    options = onnxruntime.SessionOptions()
    # The networks of a step are too small to share, and a second thread would wait for other processes.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Numbers below 1e-38 take a hundred times as long; torch is told the same.
    options.add_session_config_entry('session.set_denormal_as_zero', '1')
    try:
        return onnxruntime.InferenceSession(data, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # onnxruntime's exceptions have no nearer base class
        reason = ' '.join(str(error).split())[:200]
        raise ConfigError(f'policy_file: {path} is not a whole ONNX file ({reason})') from None


def _read(path: Path, data: bytes, metadata: Mapping[str, str]) -> PolicyFile:
    """Check and parse what the metadata says."""
    if metadata.get('format') != FORMAT:
        raise ConfigError(f'policy_file: {path} is not a policy file: its format is {metadata.get("format")!r}, '
                          f'expected {FORMAT!r}; ros2 run dreamer_learner export writes one')
    text, count = metadata.get('policy', ''), metadata.get('model_bytes', '')
    if not count.isdecimal() or metadata.get('sha256') != _digest(data[:int(count)], text):
        raise ConfigError(f'policy_file: {path}: the checksum does not match; the file was altered')
    return build(PolicyFile, json.loads(text), f'policy_file: {path}')


def _digest(model: bytes, text: str) -> str:
    digest = hashlib.sha256(model)
    digest.update(text.encode())
    return digest.hexdigest()
