"""Commands that are shown to be typed or copied, as the shell of this system takes them."""

import re
import shlex
import subprocess
import sys

# What neither cmd nor PowerShell reads anything into; an @ in front would name a variable of PowerShell's.
_PLAIN = re.compile(r"(?!@)[\w./\\:@+-]+")
# What PowerShell reads inside double quotes: variables, its escape character, and what it takes for a double quote.
_EXPANDED = re.compile("[$`\u201c\u201d\u201e]")
_SINGLE_QUOTES = re.compile("['\u2018\u2019\u201a\u201b]")  # PowerShell takes all of them for one


def typed(*words: object) -> str:
    """One command line, or one word of it, quoted: names of folders hold spaces, apostrophes and ampersands."""
    texts = [str(word) for word in words]
    return " ".join(_on_windows(text) for text in texts) if sys.platform == "win32" else shlex.join(texts)


def double_quoted(text: str) -> str:
    """One word as cmd, and the program it starts, read it; quoted unless every character is plain.

    Only %NAME% still means a variable there (and !NAME! where somebody switched that on): no quotes prevent it.
    """
    if _PLAIN.fullmatch(text):
        return text
    quoted = subprocess.list2cmdline([text])
    if quoted != text:  # for its spaces
        return quoted
    return f'"{text}{text[len(text.rstrip(chr(92))) :]}"'  # a backslash at the end would take the quote with it


def _on_windows(text: str) -> str:
    """One word as both cmd and PowerShell read it, where that can be.

    Double quotes hold a word together in both. PowerShell expands variables in them, and single quotes, which prevent
    that, are ordinary characters to cmd. So a name with `$` or a backtick is shown for PowerShell: cmd then finds no
    such folder and says so, where PowerShell would take another one without a word.
    """
    if _EXPANDED.search(text):
        return "'" + _SINGLE_QUOTES.sub(r"\g<0>\g<0>", text) + "'"
    return double_quoted(text)
