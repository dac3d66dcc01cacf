"""Input and output of processes."""

from typing import Any

from .running_process_event import RunningProcessEvent


class ProcessIO(RunningProcessEvent):
    """Bytes that went through file descriptor `fd` of a process."""

    name = 'launch.events.process.ProcessIO'

    def __init__(self, *, text: bytes, fd: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._text = text
        self._from_fd = fd

    @property
    def text(self) -> bytes:
        """The bytes."""
        return self._text

    @property
    def from_stdin(self) -> bool:
        """Whether this is standard input."""
        return self._from_fd == 0

    @property
    def from_stdout(self) -> bool:
        """Whether this is standard output."""
        return self._from_fd == 1

    @property
    def from_stderr(self) -> bool:
        """Whether this is standard error."""
        return self._from_fd == 2


class ProcessStdin(ProcessIO):
    """Bytes for the standard input of a process."""

    name = 'launch.events.process.ProcessStdin'

    def __init__(self, *, text: bytes, **kwargs: Any) -> None:
        super().__init__(text=text, fd=0, **kwargs)


class ProcessStdout(ProcessIO):
    """Bytes from the standard output of a process."""

    name = 'launch.events.process.ProcessStdout'

    def __init__(self, *, text: bytes, **kwargs: Any) -> None:
        super().__init__(text=text, fd=1, **kwargs)


class ProcessStderr(ProcessIO):
    """Bytes from the standard error of a process."""

    name = 'launch.events.process.ProcessStderr'

    def __init__(self, *, text: bytes, **kwargs: Any) -> None:
        super().__init__(text=text, fd=2, **kwargs)
