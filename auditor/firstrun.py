"""`make audit`: the main job on real input, on a fresh machine, without a question asked.

Audits this machine with whatever feeds can be downloaded, then the recorded demonstration company, and leaves the
workbooks in one folder. Without internet nothing is made up: the feeds are missing, every verdict that needs them is
"unknown", and that is said. Exit code 0 means that the job was done, whatever was found.
"""

import os
import sys
from pathlib import Path

import click

from auditor import paths
from auditor.exits import Exit

_LANGUAGES = ("fr", "en")
_DONE = frozenset({Exit.COMPLIANT, Exit.FINDINGS, Exit.INCOMPLETE})


def main(arguments: list[str] | None = None) -> int:
    """Audit this machine and the demonstration company into the folder named by the first argument ("audits")."""
    folder = Path((arguments or sys.argv[1:] or ["audits"])[0])
    # The project's own folder keeps all of it, so that `make clean` takes it away again.
    os.environ.setdefault("AUDITOR_HOME", str(folder.absolute() / ".auditor"))
    _say(f"1/2  This machine, as an ordinary visit would see it -> {folder}/")
    own = _this_machine(folder)
    _say(f"2/2  The recorded demonstration company -> {folder}/")
    demonstration = _demonstration(folder)
    _say(f"Done. Workbooks in French and English are in {folder}/.")
    _say(f"Evidence of any line: AUDITOR_HOME={paths.home()} {Path(sys.executable).parent}/auditor explain --demo REF")
    return Exit.COMPLIANT if {own, demonstration} <= _DONE else max(own, demonstration)


def _this_machine(folder: Path) -> Exit:
    from auditor.inventory import local_target
    from auditor.pipeline import Plan
    from auditor.rendering import Wish
    from auditor.session import session
    from auditor.texts import ad_hoc_name
    from rules.contract import Contract

    language = _LANGUAGES[0]
    plan = Plan(
        contract=Contract(client=ad_hoc_name(language), language=language),
        targets=(local_target(),),
        refresh_feeds=True,
        partial=True,
    )
    wish = Wish(folder=folder, languages=_LANGUAGES, exports=("annex",))
    return session(plan, wish, history=paths.scan_history(), feeds_folder=paths.feeds_folder())


def _demonstration(folder: Path) -> Exit:
    from auditor.demo.company import prepare
    from auditor.rendering import Wish
    from auditor.session import session

    demonstration = prepare(paths.demo_folder(), _LANGUAGES[0])
    wish = Wish(folder=folder, languages=_LANGUAGES, exports=("annex",), command="demo")
    return session(demonstration.plan, wish, history=demonstration.history, feeds_folder=demonstration.feeds_folder)


def _say(text: str) -> None:
    click.echo(f"== {text}", err=True)


if __name__ == "__main__":
    from auditor.cli import guarded

    sys.exit(guarded(main))
