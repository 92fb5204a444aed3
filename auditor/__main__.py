"""Entry point of the `auditor` command and of `python -m auditor`."""

import io
import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from auditor.cli import main as run
    from auditor.exits import Exit

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character shows its code; a report was never lost to an accent.
            stream.reconfigure(errors="backslashreplace")
    code = run()
    if code == Exit.INTERRUPTED:
        # Visits under way sit in threads that nothing can stop; everything collected is stored and rendered by now.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
