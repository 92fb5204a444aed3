"""Report tests word no rule: the rules' own texts are replaced by their ids, and any absent text is an error."""

from collections.abc import Iterator, Mapping

import pytest

from reports import texts as texts_module

_REAL = texts_module._entries


class _WithoutRules(dict):
    """Texts of the reports; every `rules.` text is its id between brackets."""

    def __contains__(self, key: object) -> bool:
        return str(key).startswith("rules.") or super().__contains__(key)

    def get(self, key, default=None):
        return (f"<{key}>",) if key.startswith("rules.") else super().get(key, default)


@pytest.fixture
def real_texts() -> None:
    """Ask for the rules' own words."""


@pytest.fixture(autouse=True)
def plain_rules(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if "real_texts" not in request.fixturenames:

        def entries(language: str) -> Mapping[str, object]:
            return _WithoutRules(_REAL(language))

        monkeypatch.setattr(texts_module, "_entries", entries)
    absent: list[str] = []
    monkeypatch.setattr(texts_module._log, "error", lambda form, *args: absent.append(form % args))
    yield
    assert not absent, f"texts are absent: {absent}"
