"""Whether every secret that an audit needs is where its reference says, without showing any of them."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from auditor.checkup.checks import Check, Section, State, say
from auditor.errors import SecretError
from auditor.login import own_login
from auditor.secrets import Resolver
from auditor.settings import ClientSettings, CredentialSettings, TenantSettings
from auditor.suggested import typed
from collectors.cloud.credentials import CloudCredential
from collectors.credentials import Credential
from collectors.model import Protocol

_NAME = "credential"


class References:
    """What the references of one client came to: `logins` by credential, `apps` by tenant, and the section about it.

    What does not resolve is missing in both: `refused` has its reason, of logins by credential and of apps by tenant
    ("m365:NAME"); the section tells it, too.
    """

    def __init__(self, settings: ClientSettings, resolver: Resolver) -> None:
        self.logins: dict[str, Credential] = {}
        self.apps: dict[str, CloudCredential] = {}
        self.refused: dict[str, str] = {}
        self._settings = settings
        self._resolver = resolver
        checks = [
            *self._logins(),
            *(check for tenant in settings.tenants for check in self._app(tenant)),
            *self._password(settings.report.password, "report.password"),
        ]
        self.section = Section(name="credentials", heading=say("credentials"), checks=tuple(checks))

    def _logins(self) -> Iterator[Check]:
        protocols: dict[str, set[Protocol]] = {target.credential: set() for target in self._settings.targets}
        for target in self._settings.targets:
            protocols[target.credential].add(target.protocol)
        for name in sorted(protocols):
            if not protocols[name] & {Protocol.SSH, Protocol.WINRM}:
                self.logins[name] = Credential()
                continue
            written = self._settings.credentials.get(name) or own_login()
            try:
                self.logins[name] = self._resolver.credential(written)
            except SecretError as error:
                self.refused[name] = f"{error.subject}: {error.problem}"
                yield _refused(error)
                continue
            shown = name or "-"
            problems = [*_key_problems(shown, written), *_ways(shown, written, protocols[name])]
            yield from problems or (Check(name=_NAME, state=State.OK, text=say("credential", name=shown)),)

    def _app(self, tenant: TenantSettings) -> Iterator[Check]:
        name = tenant.target.name
        files = [tenant.app.key_file, tenant.app.certificate_file, tenant.app.pfx_file]
        for file in files:
            if file is not None and not file.is_file():
                text = say("no_file", name=tenant.app.name, file=str(file))
                yield Check(name=_NAME, state=State.FAILED, text=text, todo=say("no_file_todo"))
        try:
            self.apps[name] = self._resolver.cloud_credential(tenant)
        except SecretError as error:
            self.refused[f"m365:{name}"] = f"{error.subject}: {error.problem}"
            yield _refused(error)
        else:
            if all(file is None or file.is_file() for file in files):
                yield Check(name=_NAME, state=State.OK, text=say("credential", name=tenant.app.name))

    def _password(self, reference: str, purpose: str) -> Iterator[Check]:
        if not reference:
            return
        try:
            self._resolver.secret(reference, purpose)
        except SecretError as error:
            yield _refused(error)
        else:
            yield Check(name=_NAME, state=State.OK, text=say("credential", name=purpose))


def _refused(error: SecretError) -> Check:
    text = f"{error.subject}: {error.problem}"
    return Check(name=_NAME, state=State.FAILED, text=text, todo=error.hint, refuses=True)


def _key_problems(name: str, written: CredentialSettings) -> Iterator[Check]:
    for file in (written.key_file, written.certificate_file):
        if file is not None and not file.is_file():
            text = say("no_file", name=name, file=str(file))
            yield Check(name=_NAME, state=State.FAILED, text=text, todo=say("no_file_todo"))
    if written.key_file is not None and _read_by_others(written.key_file):
        text, todo = say("open_key", name=name, file=str(written.key_file)), typed("chmod", "600", written.key_file)
        yield Check(name=_NAME, state=State.WARNING, text=text, todo=todo)


def _read_by_others(file: Path) -> bool:
    if os.name != "posix":
        return False
    try:
        return bool(stat.S_IMODE(file.stat().st_mode) & 0o077)
    except OSError:
        return False


def _ways(name: str, written: CredentialSettings, protocols: Iterable[Protocol]) -> Iterator[Check]:
    """An agent that does not run, where it was to be the way in."""
    if Protocol.SSH not in protocols or not written.agent or _agent_runs():
        return
    other = written.key_file is not None or bool(written.password)
    state = State.NOTE if other else State.WARNING
    yield Check(name=_NAME, state=state, text=say("no_agent", name=name), todo="" if other else say("no_agent_todo"))


def _agent_runs() -> bool:
    return os.name != "posix" or Path(os.environ.get("SSH_AUTH_SOCK", "/nonexistent")).exists()
