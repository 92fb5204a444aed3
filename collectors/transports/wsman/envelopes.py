"""pywinrm's `Protocol` with a quicker pen: the same messages to the letter, written ten times faster.

pywinrm writes its envelopes with xmltodict, which since 1.0 looks at every letter of every name, in each message the
same ones; that costs more than sealing them. Here pywinrm's module is loaded once more, for us alone, with `unparse`
below in the place of xmltodict's: whoever else uses pywinrm in this process has it as it is.
"""

import importlib.util
from typing import Any
from xml.sax.saxutils import escape, quoteattr


def unparse(document: dict[str, Any]) -> str:
    """Write what `xmltodict.unparse` writes, for the dictionaries pywinrm makes (names of its own, text, bytes)."""
    parts = ['<?xml version="1.0" encoding="utf-8"?>\n']
    for name, value in document.items():
        _write(parts, name, value)
    return "".join(parts)


def _write(parts: list[str], name: str, value: Any) -> None:
    for one in value if isinstance(value, list) else (value,):
        content = one if isinstance(one, dict) else {"#text": one}
        parts.append(f"<{name}")
        parts.extend(f" {key[1:]}={quoteattr(_text(item))}" for key, item in content.items() if key[0] == "@")
        parts.append(">")
        for key, item in content.items():
            if key[0] not in "@#":
                _write(parts, key, item)
        parts.append(escape(_text(content.get("#text"))))
        parts.append(f"</{name}>")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


class _Pen:
    unparse = staticmethod(unparse)


def _protocol() -> type[Any]:
    spec = importlib.util.find_spec("winrm.protocol")
    if spec is None or spec.loader is None:
        raise ImportError("pywinrm is not installed")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.xmltodict = _Pen
    protocol: type[Any] = module.Protocol
    return protocol


PROTOCOL = _protocol()
