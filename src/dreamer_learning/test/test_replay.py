import threading

import numpy as np
import pytest
from learning_toys import filled_replay, small_config, small_task

from dreamer_learning.config import ConfigError
from dreamer_learning.replay import LEAST, LatentSpec, Replay, ReplayEmpty
from dreamer_learning.spaces import ActionSpec, Task, TensorSpec
from dreamer_learning.storage import CHUNK

TASK = Task('toy', 20.0, 10, 'toy', {'mark': TensorSpec((3,))}, ActionSpec(2))
LATENT = LatentSpec(4, 2)


def add(replay: Replay, step: int, stream: int = 1, env: int = 0, first: bool = False, last: bool = False,
        latent: bool = True) -> None:
    """A row that carries its own identity: observation (stream, env, step), reward = step, action = (step, env)."""
    value: dict[str, np.ndarray] | None = None
    if latent:
        value = {'deter': np.full(4, step % 2048, np.float16), 'stoch': np.full(2, step % 4, np.uint8)}
    replay.add(stream, env, step, {'mark': np.array([stream, env, step], np.float32)},
               np.array([step, env], np.float32), float(step), first, last, False, value)


def test_windows_are_consecutive_and_never_cross_a_gap_or_a_stream() -> None:
    replay = Replay(500, TASK, LATENT)
    for step in [*range(20), *range(25, 40)]:  # steps 20 to 24 were lost
        add(replay, step)
    for step in range(12):
        add(replay, step, stream=2)
    batch = replay.sample(400, 6)
    marks = batch['observation/mark']
    assert (np.diff(marks[..., 2], axis=1) == 1).all()
    assert (marks[..., :2] == marks[:, :1, :2]).all()
    starts = {(int(stream), int(step)) for stream, _, step in marks[:, 0]}
    assert starts == {(1, s) for s in [*range(15), *range(25, 35)]} | {(2, s) for s in range(7)}
    assert replay.segments == 3


def test_environments_of_one_stream_are_separate_sequences() -> None:
    replay = Replay(500, TASK, LATENT)
    for step in range(30):
        for env in range(4):
            add(replay, step, env=env)
    marks = replay.sample(200, 5)['observation/mark']
    assert (np.diff(marks[..., 2], axis=1) == 1).all()
    assert (marks[..., 1] == marks[:, :1, 1]).all()
    assert set(marks[:, 0, 1]) == {0, 1, 2, 3}


def test_a_row_is_traced_to_the_step_that_it_came_from() -> None:
    replay, places = Replay(50, TASK, LATENT), []
    for step in [*range(7, 20), *range(25, 40)]:  # steps 20 to 24 were lost
        for env in range(2):
            add(replay, step, stream=3, env=env)
            places.append((3, env, step))
    assert [replay.locate(serial) for serial in range(len(places))] == [None] * (len(places) - 50) + places[-50:]
    assert replay.locate(len(places)) is None


def test_windows_span_episodes_and_a_cut_episode_ends_with_is_last() -> None:
    replay = Replay(100, TASK, LATENT)
    for step in range(10):
        add(replay, step, first=step in (0, 6))
    batch = replay.sample(1, 10)
    assert batch['is_first'][0].tolist() == [step in (0, 6) for step in range(10)]
    assert batch['is_last'][0].tolist() == [step == 5 for step in range(10)]


def test_full_ring_forgets_the_oldest_and_keeps_sequences_whole() -> None:
    replay = Replay(50, TASK, LATENT)
    for step in range(220):
        add(replay, step)
    assert len(replay) == 50
    marks = replay.sample(300, 7)['observation/mark'][..., 2]
    assert (np.diff(marks, axis=1) == 1).all()
    assert marks.min() == 170
    assert marks.max() == 219
    assert replay.sample(300, 50)['reward'][0].tolist() == list(range(170, 220))


def test_a_silent_environment_does_not_join_over_overwritten_rows() -> None:
    replay = Replay(20, TASK, LATENT)
    for step in range(5):
        add(replay, step, env=1)
    for step in range(30):
        add(replay, step, env=0)
    for step in range(5, 10):
        add(replay, step, env=1)
    marks = replay.sample(100, 5)['observation/mark']
    assert (np.diff(marks[..., 2], axis=1) == 1).all()
    assert (marks[..., 1] == marks[:, :1, 1]).all()


def test_uniform_over_all_starts() -> None:
    replay = Replay(100, TASK, LATENT, seed=3)
    for step in range(24):
        add(replay, step)
    counts = np.bincount(replay.sample(20_000, 5)['reward'][:, 0].astype(int), minlength=20)
    assert len(counts) == 20
    assert abs(counts / 1000 - 1).max() < 0.15


