"""`auditor init` on a terminal: questions with a default each, and answers that make a `NewClient`.

Nothing is written here and no secret is asked: only where it will be found. Ports are tried to guess how a machine is
reached; nothing is logged in to.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import click

from auditor.addresses import from_host, from_url, has_scheme
from auditor.config import client_name_problem
from auditor.credential_tables import application_id_problem
from auditor.errors import SettingsError
from auditor.inventory import local_target
from auditor.new_client import Login, Mail, NewClient, provider_application
from auditor.secrets import check_reference
from auditor.suggested import typed
from auditor.tables import Complaints
from auditor.tenant_tables import tenant_problem
from collectors.model import Protocol, Target
from reports.texts import Texts

_PORTS = (5986, 5985, 22)  # the first that answers tells how to come in
_PROBE_S = 1.5
_WIDTH = 128
_LARGEST = 1024
_NETWORK = re.compile(r"[0-9A-Fa-f:.]+/[0-9]{1,3}")
_SEPARATORS = re.compile(r"[,;\s]+")
_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
Open = Callable[[str, Sequence[int]], frozenset[int]]


def open_ports(address: str, ports: Sequence[int] = _PORTS) -> frozenset[int]:
    """Which of these ports answer at an address: those we come in by, unless told otherwise."""
    found = set()
    for port in ports:
        try:
            with socket.create_connection((address, port), timeout=_PROBE_S):
                found.add(port)
        except (OSError, UnicodeError):
            continue
    return frozenset(found)


def guessed(target: Target, ports: frozenset[int]) -> Target:
    """The same machine, reached by what answers there; as it was where nothing does."""
    if target.port is not None or target.protocol is not Protocol.SSH:
        return target
    port = next((port for port in _PORTS if port in ports), None)
    if port in (None, 22):
        return target
    return replace(target, protocol=Protocol.WINRM, port=None if port == 5986 else port)


def read_machines(text: str) -> tuple[list[Target], bool]:
    """Machines of one answer: addresses, names, targets as `auditor scan` takes them, or a network (10.0.0.0/24).

    The second value tells whether it was a network, of which only what answers is meant. Raises SettingsError.
    """
    if _NETWORK.fullmatch(text.strip()) and not Path(text).exists():
        return [_plain(str(address)) for address in _network(text)], True
    if Path(text).is_file():
        lines = Path(text).read_text("utf-8-sig").splitlines()
        words = [line.partition("#")[0].strip() for line in lines]
    else:
        words = _SEPARATORS.split(text.strip())
    return [one_machine(word) for word in words if word], False


def one_machine(text: str) -> Target:
    """A machine as `auditor scan` names it; `NAME=` before it names it otherwise. Raises SettingsError."""
    name, equals, rest = text.partition("=")
    address = rest if equals else text
    if address == "local":
        target = local_target()
    elif has_scheme(address):
        target = from_url(address, address)
    else:
        target = from_host(address, address)
    if target.protocol is Protocol.M365:
        raise SettingsError(text, "a tenant is no machine.", hint="--tenant names it.")
    return replace(target, name=name) if equals and name else target


def _plain(address: str) -> Target:
    return from_host(address, address)


def _network(text: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise SettingsError(text, "no network (192.0.2.0/24).") from None
    if network.num_addresses > _LARGEST:
        raise SettingsError(
            text, f"more than {_LARGEST} addresses.", hint="Name smaller networks, one after the other."
        )
    return list(network.hosts()) or [network.network_address]


class Wizard:
    """One conversation. `folder` is where the client will live; `find_ports` tries an address (a test's own)."""

    def __init__(self, folder: Path, texts: Texts, find_ports: Open = open_ports) -> None:
        self._folder = folder
        self._texts = texts
        self._find_ports = find_ports

    def ask(self, *, name: str = "", language: str = "") -> NewClient:
        """Ask everything. Raises click.Abort at Ctrl-C; nothing was written then."""
        self._say("welcome", folder=str(self._folder))
        client = NewClient(
            name=name or self._checked("name", self._folder.resolve().name, client_name_problem, needed=True),
            language=language or self._choice("language", ("fr", "en"), self._texts.language),
        )
        client = replace(client, machines=tuple(self._machines()))
        slug = re.sub(r"[^a-z0-9]+", "-", self._folder.resolve().name.lower()).strip("-") or "client"
        if client.needs(Protocol.SSH):
            client = replace(client, ssh=self._ssh(slug))
        if client.needs(Protocol.WINRM):
            client = replace(client, windows=self._windows(slug))
        client = self._with_tenant(client)
        return replace(client, mail=self._mail(slug))

    def _machines(self) -> Iterator[Target]:
        taken: set[str] = set()
        while text := self._text("machines" if not taken else "more_machines", ""):
            try:
                found, network = read_machines(text)
            except (SettingsError, OSError, UnicodeDecodeError) as error:
                click.echo(f"  {error}")
                continue
            for target in self._accepted(found, network=network):
                if target.name.casefold() in taken:
                    self._say("twice", name=target.name)
                    continue
                taken.add(target.name.casefold())
                yield target

    def _accepted(self, targets: Sequence[Target], *, network: bool) -> list[Target]:
        """Try them, show how each would be reached, and let a person correct a single one."""
        ports = dict(zip((target.name for target in targets), self._tried(targets), strict=True))
        if network:
            targets = [target for target in targets if ports[target.name]]
        shown = [guessed(target, ports[target.name]) for target in targets]
        if not shown:
            self._say("nobody")
        for target in shown:
            answers = target.protocol is Protocol.LOCAL or bool(ports[target.name])
            self._say("found" if answers else "silent", name=target.name, protocol=target.protocol.value)
        if len(shown) != 1:
            return shown if shown and self._yes("take", count=len(shown)) else []
        (target,) = shown
        if target.protocol is Protocol.LOCAL:
            return [target]
        if not ports[target.name] and not self._yes("take", count=1):
            return []
        if target.port is None:
            protocol = Protocol(self._choice("protocol", ("ssh", "winrm"), target.protocol.value))
            target = replace(target, protocol=protocol)
        return [replace(target, name=self._text("machine_name", target.name))]

    def _tried(self, targets: Iterable[Target]) -> list[frozenset[int]]:
        def ports_of(target: Target) -> frozenset[int]:
            if target.protocol is Protocol.LOCAL:
                return frozenset()
            return self._find_ports(target.address, _PORTS if target.port is None else (target.port,))

        with ThreadPoolExecutor(max_workers=_WIDTH, thread_name_prefix="probe") as pool:
            return list(pool.map(ports_of, targets))

    def _ssh(self, slug: str) -> Login:
        user = self._text("ssh_user", "audit")
        key = next((f"~/.ssh/{name}" for name in _KEYS if (Path.home() / ".ssh" / name).is_file()), "")
        way = self._choice("ssh_way", ("key", "agent", "password"), "key" if key else "agent")
        if way == "agent":
            return Login(user=user, agent=True)
        if way == "key":
            return Login(user=user, key_file=self._text("key_file", key or "~/.ssh/id_ed25519"))
        return Login(user=user, password=self._reference("password", f"{slug}-ssh"))

    def _windows(self, slug: str) -> Login:
        user = self._text("windows_user", "audit")
        return Login(user=user, password=self._reference("password", f"{slug}-windows"))

    def _with_tenant(self, client: NewClient) -> NewClient:
        tenant = self._checked("tenant", "", lambda text: tenant_problem(text.lower()) if text else "").lower()
        if not tenant:
            return client
        client = replace(client, tenant=tenant)
        try:
            application = provider_application(self._folder)
        except SettingsError as error:
            click.echo(f"  {error.problem}")
            application = ""
        if application:
            self._say("application", name=application)
            return replace(client, application=application)
        while True:
            client_id = self._checked("client_id", "", lambda text: application_id_problem(text) if text else "")
            if client_id:
                return replace(client, client_id=client_id, certificate=self._text("certificate", client.certificate))
            # Left as a comment, no audit mentions the tenant: nobody may find that out from a report that seems fine.
            self._say("no_application", tenant=tenant)
            if click.confirm(self._texts.text("cli.init.leave_out"), default=False):
                return client

    def _mail(self, slug: str) -> Mail | None:
        from auditor.config import FILE_NAME
        from auditor.provider import provider_of

        to = self._checked("mail_to", "", self._mailbox_problem)
        if not to:
            return None
        if provider_of(self._folder.absolute() / FILE_NAME).mail is not None:
            return Mail(to=(to,))
        sender = self._checked("mail_from", "", self._mailbox_problem, needed=True)
        server = self._checked("mail_server", "", lambda _: "", needed=True)
        user = self._text("mail_user", sender)
        return Mail(
            to=(to,), sender=sender, server=server, user=user, password=self._reference("mail_password", f"{slug}-mail")
        )

    def _mailbox_problem(self, text: str) -> str:
        from auditor.mail_tables import mailbox

        try:
            if text:
                mailbox(Complaints(self._folder), "", text)
        except SettingsError as error:
            return error.problem.removeprefix(": ")
        return ""

    def _reference(self, question: str, entry: str) -> str:
        """Where a secret is, never the secret; what does not look like a reference is not repeated."""
        kind = self._choice("where", ("keyring", "file", "env"), "keyring" if _has_keyring() else "file")
        variable = re.sub(r"[^A-Z0-9]", "_", entry.upper())
        default = {"keyring": f"keyring:auditor/{entry}", "file": f"file:{entry}.password", "env": f"env:{variable}"}
        return self._checked(question, default[kind], check_reference, needed=True)

    def _checked(self, key: str, default: str, problem_of: Callable[[str], str], *, needed: bool = False) -> str:
        while True:
            text = self._text(key, default)
            problem = problem_of(text) or (self._texts.text("cli.init.needed") if needed and not text else "")
            if not problem:
                return text
            click.echo(f"  {problem}")

    def _text(self, key: str, default: str) -> str:
        asked = click.prompt(self._texts.text(f"cli.init.{key}"), default=default, show_default=bool(default))
        return str(asked).strip()

    def _choice(self, key: str, choices: Sequence[str], default: str) -> str:
        kind = click.Choice(choices, case_sensitive=False)
        return str(click.prompt(self._texts.text(f"cli.init.{key}"), type=kind, default=default))

    def _yes(self, key: str, **params: int) -> bool:
        return click.confirm(self._texts.text(f"cli.init.{key}", **params), default=True)

    def _say(self, key: str, **params: str) -> None:
        from auditor.progress import printable

        click.echo(printable(self._texts.text(f"cli.init.{key}", **params)))


def _has_keyring() -> bool:
    """Whether there is a key store here: the package alone is none."""
    try:
        import keyring
        from keyring.backends.fail import Keyring
    except ImportError:
        return False
    return not isinstance(keyring.get_keyring(), Keyring)


def next_steps(folder: Path, client: NewClient, environment: Mapping[str, str], texts: Texts) -> list[str]:
    """What is left to do by hand: where each secret belongs, then the commands of the first audit."""
    logins = [login for login in (client.ssh, client.windows) if login is not None]
    references = [*(login.password for login in logins), *([client.mail.password] if client.mail else [])]
    lines = []
    for reference in dict.fromkeys(filter(None, references)):
        scheme, _, rest = reference.partition(":")
        if scheme == "keyring":
            service, _, entry = rest.rpartition("/")
            lines.append(typed("keyring", "set", service, entry))
        elif scheme == "file":
            place = folder / Path(rest).expanduser()
            lines.append(texts.text("cli.init.store_file", file=str(place)))
        elif scheme == "env" and not environment.get(rest):
            lines.append(texts.text("cli.init.store_variable", name=rest))
    if client.tenant and not (client.client_id or client.application):
        lines.append(typed("auditor", "onboard", "m365", "--tenant", client.tenant))
    accept = [
        option
        for protocol, option in (
            (Protocol.SSH, "--accept-new-host-keys"),
            (Protocol.WINRM, "--accept-new-certificates"),
        )
        if client.needs(protocol)
    ]
    lines.append(typed("auditor", "doctor", folder))
    return [*lines, typed("auditor", "audit", folder, "--update-feeds", *accept)]
