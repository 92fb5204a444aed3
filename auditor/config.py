"""client.toml -> `ClientSettings`. Every complaint names the file, the key's path and what would be right."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from auditor.credential_tables import Known, read_credentials
from auditor.errors import SettingsError
from auditor.history.tables import read_history
from auditor.mail_tables import read_mail
from auditor.paths import known_hosts
from auditor.provider import provider_of
from auditor.report_tables import read_report
from auditor.settings import DEFAULT_WIDTH, ClientSettings, ConnectionSettings, TenantSettings
from auditor.software_tables import read_software
from auditor.suggested import typed
from auditor.tables import Complaints, Days, Name, Seconds, Table, line_problem, parse, suggestion
from auditor.tenant_tables import read_graph, read_tenants, read_terms
from collectors.model import Protocol, Target
from rules.contract import Contract, Sla

FILE_NAME = "client.toml"
FORMAT = 1

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Width = Annotated[int, msgspec.Meta(ge=1, le=512)]
Threshold = Literal["critical", "high", "medium", "low", "never"]


class _ClientTable(Table):
    name: Name
    language: str = "fr"
    fail_on: Threshold = "low"


class _SlaTable(Table):
    critical: Days = 14
    high: Days = 14
    medium: Days = 60
    low: Days = 90
    kev: bool = True
    cyber_essentials: bool = False


class _LimitsTable(Table):
    package_lists_max_age_days: Days = 7
    end_of_support_horizon_days: Days = 180
    reboot_grace_days: Days = 7
    feed_max_age_days: dict[str, Days] = msgspec.field(default_factory=dict)
    renewal_horizon_days: Days = 45


class _ConnectionTable(Table):
    credential: str = ""
    known_hosts: str = "known_hosts"
    ca_file: str = ""
    known_certificates: str = "known_certificates"
    width: Width = DEFAULT_WIDTH
    host_deadline_s: Seconds = 120.0
    connect_timeout_s: Seconds = 15.0
    probe_timeout_s: Seconds = 3.0


class _MachineTable(Table):
    name: Name
    address: str = ""
    protocol: Literal["ssh", "winrm", "local", "replay"] = "ssh"
    port: Port | None = None
    tls: bool | None = None
    user: str = ""
    credential: str = ""
    site: str = ""
    exposure: Literal["", "internet", "internal"] = ""
    labels: tuple[str, ...] = ()


_TOP = (
    "format",
    "client",
    "sla",
    "limits",
    "connection",
    "credentials",
    "machines",
    "feeds",
    "tenants",
    "m365",
    "graph",
    "software",
    "history",
    "mail",
    "report",
)


def client_file(path: Path) -> Path:
    """The client.toml that `path` (a client folder or the file itself) means; raises SettingsError when absent."""
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        folder = path.parent if path.name == FILE_NAME else path
        hint = f"`{typed('auditor', 'init', folder)}` writes a commented one to start from."
        if folder.suffix == ".toml":
            hint = f"The file of a client is named {FILE_NAME}."
        raise SettingsError(
            str(path),
            f"there is no {FILE_NAME} here." if path.is_dir() else "no such client folder or file.",
            hint=hint,
        )
    return file


def load(path: Path, *, languages: tuple[str, ...] = ("en", "fr")) -> ClientSettings:
    """Read a client folder (or its client.toml). Relative paths in it are relative to the folder.

    Raises SettingsError naming file, key and problem; nothing secret is resolved or repeated.
    """
    file = client_file(path)
    return _Reader(file, languages).read(parse(file))


def client_name_problem(name: str) -> str:
    """What is wrong with a name that files and mails are known by, and told apart by; "" when nothing is."""
    if problem := line_problem(name):
        return problem
    return "" if any(char.isalnum() for char in name) else f"{name!r} has neither letters nor digits."


class _Reader(Complaints):
    """Turns the tables of one file into settings."""

    def __init__(self, file: Path, languages: tuple[str, ...]) -> None:
        super().__init__(file)
        self._languages = languages

    def read(self, data: dict[str, Any]) -> ClientSettings:
        self.check_keys(data, _TOP, FORMAT)
        if "client" not in data:
            raise self.error("client", "this table is missing.", 'Add [client] with name = "…".')
        client = self.convert(data["client"], "client", _ClientTable)
        if problem := client_name_problem(client.name):
            raise self.error("client.name", problem, "Write the client's name as its reports should have it.")
        if client.language not in self._languages:
            raise self.error("client.language", f"{client.language!r} is not one of {', '.join(self._languages)}.")
        sla = self.convert(data.get("sla", {}), "sla", _SlaTable)
        limits = self.convert(data.get("limits", {}), "limits", _LimitsTable)
        connection = self.convert(data.get("connection", {}), "connection", _ConnectionTable)
        provider = provider_of(self.file)
        credentials = read_credentials(self, data.get("credentials", {}), provider.credentials)
        if connection.credential:
            credentials.login(self, "connection.credential", connection.credential)
        targets = self._machines(data.get("machines", []), connection.credential, credentials)
        graph = read_graph(self, data["graph"]) if "graph" in data else provider.graph
        tenants = read_tenants(self, data.get("tenants", []), credentials, graph)
        self._check_names(targets, tenants)
        terms, mailbox_types = read_terms(self, data.get("m365", {}))
        return ClientSettings(
            file=self.file,
            contract=Contract(
                client=client.name,
                language=client.language,
                sla=Sla(**msgspec.structs.asdict(sla)),
                m365=terms,
                software=read_software(self, data.get("software", {})),
                **msgspec.structs.asdict(limits),
            ),
            targets=targets,
            tenants=tenants,
            credentials=credentials.logins,
            graph=graph,
            mailbox_types=mailbox_types,
            connection=ConnectionSettings(
                known_hosts=known_hosts(self.path(connection.known_hosts)),
                ca_file=self.optional_path(connection.ca_file),
                known_certificates=self.path(connection.known_certificates),
                width=connection.width,
                host_deadline_s=connection.host_deadline_s,
                connect_timeout_s=connection.connect_timeout_s,
                probe_timeout_s=connection.probe_timeout_s,
            ),
            feeds=self._feeds(data.get("feeds", {}), limits.feed_max_age_days),
            fail_on=client.fail_on,
            history_terms=read_history(self, data.get("history", {})),
            mail=read_mail(self, data.get("mail"), provider.mail, credentials, graph),
            report=read_report(self, data.get("report", {})),
        )

    def _check_names(self, targets: tuple[Target, ...], tenants: tuple[TenantSettings, ...]) -> None:
        """A tenant is named apart from the machines: reports tell both by their names."""
        taken = {target.name.casefold() for target in targets}
        for number, tenant in enumerate(tenants, start=1):
            if tenant.target.name.casefold() in taken:
                path = f'tenants[{number}] ("{tenant.target.name}").name'
                raise self.error(path, "a machine has this name already.", "Name one apart.")

    def _machines(self, value: object, default: str, credentials: Known) -> tuple[Target, ...]:
        seen: dict[str, str] = {}
        places: dict[tuple[str, str, int | None], str] = {}
        targets = []
        for number, table in enumerate(self.rows(value, "machines"), start=1):
            target, path = self._machine(table, number, default, credentials)
            if target.name.casefold() in seen:
                raise self.error(
                    f"{path}.name",
                    f"duplicate host: {target.name!r} is also {seen[target.name.casefold()]}.",
                    "Every machine needs a name of its own.",
                )
            seen[target.name.casefold()] = path
            place = (target.protocol.value, target.address.casefold(), target.port)
            if target.protocol is not Protocol.REPLAY and place in places:
                raise self.error(
                    f"{path}.address", f"duplicate host: same address and port as {places[place]}.", "Remove one."
                )
            places[place] = path
            targets.append(target)
        return tuple(targets)

    def _machine(self, table: object, number: int, default: str, credentials: Known) -> tuple[Target, str]:
        name = table.get("name") if isinstance(table, Mapping) else None
        path = f'machines[{number}] ("{name}")' if isinstance(name, str) else f"machines[{number}]"
        written = self.convert(table, path, _MachineTable)
        credential = written.credential or default
        if credential:
            credentials.login(self, f"{path}.credential", credential)
        if "@" in written.name[:1]:
            raise self.error(f"{path}.name", "a name cannot start with @ (that means a label).")
        protocol = Protocol(written.protocol)
        address = written.address
        if written.tls is not None and protocol is not Protocol.WINRM:
            raise self.error(f"{path}.tls", 'only a machine with protocol = "winrm" has this key.')
        if protocol in (Protocol.SSH, Protocol.WINRM):
            address = (address or written.name).removeprefix("[").removesuffix("]")
        elif protocol is Protocol.REPLAY:
            if not address:
                raise self.error(f"{path}.address", "a replayed machine needs the path of its recording.")
            address = str(self.path(address))
        return (
            Target(
                name=written.name,
                protocol=protocol,
                address=address,
                port=written.port,
                user=written.user,
                credential=credential,
                site=written.site,
                exposure=written.exposure,
                labels=written.labels,
                tls=written.tls,
            ),
            path,
        )

    def _feeds(self, value: object, limits: Mapping[str, int]) -> dict[str, dict[str, str]]:
        """Settings by feed, checked against what each feed module declares."""
        from collectors.feeds import discover
        from collectors.feeds.feed import COMMON_SETTINGS

        declared = {feed.name: feed for feed in discover()}
        for name in limits:
            if name not in declared:
                raise self.error(f"limits.feed_max_age_days.{name}", "no such feed.", suggestion(name, list(declared)))
        if not isinstance(value, Mapping):
            raise self.error("feeds", "expected tables [feeds.NAME].")
        found: dict[str, dict[str, str]] = {}
        for name, table in value.items():
            if name not in declared:
                hint = suggestion(name, list(declared)) or f"Known feeds: {', '.join(declared)}."
                raise self.error(f"feeds.{name}", "no such feed.", hint)
            if not isinstance(table, Mapping):
                raise self.error(f"feeds.{name}", "expected a table.")
            known = [*declared[name].settings, *COMMON_SETTINGS]
            for key, setting in table.items():
                if key not in known:
                    hint = suggestion(key, known) or f"Known keys: {', '.join(known)}."
                    raise self.error(f"feeds.{name}.{key}", "unknown key.", hint)
                if not isinstance(setting, str):
                    raise self.error(f"feeds.{name}.{key}", f"expected a text, got {setting!r}.")
            found[name] = dict(table)
        return found
