"""`[mail]` of a client file over `[mail]` of the provider's: who gets the report, and through which server.

The provider's table holds what its clients share. It can name no recipient: that stands in each client's own file, so
that no slip of one line sends one client's report to another. The way out (a server with its login, or Graph) is taken
whole from one of the two tables, so that the provider's password is never offered to a server a client's file names.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from auditor.credential_tables import Known, application_id_problem
from auditor.mail_settings import DEFAULT_PORTS, Mailbox, MailSettings, Security, SmtpSettings
from auditor.secrets import check_reference
from auditor.settings import GraphSettings, TenantSettings
from auditor.tables import Complaints, Table, line_problem, suggestion
from auditor.tenant_tables import endpoints, tenant_problem
from collectors.cloud.credentials import CLOUDS, is_loopback
from collectors.model import Protocol, Target

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}$)(?=[^@]{{1,64}}@){_LOCAL}@{_DOMAIN}")
_NAMED = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>")
_QUOTED = re.compile(r'"(?P<name>(?:[^"\\]|\\.)*)"')
_HOST = re.compile(rf"(?=.{{1,253}}$){_DOMAIN}|[0-9A-Fa-f:.]+")
_OWN = ("to", "salutation")  # a client's own, never the provider's
_WAY = ("server", "port", "security", "user", "password", "ca_file", "graph")
_SHOWN = 80

Addresses = str | tuple[str, ...]
Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]
Megabytes = Annotated[float, msgspec.Meta(gt=0, le=150)]
Text = Annotated[str, msgspec.Meta(max_length=100)]


class _GraphTable(Table):
    tenant: str
    credential: str
    client_id: str = ""
    cloud: str = "global"


class _MailTable(Table):
    sender: str = msgspec.field(default="", name="from")
    to: Addresses = ()
    cc: Addresses = ()
    reply_to: Addresses = ()
    salutation: Text = ""
    server: str = ""
    port: Port | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password: str = ""
    ca_file: str = ""
    graph: dict[str, object] | None = None
    hold: bool = True
    send: Literal["always", "complete"] = "always"
    attachment_limit_mb: Megabytes = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A `[mail]` table as its file has it: `keys` are those it names, `said` words complaints about that file."""

    said: Complaints
    table: _MailTable
    keys: frozenset[str]


def written_mail(said: Complaints, value: object) -> Written | None:
    """Read the provider's table; None without one. Raises SettingsError, also for a recipient in it."""
    if value is None:
        return None
    written = _written(said, value)
    for key in _OWN:
        if key in written.keys:
            hint = "Write it in the [mail] table of that client's client.toml."
            raise said.error(f"mail.{key}", "is one client's own, and this file is shared by all of them.", hint)
    return written


def read_mail(
    said: Complaints,
    value: object,
    provider: Written | None = None,
    credentials: Known | None = None,
    graph: GraphSettings | None = None,
) -> MailSettings | None:
    """Read the client's table over the provider's; None where the client has none. Raises SettingsError."""
    if value is None:
        return None
    own = _written(said, value)
    tables = (own, provider) if provider is not None else (own,)
    way = next((table for table in tables if table.keys & {"server", "graph"}), None)
    astray = [key for key in _WAY if key in own.keys and way is not own]
    if astray:
        raise said.error(f"mail.{astray[0]}", "goes with a server, and this table names none.", "Add server here too.")
    if way is None:
        hint = "Add server (SMTP) or graph (Microsoft 365), here or under [mail] of provider.toml."
        raise said.error("mail", "nothing says how mail is sent.", hint)
    if "server" in way.keys and "graph" in way.keys:
        raise way.said.error("mail.graph", "a server is named as well.", "Keep one of the two.")
    sender = _chosen(tables, "from")
    senders = _mailboxes(sender.said, "mail.from", sender.table.sender)
    if len(senders) != 1:
        raise said.error("mail.from", "the sender's address is missing.", "Write it here, or in provider.toml.")
    to = _mailboxes(said, "mail.to", own.table.to)
    if not to:
        raise said.error("mail.to", "who gets the report?", 'Write to = ["name@example.com"].')
    copies, answers = _chosen(tables, "cc"), _chosen(tables, "reply_to")
    if problem := line_problem(own.table.salutation):
        raise said.error("mail.salutation", problem)
    return MailSettings(
        sender=senders[0],
        to=to,
        cc=_mailboxes(copies.said, "mail.cc", copies.table.cc),
        reply_to=_mailboxes(answers.said, "mail.reply_to", answers.table.reply_to),
        salutation=own.table.salutation.strip(),
        smtp=_smtp(way) if way.table.server else None,
        graph=_graph(way, credentials or Known(), graph or GraphSettings()) if "graph" in way.keys else None,
        hold=_chosen(tables, "hold").table.hold,
        complete_only=_chosen(tables, "send").table.send == "complete",
        attachment_limit_mb=_chosen(tables, "attachment_limit_mb").table.attachment_limit_mb,
    )


