"""`auditor demo`: audit the recorded demonstration company through the real pipeline, without network."""

from pathlib import Path

import click

from auditor.commands.options import rendering


@click.command(name="demo", short_help="Audit a recorded demonstration company, without network.")
@rendering("here")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on standard output.")
def command(
    *, output: Path | None, languages: tuple[str, ...], exports: tuple[str, ...], no_annex: bool, as_json: bool
) -> int:
    """Audit a recorded demonstration company, without network.

    A fictitious bakery, its Linux and Windows machines and its Microsoft 365: everything passes through the real
    pipeline, and the reports say that it is a demonstration. `auditor explain --demo REF` then shows the evidence of a
    finding. Ends with the exit code of such an audit (3: some machines could not be seen).
    """
    from auditor import paths
    from auditor.demo.company import prepare
    from auditor.rendering import Wish, check_wish
    from auditor.session import session
    from auditor.texts import ad_hoc_language

    wish = Wish(
        folder=output or Path(),
        languages=languages or (ad_hoc_language(),),
        exports=exports,
        annex=not no_annex,
        as_json=as_json,
        command="demo",
    )
    check_wish(wish)
    demonstration = prepare(paths.demo_folder(), wish.languages[0])
    return session(demonstration.plan, wish, history=demonstration.history, feeds_folder=demonstration.feeds_folder)