def test_half_of_the_windows_from_the_newest_steps() -> None:
    replay = Replay(100, TASK, LATENT, seed=3, recent=9)
    for step in range(24):
        add(replay, step)
    counts = np.bincount(replay.sample(20_000, 5)['reward'][:, 0].astype(int), minlength=20)
    assert len(counts) == 20
    # Of the 9 newest steps the last 4 begin no window: 10,000 windows begin in 5, as many in all 20.
    assert counts[15:] == pytest.approx(np.full(5, 2500), rel=0.1)
    assert counts[:15] == pytest.approx(np.full(15, 500), rel=0.2)


def test_newest_steps_too_short_for_a_window() -> None:
    replay = Replay(100, TASK, LATENT, seed=3, recent=3)
    for step in range(24):
        add(replay, step)
    assert len(np.unique(replay.sample(1000, 5)['reward'][:, 0])) == 20


def test_online_queue_gives_every_fresh_window_once() -> None:
    replay = Replay(500, TASK, LATENT, online_length=5)
    for step in range(23):
        for env in range(2):
            add(replay, step, env=env)
    marks = replay.sample(10, 5)['observation/mark']
    first = [(int(env), int(step)) for _, env, step in marks[:8, 0]]
    assert sorted(first) == [(env, step) for env in range(2) for step in (0, 5, 10, 15)]
    for step in range(23, 25):
        for env in range(2):
            add(replay, step, env=env)
    later = replay.sample(10, 5)['observation/mark'][:2, 0]
    assert [(int(env), int(step)) for _, env, step in later] == [(0, 20), (1, 20)]


def test_context_is_the_latent_and_action_of_the_step_before() -> None:
    replay = Replay(100, TASK, LATENT)
    for step in range(12):
        add(replay, step, first=step == 6, latent=step != 3)
    batch = replay.sample(200, 4)
    for row, start in enumerate(batch['reward'][:, 0].astype(int)):
        has_context = start not in (0, 4, 6)  # no step before; none stored; first of an episode
        assert batch['context_valid'][row] == has_context
        assert batch['context_deter'][row].tolist() == [start - 1 if has_context else 0] * 4
        assert batch['context_stoch'][row].tolist() == [(start - 1) % 4 if has_context else 0] * 2
        assert batch['previous_action'][row].tolist() == ([start - 1, 0] if start else [0, 0])
    assert batch['context_deter'].dtype == np.float16


def test_refreshed_latents_are_used_and_overwritten_rows_are_left_alone() -> None:
    replay = Replay(20, TASK, LATENT)
    for step in range(20):
        add(replay, step, latent=False)
    index = np.arange(20).reshape(2, 10)
    for step in range(20, 30):  # overwrites rows 0 to 9
        add(replay, step, latent=False)
    replay.update_latents(index, np.zeros(2, bool), np.full((2, 10, 4), 7.0), np.full((2, 10, 2), 3))
    batch = replay.sample(300, 2)
    refreshed = (batch['reward'][:, 0] >= 11) & (batch['reward'][:, 0] <= 20)
    np.testing.assert_array_equal(batch['context_valid'], refreshed)
    assert (batch['context_deter'][refreshed] == 7).all()
    assert (batch['context_stoch'][refreshed] == 3).all()


def test_too_little_data_is_a_clear_error() -> None:
    replay = Replay(100, TASK, LATENT)
    with pytest.raises(ReplayEmpty, match='no 5 consecutive steps among 0'):
        replay.sample(2, 5)
    for step in (0, 1, 2, 4, 5, 6):
        add(replay, step)
    assert replay.sample(2, 3)['reward'].shape == (2, 3)
    with pytest.raises(ReplayEmpty, match='among 6'):
        replay.sample(2, 5)


def test_wrong_shapes_are_refused_and_nothing_is_stored() -> None:
    replay = Replay(100, TASK, LATENT)
    with pytest.raises(ValueError, match=r"'mark' has shape \(4,\)"):
        replay.add(1, 0, 0, {'mark': np.zeros(4)}, np.zeros(2), 0.0, True, False, False)
    with pytest.raises(ValueError, match=r'action has shape \(3,\)'):
        replay.add(1, 0, 0, {'mark': np.zeros(3)}, np.zeros(3), 0.0, True, False, False)
    with pytest.raises(ValueError, match="'mark' is missing"):
        replay.add(1, 0, 0, {}, np.zeros(2), 0.0, True, False, False)
    assert len(replay) == 0


def test_discrete_actions_and_images_keep_their_types() -> None:
    config = small_config()
    batch = filled_replay(config, small_task(discrete=True, image=True)).sample(3, 8)
    assert batch['action'].dtype == np.int32
    assert batch['action'].shape == (3, 8)
    assert batch['observation/camera'].dtype == np.uint8
    assert batch['observation/camera'].shape == (3, 8, 64, 64, 3)


