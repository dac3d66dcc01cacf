"""How long a process that is to stop may take."""

from __future__ import annotations

from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitutions.launch_configuration import LaunchConfiguration
from ..substitutions.substitution_failure import SubstitutionFailure
from ..utilities.normalize import perform_any

SIGTERM_TIMEOUT = LaunchConfiguration('sigterm_timeout', default=5)
SIGKILL_TIMEOUT = LaunchConfiguration('sigkill_timeout', default=5)


def _seconds(context: LaunchContext, value: SomeSubstitutionsType, what: str) -> float:
    text = perform_any(context, value)
    try:
        return float(text)
    except ValueError:
        raise SubstitutionFailure(f"{what} '{text}' is not a number of seconds") from None


class StopTimes:
    """
    Seconds from SIGINT to SIGTERM, and from there to SIGKILL.

    They are performed when the process is to stop. What was set in the scope that the process is in, at any time, wins
    over launch configurations of the moment.
    """

    def __init__(self, sigterm_timeout: SomeSubstitutionsType, sigkill_timeout: SomeSubstitutionsType) -> None:
        self.sigterm_timeout = sigterm_timeout
        self.sigkill_timeout = sigkill_timeout
        self.seconds = (5.0, 5.0)
        self._scope: dict[str, str] = {}

    def enter_scope(self, context: LaunchContext) -> None:
        """Take the present scope as that of the process."""
        self._scope = context.launch_configurations

    def perform(self, context: LaunchContext) -> None:
        """Set `seconds`; SubstitutionFailure if one of them is not a number."""
        context._push_launch_configurations()
        try:
            context.launch_configurations.update(self._scope)
            self.seconds = (_seconds(context, self.sigterm_timeout, 'sigterm_timeout'),
                            _seconds(context, self.sigkill_timeout, 'sigkill_timeout'))
        finally:
            context._pop_launch_configurations()
