"""The `auditor` command. Only click is imported here; each command's module is loaded when it is called for.

Errors are shown once, here: a sentence on standard error that says who, what and what to do next, and an exit code (see
`auditor.exits`). A traceback appears with `--debug` only, or when the program itself is wrong.
"""

import importlib
import logging
import sys
from collections.abc import Callable
from typing import Any

import click

from auditor import __version__
from auditor.errors import AuditorError
from auditor.exits import Exit

# name -> what `auditor --help` says of it (a test compares it with the command's own help)
COMMANDS = {
    "init": "Write a commented client folder to start from.",
    "onboard": "Print how to let auditor into a Microsoft 365 tenant.",
    "doctor": "Check what a client's audits rest on, before they run.",
    "scan": "Visit what the command line names and report.",
    "audit": "Visit everything of a client, or of several, and report.",
    "schedule": "Run audits every month by systemd, cron or Windows.",
    "mail": "Show, approve and send the reports in the outbox.",
    "decisions": "Take over the decisions of a returned workbook.",
    "report": "Write the reports of a past run again.",
    "history": "Show past runs, trends and what changed since.",
    "explain": "Show the whole chain of evidence of one finding.",
    "feeds": "Download, show and carry advisory feeds.",
    "demo": "Audit a recorded demonstration company, without network.",
    "completion": "Print what lets a shell complete commands, options and folders.",
}
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class LazyGroup(click.Group):
    """A group that knows its commands' names and loads their modules when they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        """All command names in the order of a first encounter."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load one command."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"auditor.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest command for a misspelt one."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if close:
                raise click.UsageError(f"{error.format_message()} Did you mean {close[0]!r}?", ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's way
    if wanted and not ctx.resilient_parsing:
        click.echo(f"auditor {__version__}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings=_CONTEXT)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version."
)
@click.option("--debug", is_flag=True, help="Log every step on standard error (never a secret).")
@click.pass_context
def cli(ctx: click.Context, *, debug: bool) -> None:
    """Audit patches and licenses without an agent; the result is a workbook a manager can read.

    \b
    Exit codes, the first that holds:
      130  stopped with Ctrl-C, SIGTERM or by a dropped session; what was collected is kept and rendered
        2  wrong command line or configuration, or our own side failed (rights, disk)
        3  incomplete: a machine, a tenant, a rule or a feed could not be seen
        1  findings at or above --fail-on
        0  everything asked was answered, and nothing found
    """  # noqa: D301 - click needs the real backspace character
    ctx.obj = debug
    logging.basicConfig(
        level=logging.DEBUG if debug else logging.CRITICAL,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )
    if debug:
        logging.getLogger("paramiko").setLevel(logging.INFO)  # its debug lines drown everything else
        logging.getLogger("msal").setLevel(logging.INFO)  # its debug lines hold what signs in
        logging.getLogger("msoffcrypto").setLevel(logging.INFO)  # and these the key a password makes
        logging.getLogger("urllib3").setLevel(logging.INFO)  # and these the address a mail's workbook is uploaded to
    else:
        for ours in ("auditor", "collectors", "rules", "reports"):  # a defect of ours is worth a traceback, always
            logging.getLogger(ours).setLevel(logging.ERROR)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return guarded(lambda: cli.main(args=arguments, prog_name="auditor", standalone_mode=False))


def guarded(run: Callable[[], Any]) -> int:
    """Run something and turn its errors into one line and an exit code; only a defect escapes, with its traceback."""
    try:
        outcome = run()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except AuditorError as error:
        return _tell(error, error.exit_code)
    except OSError as error:
        return _operating_system(error)
    except Exception as error:
        from collectors.errors import CollectorError

        if isinstance(error, CollectorError):
            return _tell(error, Exit.USAGE)
        raise
    return outcome if isinstance(outcome, int) else Exit.COMPLIANT


def _tell(error: Exception, code: int) -> int:
    from auditor.progress import printable

    logging.getLogger(__name__).debug("stopped by", exc_info=error)
    first, *more = error.lines() if isinstance(error, AuditorError) else [str(error)]
    click.echo("\n".join(printable(line) for line in (f"Error: {first}", *more)), err=True)
    return code


def _operating_system(error: OSError) -> int:
    """A pipe that its reader closed is no error; anything else of the system is told in one line."""
    if isinstance(error, BrokenPipeError):
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.USAGE
    if _while_printing(error):
        error = OSError(f"what was to be printed could not be written to standard output: {error.strerror or error}.")
    return _tell(error, Exit.USAGE)


def _while_printing(error: OSError) -> bool:
    """Whether it was `click.echo` that failed: such an error names no file."""
    import traceback

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_code is click.echo.__code__
