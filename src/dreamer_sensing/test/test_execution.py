"""Which observations follow from an action that the robot carried out."""

from __future__ import annotations

from dreamer_sensing.execution import Execution

STREAM = 5


def run(execution: Execution, *commands: bool | None) -> list[int]:
    """Observe step by step; after each, its command (active or not; None = none). Returns the steps that did not follow."""
    begin = execution.next
    cuts = []
    for step, active in enumerate(commands, begin):
        if not execution.observe(step):
            cuts.append(step)
        if active is not None:
            execution.command(STREAM, step, active)
    return cuts


def test_active_commands_never_cut() -> None:
    execution = Execution(STREAM)
    assert run(execution, *[True] * 300) == []
    assert (execution.refused, execution.missing) == (0, 0)


def test_every_observation_after_a_command_that_does_not_act_is_cut() -> None:
    execution = Execution(STREAM)
    assert run(execution, True, True, False, False, False, True, True, True) == [3, 4, 5]
    assert (execution.refused, execution.missing) == (3, 0)


def test_a_stop_after_the_action_counts_and_a_later_active_command_does_not_undo_it() -> None:
    execution = Execution(STREAM)
    run(execution, True, True)
    execution.command(STREAM, 1, False)
    execution.command(STREAM, 1, True)
    assert run(execution, True, True, True) == [2]
    assert execution.refused == 1


def test_a_missing_command_counts_when_one_further_step_has_passed() -> None:
    execution = Execution(STREAM)
    # The driver is away for steps 3, 4 and 5.
    assert run(execution, True, True, True, None, None, None, True, True, True) == [5, 6, 7]
    assert (execution.refused, execution.missing) == (0, 3)


def test_commands_that_always_come_one_step_late_cut_nothing() -> None:
    execution = Execution(STREAM)
    follows = []
    for step in range(50):
        follows.append(execution.observe(step))
        execution.command(STREAM, step - 1, True) if step else None
    assert all(follows)
    late = execution.observe(50)
    execution.command(STREAM, 49, False)
    assert late
    assert not execution.observe(51)


def test_nothing_is_missing_before_the_first_command() -> None:
    assert run(Execution(STREAM), *[None] * 50) == []
    execution = Execution(STREAM)
    assert run(execution, None, None, None, True, True, True) == []
    assert execution.missing == 0


def test_commands_of_another_stream_say_only_that_there_is_a_driver() -> None:
    execution = Execution(STREAM)
    run(execution, None, None)
    execution.command(STREAM + 1, 1, False)
    # Of the steps before it nothing is known; from then on a command belongs to each.
    assert run(execution, None, None, None) == [4]
    assert (execution.refused, execution.missing) == (0, 1)


def test_a_stop_at_the_very_first_step() -> None:
    assert run(Execution(STREAM), False, True, True) == [1]
