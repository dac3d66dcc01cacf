"""The processes of one run of a launch service, as a whole."""

import ctypes
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable

from ..logging import get_logger
from . import orphans

_PR_SET_PDEATHSIG = 1


def _load_prctl() -> Callable[..., int] | None:
    """Return the C function prctl, or None where there is none (it is Linux only)."""
    if not sys.platform.startswith('linux'):
        return None
    try:
        function: Callable[..., int] = ctypes.CDLL(None, use_errno=True).prctl
    except (OSError, AttributeError):
        return None
    return function


_prctl = _load_prctl()


class ProcessSession:
    """
    Marks the processes of a launch and ends those left over.

    Direct children are killed by the kernel when this process dies. Their descendants carry a token in their
    environment by which :meth:`close`, or the guard process if this one was killed, finds them.
    """

    def __init__(self) -> None:
        self._token = uuid.uuid4().hex
        self._guard: subprocess.Popen[bytes] | None = None

    def environment(self, env: dict[str, str]) -> dict[str, str]:
        """Return `env` with the token added to those of outer launches."""
        outer = env.get(orphans.TOKEN_VARIABLE) or os.environ.get(orphans.TOKEN_VARIABLE)
        tokens = f'{outer}:{self._token}' if outer else self._token
        return {**env, orphans.TOKEN_VARIABLE: tokens}

    def start_guard(self) -> None:
        """Start the guard before the first process of the launch."""
        if self._guard is None:
            environment = {key: value for key, value in os.environ.items() if key != orphans.TOKEN_VARIABLE}
            self._guard = subprocess.Popen(
                [sys.executable, '-I', '-S', orphans.__file__, self._token], stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd='/',
                env=environment)

    @staticmethod
    def tie_to_parent() -> Callable[[], None]:
        """Return a function for the child, called between fork and exec: die when the parent does, and hear SIGINT."""
        parent = os.getpid()

        def before_exec() -> None:
            # A shell starts background jobs with SIGINT ignored, and children inherit that; launch stops them by SIGINT.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if _prctl is not None:
                _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
                if os.getppid() != parent:
                    os._exit(1)  # the parent died between fork and prctl

        return before_exec

    def close(self) -> None:
        """End the processes that are still there and let the guard go."""
        if self._guard is None:
            return
        left_over = orphans.end_processes(self._token)
        if left_over:
            get_logger('launch').warning(
                f"ended processes that their parents had left behind: {', '.join(map(str, left_over))}")
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait()
        self._guard = None
