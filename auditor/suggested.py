"""Commands that are shown to be typed or copied, as the shell of this system takes them."""

import shlex
import subprocess
import sys


def typed(*words: object) -> str:
    """One command line, or one word of it, quoted: names of folders hold spaces, apostrophes and ampersands."""
    texts = [str(word) for word in words]
    if sys.platform == "win32":  # cmd and PowerShell know double quotes only
        return " ".join(_double_quoted(text) for text in texts)
    return shlex.join(texts)


def _double_quoted(text: str) -> str:
    """No name of a Windows file holds a double quote; what is quoted there for a space, list2cmdline knows."""
    plain = subprocess.list2cmdline([text])
    return f'"{text}"' if plain == text and set(text) & set("&()^;,=%!'`") else plain
