"""The point of a launch description from which on tests may run."""

from launch.action import Action


class ReadyToTest(Action):
    """Tests begin when this action is executed; without one, when the launch description has been executed."""
