"""The gateway as a process."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from gateway.foreground import FILES

SCRIPT = """
import resource
from gateway import foreground
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
foreground._raise_file_limit()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("soft", "hard", "then"),
    [(256, FILES * 2, FILES), (256, 512, 512), (FILES + 1, FILES * 2, FILES + 1)],
)
def test_the_soft_limit_of_open_files_is_raised(soft: int, hard: int, then: int) -> None:
    """As far as is needed and allowed; the hard limit stays what it was."""
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < hard:
        pytest.skip("the hard limit of open files is too low here")
    script = SCRIPT.format(soft=soft, hard=hard)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout.split() == [str(then), str(hard)]