def _written(said: Complaints, value: object) -> Written:
    table = said.convert(value, "mail", _MailTable)
    return Written(said=said, table=table, keys=frozenset(value) if isinstance(value, Mapping) else frozenset())


def _chosen(tables: tuple[Written, ...], key: str) -> Written:
    """The first table that names the key; the client's own, with its default, where none does."""
    return next((table for table in tables if key in table.keys), tables[0])


def _smtp(way: Written) -> SmtpSettings:
    said, table = way.said, way.table
    server = table.server.strip().removeprefix("[").removesuffix("]")
    if not _HOST.fullmatch(server):
        raise said.error("mail.server", f"{table.server[:_SHOWN]!r} is no host name.", 'Like "smtp.example.com".')
    security = Security(table.security)
    if security is Security.NONE and not is_loopback(server):
        hint = 'Use security = "starttls" or "tls"; without, only a server on this machine (localhost) is spoken to.'
        raise said.error("mail.security", "reports and passwords are not sent over the network in clear.", hint)
    if problem := check_reference(table.password):
        raise said.error("mail.password", problem)
    for key, other in (("user", "password"), ("password", "user")):
        if getattr(table, key) and not getattr(table, other):
            raise said.error(f"mail.{other}", f"is missing: {key} is named without it.")
    return SmtpSettings(
        server=server,
        port=table.port or DEFAULT_PORTS[security],
        security=security,
        user=table.user,
        password=said.reference(table.password),
        ca_file=said.optional_path(table.ca_file),
    )


def _graph(way: Written, credentials: Known, graph: GraphSettings) -> TenantSettings:
    said = way.said
    beside = sorted(way.keys & {"port", "security", "user", "password", "ca_file"})
    if beside:
        raise said.error(f"mail.{beside[0]}", "goes with a server, not with graph.", "Remove it.")
    table = said.convert(way.table.graph, "mail.graph", _GraphTable)
    address = table.tenant.strip().lower()
    if problem := tenant_problem(address):
        raise said.error("mail.graph.tenant", problem)
    app = credentials.app(said, "mail.graph.credential", table.credential)
    if app.device_code:
        hint = "Use the application's certificate or secret."
        raise said.error("mail.graph.credential", "a device code needs a person at every run.", hint)
    client_id = table.client_id or app.client_id
    if not client_id:
        hint = f"Write it here, or in [credentials.{app.name}]."
        raise said.error("mail.graph.client_id", "the application (client) id is missing.", hint)
    if problem := application_id_problem(client_id):
        raise said.error("mail.graph.client_id", problem)
    if table.cloud not in CLOUDS:
        hint = suggestion(table.cloud, list(CLOUDS))
        raise said.error("mail.graph.cloud", f"{table.cloud!r} is not one of {', '.join(CLOUDS)}.", hint)
    return TenantSettings(
        target=Target(name=address, protocol=Protocol.M365, address=address, credential=app.name),
        app=app,
        client_id=client_id,
        endpoints=endpoints(table.cloud, graph),
    )


def _mailboxes(said: Complaints, path: str, written: Addresses) -> tuple[Mailbox, ...]:
    texts = (written,) if isinstance(written, str) else written
    single = isinstance(written, str)
    found: dict[str, Mailbox] = {}
    for number, text in enumerate(texts, start=1):
        if single and not text:
            continue
        box = mailbox(said, path if single else f"{path}[{number}]", text)
        found.setdefault(box.address.casefold(), box)
    return tuple(found.values())


def mailbox(said: Complaints, path: str, text: str) -> Mailbox:
    """Read one address, "name@example.com" or "Name <name@example.com>"; accents of its domain become "xn--".

    The name may stand in quotes, or hold some.

    Raises SettingsError naming `path`.
    """
    if problem := line_problem(text):
        raise said.error(path, problem)
    named = _NAMED.fullmatch(text.strip())
    name, address = (_bare(named["name"].strip()), named["address"].strip()) if named else ("", text.strip())
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            domain = ""
    if at and not local.isascii() and not set(local) & set(' "<>,;'):
        hint = "Most mail servers take only letters without accents before the @."
        raise said.error(path, f"{address[:_SHOWN]!r} cannot be mailed to.", hint)
    if not _ADDRESS.fullmatch(f"{local}{at}{domain}"):
        hint = 'Like "name@example.com" or "Name <name@example.com>"; several in a list: ["…", "…"].'
        raise said.error(path, f"{text[:_SHOWN]!r} is no mail address.", hint)
    return Mailbox(address=f"{local}@{domain}", name=name)


def _bare(name: str) -> str:
    """A name without the quotes around all of it, as mail programs write them."""
    quoted = _QUOTED.fullmatch(name)
    return re.sub(r"\\(.)", r"\1", quoted["name"]).strip() if quoted else name
