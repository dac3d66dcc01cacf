"""Makes the tests of launch_testing use the sources beside them."""

import os
import sys
from pathlib import Path

_EMBEDDED = Path(__file__).resolve().parents[2]
_SOURCES = [str(_EMBEDDED / name) for name in ('launch_testing', 'launch_pytest', 'launch')]
sys.path[:0] = _SOURCES
os.environ['PYTHONPATH'] = os.pathsep.join([*_SOURCES, *filter(None, [os.environ.get('PYTHONPATH')])])
