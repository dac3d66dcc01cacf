"""The names that substitutions have in text, such as `var` in $(var robot)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import substitutions as subs
from ..substitution import Substitution

Arguments = Sequence[list[Substitution]]
Maker = Callable[[Arguments], Substitution]


def with_arguments(substitution: Callable[..., Substitution], *names: str, required: int) -> Maker:
    """Return a maker that gives the arguments these names; the first `required` must be there."""

    def make(arguments: Arguments) -> Substitution:
        if not required <= len(arguments) <= len(names):
            wanted = str(required) if required == len(names) else f'{required} to {len(names)}'
            raise subs.SubstitutionFailure(f'it takes {wanted} arguments ({", ".join(names)}), not {len(arguments)}')
        return substitution(**dict(zip(names, arguments)))

    return make


def _expression(expression: list[Substitution], python_modules: list[Substitution] | None = None) -> Substitution:
    if python_modules is None:
        return subs.PythonExpression(expression)
    text = ''.join(sub.text for sub in python_modules if isinstance(sub, subs.TextSubstitution))
    return subs.PythonExpression(expression, [name.strip() for name in text.split(',') if name.strip()])


_MAKERS: dict[str, Maker] = {
    'all': lambda arguments: subs.AllSubstitution(*arguments),
    'and': with_arguments(subs.AndSubstitution, 'left', 'right', required=2),
    'anon': with_arguments(subs.AnonName, 'name', required=1),
    'any': lambda arguments: subs.AnySubstitution(*arguments),
    'command': with_arguments(subs.Command, 'command', 'on_stderr', required=1),
    'dirname': with_arguments(subs.ThisLaunchFileDir, required=0),
    'env': with_arguments(subs.EnvironmentVariable, 'name', 'default_value', required=1),
    'equals': with_arguments(subs.EqualsSubstitution, 'left', 'right', required=2),
    'eval': with_arguments(_expression, 'expression', 'python_modules', required=1),
    'filename': with_arguments(subs.ThisLaunchFile, required=0),
    'find-exec': with_arguments(subs.FindExecutable, 'name', required=1),
    'if': with_arguments(subs.IfElseSubstitution, 'condition', 'if_value', 'else_value', required=2),
    'launch_log_dir': with_arguments(subs.LaunchLogDir, required=0),
    'log_dir': with_arguments(subs.LaunchLogDir, required=0),
    'not': with_arguments(subs.NotSubstitution, 'value', required=1),
    'not-equals': with_arguments(subs.NotEqualsSubstitution, 'left', 'right', required=2),
    'or': with_arguments(subs.OrSubstitution, 'left', 'right', required=2),
    'var': with_arguments(subs.LaunchConfiguration, 'variable_name', 'default', required=1),
}


def register(name: str, maker: Maker) -> None:
    """Add the name of a substitution of another package."""
    _MAKERS[name] = maker


def make_substitution(name: str, arguments: Arguments) -> Any:
    """Return the substitution that $(name arguments) stands for; SubstitutionFailure if there is none."""
    if name not in _MAKERS:
        raise subs.SubstitutionFailure(f'$({name}) is not one of {", ".join(sorted(_MAKERS))}')
    try:
        return _MAKERS[name](arguments)
    except subs.SubstitutionFailure as failure:
        raise subs.SubstitutionFailure(f'$({name}): {failure}') from None