def test_environments_that_take_turns_irregularly_are_followed_step_by_step() -> None:
    replay = Replay(300, TASK, LATENT)
    steps = {0: 0, 1: 0, 2: 0}
    for env in np.random.default_rng(0).integers(3, size=700).tolist():
        add(replay, steps[env], env=env)
        steps[env] += 1
    for length in (3, 9):
        marks = replay.sample(300, length)['observation/mark']
        assert (np.diff(marks[..., 2], axis=1) == 1).all()
        assert (marks[..., 1] == marks[:, :1, 1]).all()
        assert set(marks[:, 0, 1]) == {0, 1, 2}


def test_windows_over_the_edge_of_chunks_and_over_the_ring_are_whole() -> None:
    capacity = CHUNK + 40
    replay = Replay(capacity, TASK, LATENT, memory=2**40)
    for step in range(capacity + CHUNK // 2):
        add(replay, step, first=step == CHUNK - 3)
    starts = np.array([CHUNK - 5, CHUNK + 35, capacity + 3])  # edge of the chunks, of the ring, and overwritten rows
    batch = replay._gather(replay._follow(starts, 10))
    np.testing.assert_array_equal(batch['reward'], starts[:, None] + np.arange(10))
    np.testing.assert_array_equal(batch['observation/mark'][..., 2], batch['reward'])
    np.testing.assert_array_equal(batch['action'][..., 0], batch['reward'])
    np.testing.assert_array_equal(batch['context_stoch'][:, 0], (starts - 1) % 4)
    assert batch['is_first'].sum() == batch['is_first'][0, 2] == 1
    deter, stoch = np.zeros((3, 10, 4), np.float16), np.zeros((3, 10, 2), np.uint8)
    deter[0] = np.arange(10)[:, None]
    replay.update_latents(batch['index'], np.zeros(3, bool), deter, stoch)
    context = replay._gather(replay._follow(starts[:1] + np.arange(1, 10)[:, None].ravel(), 2))['context_deter']
    wanted = np.arange(9)
    wanted[1] = 0  # no context before the first step of an episode
    np.testing.assert_array_equal(context[:, 0], wanted)


def test_memory_is_taken_as_rows_come() -> None:
    replay = Replay(10 * CHUNK, small_task(image=True), LATENT, memory=2**40)  # 8 GB when full
    assert replay.capacity == 10 * CHUNK
    assert replay._rows._chunks == []


def test_capacity_is_lowered_to_the_memory_and_said() -> None:
    text = Replay(1000, TASK, LATENT).describe()
    row = int(text.split(' bytes')[0].split()[-1])
    lowered = Replay(5000, TASK, LATENT, memory=2000 * row + 1)
    assert lowered.capacity == 2000
    assert 'replay: 2,000 steps' in lowered.describe()
    assert 'replay.capacity 5,000 is lowered' in lowered.describe()
    assert 'lowered' not in text
    assert Replay(5000, TASK, LATENT, memory=10).capacity == LEAST
    assert Replay(500, TASK, LATENT, memory=10).capacity == 500
    for step in range(4100):
        add(lowered, step)
    assert len(lowered) == 2000
    assert lowered.sample(300, 7)['reward'].min() >= 2100


def test_no_memory_is_a_clear_error() -> None:
    task = Task('toy', 20.0, 10, 'toy', {'wide': TensorSpec((2**33,))}, ActionSpec(2))
    replay = Replay(10 * CHUNK, task, LATENT, memory=2**62)
    wide = np.broadcast_to(np.float32(0), (2**33,))
    with pytest.raises(ConfigError, match=r'replay.capacity 655360: no memory for rows 0 to 65,535'):
        replay.add(1, 0, 0, {'wide': wide}, np.zeros(2), 0.0, True, False, False)
    assert len(replay) == 0
    with pytest.raises(ConfigError, match='replay.capacity'):
        Replay(2**50, TASK, LATENT, memory=2**62)


def test_steps_read_again_are_no_fresh_windows() -> None:
    replay = Replay(500, TASK, LATENT, online_length=5)
    for step in range(27):
        value = {'mark': np.array([1, 0, step], np.float32)}
        replay.add(1, 0, step, value, np.zeros(2, np.float32), float(step), step == 0, False, False, online=step >= 12)
    starts = replay.sample(8, 5)['reward'][:3, 0].tolist()
    assert starts == [12, 17, 22]
    assert not replay._online


def test_describe_says_how_much_memory_it_takes() -> None:
    text = Replay(1000, TASK, LATENT).describe()
    assert '1,000 steps' in text
    assert '10 of them latent' in text  # 4 float16 and 2 uint8


def test_one_thread_adds_while_another_samples() -> None:
    replay = Replay(200, TASK, LATENT, online_length=8)
    for step in range(50):
        add(replay, step)
    done = threading.Event()

    def write() -> None:
        for step in range(50, 3000):
            add(replay, step)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        batch = replay.sample(8, 8)
        assert (np.diff(batch['reward'], axis=1) == 1).all()
        replay.update_latents(batch['index'], batch['mirrored'], np.zeros((8, 8, 4)), np.zeros((8, 8, 2)))
    writer.join()
