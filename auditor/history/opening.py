"""Which history a command speaks about: a client folder's, a file's, or that of ad hoc scans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from auditor import paths
from auditor.history.store import Store
from auditor.texts import ad_hoc_language

if TYPE_CHECKING:
    from auditor.settings import ClientSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """An open history, with the language and report folder that go with it, and the client's settings if it has any."""

    store: Store
    language: str
    reports: Path
    settings: "ClientSettings | None" = None


@contextmanager
def open_history(path: Path | None) -> Iterator[History]:
    """Open the history of a client folder, of a *.sqlite file, or (None) of `auditor scan`; it must exist."""
    from auditor.config import load
    from reports.texts import languages

    if path is None or path.suffix == ".sqlite":
        settings = None
        file, language, reports = path or paths.scan_history(), ad_hoc_language(), Path()
    else:
        settings = load(path, languages=languages())
        file, language, reports = settings.history, settings.contract.language, settings.reports
    with Store(file, must_exist=True) as store:
        yield History(store=store, language=language, reports=reports, settings=settings)
