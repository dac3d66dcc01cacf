"""The pipeline with choices instead of joints and with images: two games in one stream, actor, learner and recorder."""

import signal
from pathlib import Path

import numpy as np
import pytest
import yaml
from peers import Learner, NodeProcess, Peers, Recorder

from dreamer_interfaces.msg import Action, Observation
from dreamer_node import wire
from dreamer_node.qos import STEPS, STEPS_KEPT
from dreamer_recorder.reader import read_steps

GAMES, CHOICES, LENGTH = 2, 3, 10
TASK = {
    'robot': 'none', 'control_rate': 100.0, 'episode_length': 0, 'reward': 'none', 'environments': GAMES,
    'observation': {'screen': {'shape': [64, 64, 1], 'dtype': 'uint8'}, 'cue': {'shape': [CHOICES]}},
    'action': {'size': CHOICES, 'discrete': True},
}
TINY = {
    'networks': {'units': 16, 'encoder_layers': 1, 'decoder_layers': 1, 'depth': 2},
    'dynamics': {'deter': 32, 'hidden': 16, 'stoch': 4, 'classes': 4},
    'heads': {'actor_layers': 1, 'critic_layers': 1},
    'behaviour': {'horizon': 4},
    'replay': {'capacity': 1000, 'batch': 4, 'length': 8, 'start': 40},
}


@pytest.fixture
def games_config(tmp_path: Path) -> Path:
    """A config_dir with the task `games` and dreamer_v2 in size tiny."""
    folder = tmp_path / 'config'
    shipped = Path(__file__).parents[3] / 'config' / 'agents' / 'dreamer_v2.yaml'
    defaults = yaml.safe_load(shipped.read_text())['defaults']
    for kind, name, content in (
            ('tasks', 'games', TASK), ('agents', 'dreamer_v2', {'defaults': defaults, 'sizes': {'tiny': TINY}})):
        (folder / kind).mkdir(parents=True)
        (folder / kind / f'{name}.yaml').write_text(yaml.safe_dump(content))
    return folder


class Games:
    """Each game shows a cue, pays 1 for the choice that it names, and ends for good after LENGTH steps. Waits for its answers."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self.actions: dict[int, np.ndarray] = {}
        self.versions: dict[int, int] = {}
        self._cues = np.random.default_rng(0)
        self._publisher = peers.node.create_publisher(Observation, 'observation', STEPS_KEPT)
        peers.node.create_subscription(Action, 'action', self._on_action, STEPS)

    def _on_action(self, message: Action) -> None:
        self.actions[message.step], _ = wire.unpack_action(message)
        self.versions[message.step] = message.weights_version

    def wait_for_readers(self) -> None:
        """Actor, learner and recorder hear the games, learner and recorder also the actor, beside the one that peers has."""
        node = self._peers.node
        self._peers.wait(lambda: self._publisher.get_subscription_count() == 3
                         and node.count_publishers('action') == 2 and node.count_subscribers('action') == 3)

    def play(self, step: int) -> None:
        """Publish this step, once the learner lets the games go on, and wait for its answer."""
        limits = self._peers.limits
        self._peers.wait(lambda: step == 0 or bool(limits) and step < limits[-1])
        cue = self._cues.integers(0, CHOICES, GAMES)
        within = step % LENGTH
        paid = np.zeros(GAMES) if within == 0 else (self.actions[step - 1] == self._cue).astype(float)
        tensors = {'screen': np.repeat(np.uint8(80 * cue), 64 * 64).reshape(GAMES, 64, 64, 1),
                   'cue': np.eye(CHOICES, dtype=np.float32)[cue]}
        self._publisher.publish(Observation(
            stream=7, step=step, tensors=wire.pack_tensors(tensors), reward=paid.tolist(), is_first=[within == 0] * GAMES,
            is_last=[within == LENGTH - 1] * GAMES, is_terminal=[within == LENGTH - 1] * GAMES))
        self._cue = cue
        self._peers.wait(lambda: step in self.actions)


def test_choices_and_images_are_learned_acted_on_and_recorded(games_config: Path, tmp_path: Path) -> None:
    run_dir = tmp_path / 'run'
    peers = Peers()
    games = Games(peers)
    shared = {'task': 'games', 'agent': 'dreamer_v2', 'size': 'tiny'}
    try:
        with (
            Learner(games_config, run_dir, peers.namespace, train_ratio=8.0, limit_environment=True, **shared) as learner,
            Recorder(run_dir, peers.namespace) as recorder,
            NodeProcess('dreamer_actor.node', tmp_path, peers.namespace, config_dir=games_config, **shared) as actor,
        ):
            games.wait_for_readers()
            for step in range(30):
                games.play(step)
            count = 30
            while games.versions[count - 1] == 0:
                games.play(count)
                count += 1
            for step in range(count, count + 20):
                games.play(step)
            count += 20
            peers.wait(lambda: peers.env_steps() == GAMES * count and peers.metric('loss/image') > 0)
            assert peers.metric('gaps') == peers.metric('bad_updates') == peers.metric('refused_steps') == 0
            assert [node.end(signal.SIGINT) for node in (actor, learner, recorder)] == [0, 0, 0]
    finally:
        peers.close()
    for action in games.actions.values():
        assert (action.dtype, action.shape) == (np.int32, (GAMES,))
        assert ((action >= 0) & (action < CHOICES)).all()
    recorded = list(read_steps(run_dir / 'bags'))
    assert [item.step for item in recorded] == list(range(count))
    assert all((item.action == games.actions[item.step]).all() for item in recorded)
    assert [item.weights_version for item in recorded] == [games.versions[item.step] for item in recorded]
