"""Answers of the Windows script, put together from recorded cases: what a machine of any kind would have printed."""

import base64
import gzip
from collections.abc import Mapping

from tests.collectors.frames import NONCE, end, frame
from tests.collectors.windows.cases import load

ADMINISTRATOR = "windows 1 5.1.26100.7019 FullLanguage"
PLAIN_USER = "windows 0 5.1.26100.7019 FullLanguage"

CLIENT: Mapping[str, str] = {
    "system": "windows_11_pro_calls_itself_windows_10",
    "updates": "staged_and_not_restarted",
    "reboot": "nothing_pending",
    "update_policy": "no_policy_at_all",
    "update_history": "french_titles",
    "update_search": "french_cumulative_offered",
}
FRENCH_SERVER: Mapping[str, str] = {
    "system": "french_server_2022_core",
    "updates": "empty_qfe",
    "reboot": "everything_pending",
    "update_policy": "wsus_without_internet",
    "update_history": "nothing_yet",
    "update_search": "wsus_hides_what_microsoft_offers",
}
PLAIN_LAPTOP: Mapping[str, str] = {
    "system": "no_admin_laptop",
    "updates": "no_admin_packages_only",
    "reboot": "nothing_pending",
    "update_policy": "no_policy_at_all",
    "update_history": "no_admin",
    "update_search": "no_admin",
}


def hello(words: str = ADMINISTRATOR, *, nonce: str = NONCE) -> bytes:
    """The first frame."""
    return frame("hello", "1", words.encode(), nonce=nonce)


def packed(name: str, text: str, *, nonce: str = NONCE) -> bytes:
    """A block's frame around the JSON of its envelope."""
    return frame(name, "z", base64.b64encode(gzip.compress(text.encode(), mtime=0)), nonce=nonce)


def answer(cases: Mapping[str, str], words: str = ADMINISTRATOR, *, nonce: str = NONCE) -> bytes:
    """Standard output of a whole visit: one recorded case per block."""
    frames = [packed(block, load(block, oddity).text, nonce=nonce) for block, oddity in cases.items()]
    return b"".join([hello(words, nonce=nonce), *frames, end(nonce=nonce)])
