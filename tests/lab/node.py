"""Peers that run on Node: where their packages are, and why they may be missing."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

_OLDEST = 20


def node_folder() -> Path:
    """The folder whose node_modules `.ci/run` fills."""
    return Path(os.environ.get("AUDITOR_NODE_DIR") or Path.home() / ".cache" / "auditor-node")


def node_program() -> str:
    """The node binary, "" when there is none."""
    return shutil.which("node") or ""


def missing(package: str) -> str:
    """Why a peer from this npm package cannot run, "" when it can."""
    if not node_program():
        return "node is not installed"
    if _major() < _OLDEST:
        return f"node {_OLDEST} or newer is needed"
    if not (node_folder() / "node_modules" / package).is_dir():
        return f"{package} (a node package, see .ci/run) is not installed"
    return ""


@cache
def _major() -> int:
    told = subprocess.run([node_program(), "--version"], capture_output=True, text=True, check=False).stdout
    number = told.lstrip("v").split(".")[0]
    return int(number) if number.isdecimal() else 0
