from learning_toys import small_config, small_task

from dreamer_learning import benchmark


def test_summary_measures_updates_and_actions() -> None:
    config, task = small_config(), small_task()
    assert len(benchmark.update_times(config, task, updates=2)) == 2
    assert all(0 < time < 1000 for time in benchmark.action_times(config, task, actions=20))
    batch = benchmark.random_batch(config, task, episode=5)
    assert batch['reward'].shape == (4, 8)
    assert batch['is_first'].any()
    assert benchmark.summary(config, task).startswith('dreamer_v3 cpu: ')
