"""Whether a policy file is of the run under whose name it is evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dreamer_learner.rundir import RUN
from dreamer_learning import checkpoint
from dreamer_learning.agent_config import title
from dreamer_learning.config import ConfigError, load_yaml
from dreamer_learning.onnx_policy import PolicyFile


def check_policy_file(path: Path, file: PolicyFile, run_dir: Path, names: Mapping[str, str], config_hash: str) -> str:
    """Compare a policy file with a run; returns a warning where it is not of the run's newest checkpoint, else ''.

    Args:
        names: agent, size, blocks and task of the run.
        config_hash: of these, for a run whose run.yaml has none.

    Raises:
        ConfigError: it was made for another configuration.
    """
    run = load_yaml(run_dir / RUN) if (run_dir / RUN).is_file() else {}
    expected = run.get('config_hash', config_hash)
    if file.config_hash != expected:
        raise ConfigError(
            f'policy_file: {path} is of configuration {file.config_hash} ({title(file.names())}), the run {run_dir} of '
            f'{expected} ({title(names)}); ros2 run dreamer_learner export --run-dir {run_dir} writes the policy of the run')
    newest = checkpoint.newest(run_dir / 'checkpoints')
    if newest is None:
        return f'policy_file: {path} cannot be compared with the run: {run_dir} has no checkpoint'
    try:
        content = checkpoint.outline(newest)
        updates = int(content['agent']['updates'])
        version = int(content.get('weights_version', 0)) or updates
    except (checkpoint.CheckpointError, KeyError) as error:
        return f'policy_file: {path} cannot be compared with the run: {error}'
    if file.updates != updates:
        return (f'policy_file: {path} has {file.updates:,} updates, the newest checkpoint {newest} has {updates:,}: '
                'what is evaluated is the file')
    if file.weights_version != max(1, version):
        return (f'policy_file: {path} and the newest checkpoint {newest} have {updates:,} updates both, but other weights (of '
                'another seed or run): what is evaluated is the file')
    return ''
