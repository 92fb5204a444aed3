"""What Windows machines are asked, one block each: `<name>.ps1` beside `<name>.py`, which declares `BLOCK`.

Modules whose name begins with an underscore hold what several blocks share.
"""

from functools import cache
from importlib import import_module
from importlib.resources import files
from pkgutil import iter_modules

from collectors.windows.block import WindowsBlock

_FIRST = ("system", "updates", "reboot", "update_policy")


@cache
def discover() -> tuple[WindowsBlock, ...]:
    """Every block of this folder in the order they run: the verdict's facts, the other fast ones, then the slow ones.

    Raises AttributeError for a module that declares none.
    """
    names = sorted(module.name for module in iter_modules(__path__) if not module.name.startswith("_"))
    blocks = [import_module(f"{__name__}.{name}").BLOCK for name in names]
    return tuple(sorted(blocks, key=_turn))


def _turn(block: WindowsBlock) -> tuple[bool, int, int, str]:
    early = _FIRST.index(block.name) if block.name in _FIRST else len(_FIRST)
    return block.slow, early, block.timeout_s if block.slow else 0, block.name


@cache
def body(name: str) -> str:
    """PowerShell text of a block. Raises FileNotFoundError when its `.ps1` is missing."""
    return files(__name__).joinpath(f"{name}.ps1").read_text(encoding="utf-8")
