"""Words of this layer that depend on a language but on no client."""

import os


def ad_hoc_language() -> str:
    """Language of a run without a client file: the terminal's where it is French, English otherwise."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable)
        if value:
            return "fr" if value.lower().startswith("fr") else "en"
    return "en"


def ad_hoc_name(language: str) -> str:
    """What stands for the client's name in the reports of `auditor scan`."""
    from reports.texts import Texts

    return Texts(language).text("cli.ad_hoc_client")
