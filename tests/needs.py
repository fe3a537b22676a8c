"""What a machine may lack.  REQUIRE_ALL=1 makes a lack a failure."""

from __future__ import annotations

import os
import shutil

import pytest

PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def need(program: str) -> str:
    """Return the program's path; without it the test is skipped, or fails with REQUIRE_ALL=1."""
    found = shutil.which(program, path=PATH)
    if found is None:
        lacking(f"{program} is not installed")
    assert found is not None
    return found


def lacking(what: str) -> None:
    """Skip the test, or fail it with REQUIRE_ALL=1."""
    if os.environ.get("REQUIRE_ALL", "0") not in ("", "0"):
        pytest.fail(f"{what}, and REQUIRE_ALL is set")
    pytest.skip(what)
