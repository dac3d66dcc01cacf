"""One-line messages for errors in launch files."""

import traceback

from .conditions.errors import InvalidConditionExpressionError
from .invalid_launch_file_error import InvalidLaunchFileError
from .substitutions.substitution_failure import SubstitutionFailure


class LaunchArgumentError(RuntimeError):
    """A launch argument has no value, or one that is not among the choices."""


# Their messages say what the user did wrong; the name of the class would add nothing.
_SELF_EXPLAINING = (
    LaunchArgumentError, InvalidConditionExpressionError, InvalidLaunchFileError, SubstitutionFailure)


def exception_text(error: BaseException) -> str:
    """Return the message of an exception and its notes in one line, with the name of its class where that says more."""
    if isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # str() of a KeyError adds quotes
    else:
        text = str(error)
    text = ' '.join(' '.join([text, *getattr(error, '__notes__', ())]).split())
    if isinstance(error, _SELF_EXPLAINING) or type(error).__name__ == 'PackageNotFoundError':
        return text
    return f'{type(error).__name__}: {text}' if text else type(error).__name__


def user_error_location(error: BaseException, launch_file: str) -> str:
    """Return 'launch_file:line: message' with the last line of the launch file that led to `error`."""
    if isinstance(error, SyntaxError) and error.filename:
        return f'{error.filename}:{error.lineno}: SyntaxError: {error.msg}'
    line: int | None = None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == launch_file:
            line = frame.lineno
    where = launch_file if line is None else f'{launch_file}:{line}'
    return f'{where}: {exception_text(error)}'


def describe_launch_error(error: BaseException) -> str:
    """Return the line that the person at the terminal sees when a launch fails."""
    if isinstance(error, InvalidLaunchFileError):
        return str(error)
    launch_file = getattr(error, 'launch_file', None)
    return exception_text(error) if launch_file is None else user_error_location(error, launch_file)
