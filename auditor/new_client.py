"""A client folder to start from: what is known goes into the template, everything else stays in it as a comment."""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from auditor.config import FILE_NAME, load
from auditor.errors import SettingsError
from auditor.provider import provider_of
from collectors.model import Protocol, Target

SSH_LOGIN, WINDOWS_LOGIN, APPLICATION = "main", "windows", "microsoft365"
_IGNORED = """\
# Written by auditor: results, host keys and secrets stay out of version control.
.auditor.lock
history.sqlite*
outbox.sqlite*
reports/
*.eml
*.password
*.pem
*.pfx
"""
_WAIVERS = """\
# Risks the client accepts for a time. Each stays in the report, marked, and counts again after its last day.
format = 1

# [[waivers]]
# rule = "host.reboot_pending"      # a rule as `auditor explain` names it; * stands for a part: "patch.*"
# subject = "srv-web"               # machine, person or tenant; every one when left out
# key = "*"                         # product, package, SKU, or a finding's reference (F-1A2B3C4D)
# reason = "reboot at the inventory"
# approved_by = "M. Martin"
# until = 2027-03-31
"""
_PRICES = {
    "fr": "référence;prix unitaire HT;période;engagement;à partir du;source\r\n",
    "en": "sku;unit_price_ht;period;commitment;valid_from;source\r\n",
}
_BOM = "\ufeff"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How machines are logged in to; `password` is a reference, never a secret."""

    user: str = "audit"
    key_file: str = ""
    password: str = ""
    agent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Who gets the report. `sender` and `server` are "" where the provider's file names them."""

    to: tuple[str, ...]
    sender: str = ""
    server: str = ""
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """What is known of a client when its folder is made.

    A tenant is signed in to by `client_id`, or by the credential that the provider's file calls `application`. With
    neither it stays a comment, and no audit asks it: only a person who was told so may want that.
    """

    name: str
    language: str = "fr"
    machines: tuple[Target, ...] = ()
    ssh: Login | None = None
    windows: Login | None = None
    tenant: str = ""
    client_id: str = ""
    certificate: str = "auditor.pem"
    application: str = ""
    mail: Mail | None = None

    def needs(self, protocol: Protocol) -> bool:
        """Whether a machine is reached this way."""
        return any(machine.protocol is protocol for machine in self.machines)


def provider_application(folder: Path) -> str:
    """The provider's application that a new client's tenant is signed in to with; "" where there is none.

    Raises SettingsError where there are several and none bears the usual name: which one is not for us to guess.
    """
    names = [name for name, app in provider_of(folder.absolute() / FILE_NAME).credentials.apps.items() if app.client_id]
    if APPLICATION in names or len(names) < 2:
        return APPLICATION if APPLICATION in names else "".join(names)
    problem = f"the provider's file has several applications: {', '.join(sorted(names))}."
    hint = f"Name one with --client-id, or call the usual one [credentials.{APPLICATION}]."
    raise SettingsError("--tenant", problem, hint=hint)


def client_text(client: NewClient) -> str:
    """The client.toml of a new client."""
    text = template().replace("@CLIENT@", _quoted(client.name))
    text = text.replace('language = "fr" ', f'language = "{client.language}" ', 1)
    if client.ssh is not None:
        start = text.index(f"[credentials.{SSH_LOGIN}]\n") + len(f"[credentials.{SSH_LOGIN}]\n")
        end = text.index("# passphrase = ", start)
        text = f"{text[:start]}{_login(client.ssh)}{text[end:]}"
    elif client.machines and not client.needs(Protocol.SSH):
        text = text.replace(f'credential = "{SSH_LOGIN}" ', f'# credential = "{SSH_LOGIN}" ', 1)
    if client.windows is not None:
        text = _before(
            text, f"# [credentials.{WINDOWS_LOGIN}]", f"[credentials.{WINDOWS_LOGIN}]\n{_login(client.windows)}"
        )
    if client.tenant:
        text = _with_tenant(text, client)
    if client.mail is not None:
        text = _before(text, "# [mail]", _mail(client.mail))
    if client.machines:
        text = _before(text, "# [[machines]]", "\n".join(_machine(target) for target in client.machines))
    return text


def template() -> str:
    """The commented client file."""
    return (Path(__file__).parent / "templates" / FILE_NAME).read_text("utf-8")


def _before(text: str, anchor: str, block: str) -> str:
    """Put a table before the commented sample of its kind."""
    place = text.index(f"\n{anchor}\n") + 1
    return f"{text[:place]}{block}\n{text[place:]}"


def _with_tenant(text: str, client: NewClient) -> str:
    tenant = f'[[tenants]]\nname = "Microsoft 365"\ntenant = {_quoted(client.tenant)}\n'
    if client.client_id:
        app = f'[credentials.{APPLICATION}]\nkind = "m365"\nclient_id = {_quoted(client.client_id)}\n'
        app += f"certificate_file = {_quoted(client.certificate)}\n"
        text = _before(text, f"# [credentials.{APPLICATION}]", app)
        return _before(text, "# [[tenants]]", f'{tenant}credential = "{APPLICATION}"\n')
    if client.application:
        return _before(text, "# [[tenants]]", f"{tenant}credential = {_quoted(client.application)}\n")
    return text.replace('# tenant = "contoso.com"', f"# tenant = {_quoted(client.tenant)}", 1)


def _login(login: Login) -> str:
    lines = [f"user = {_quoted(login.user)}"]
    if login.agent:
        lines.append("agent = true                # keys of a running ssh-agent")
    if login.key_file:
        lines.append(f"key_file = {_quoted(login.key_file)}")
    if login.password:
        lines.append(f"password = {_quoted(login.password)}")
    return "\n".join(lines) + "\n"


def _mail(mail: Mail) -> str:
    lines = ["[mail]", f"to = [{', '.join(_quoted(one) for one in mail.to)}]"]
    for key, value in (
        ("from", mail.sender),
        ("server", mail.server),
        ("user", mail.user),
        ("password", mail.password),
    ):
        if value:
            lines.append(f"{key} = {_quoted(value)}")
    return "\n".join(lines) + "\n"


def _machine(target: Target) -> str:
    lines = ["[[machines]]", f"name = {_quoted(target.name)}"]
    if target.protocol is not Protocol.SSH:
        lines.append(f'protocol = "{target.protocol.value}"')
    if target.address and target.address != target.name:
        lines.append(f"address = {_quoted(target.address)}")
    if target.port is not None:
        lines.append(f"port = {target.port}")
    if target.tls is not None:
        lines.append(f"tls = {str(target.tls).lower()}")
    if target.user:
        lines.append(f"user = {_quoted(target.user)}")
    if target.protocol in (Protocol.SSH, Protocol.WINRM):
        lines.append(f'credential = "{SSH_LOGIN if target.protocol is Protocol.SSH else WINDOWS_LOGIN}"')
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Quote a text for TOML; JSON's quoting is a subset of it."""
    return json.dumps(text, ensure_ascii=False)


def refuse_taken(folder: Path) -> None:
    """Raise SettingsError where a client's file stands already, or something that is no folder."""
    file = folder / FILE_NAME
    if file.exists() or file.is_symlink():
        raise SettingsError(str(file), "exists already and is left as it is.", hint="Name another folder.")
    if folder.exists() and not folder.is_dir():
        raise SettingsError(str(folder), "is a file.", hint="Name a folder.")


def write_client(folder: Path, client: NewClient) -> tuple[Path, ...]:
    """Write the folder, whole or not at all; what stands in it already is left alone. Returns what was written.

    Raises SettingsError where it cannot be written, or where what was asked for makes no client file.
    """
    refuse_taken(folder)
    folder = folder.absolute()
    made = next((path for path in (*reversed(folder.parents), folder) if not path.exists()), None)
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Beside the folder, so that the provider's file is found as it will be.
        with tempfile.TemporaryDirectory(prefix=".auditor-", dir=folder.parent) as aside:
            for name, content in _files(folder, client).items():
                (Path(aside) / name).write_bytes(content)
            _check(Path(aside) / FILE_NAME, folder)
            for file in sorted(Path(aside).iterdir()):
                target = folder / file.name
                if not target.exists():
                    written.append(target)
                    file.rename(target)
    except BaseException as error:
        for file in written:
            file.unlink(missing_ok=True)
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
        if isinstance(error, OSError):
            raise SettingsError(str(folder), f"cannot be written: {error.strerror}.") from None
        raise
    return tuple(written)


def _check(file: Path, folder: Path) -> None:
    """Read the client's file as an audit will. Raises SettingsError that names it where it is going to be."""
    try:
        load(file)
    except SettingsError as error:
        subject = error.subject.replace(str(file), str(folder / FILE_NAME))
        raise SettingsError(subject, error.problem, hint=error.hint) from None


def _files(folder: Path, client: NewClient) -> dict[str, bytes]:
    """Every file of a new folder by name. A list that the client has in another form gets no second one beside it."""
    from auditor.entitlements.file import rights_file
    from auditor.entitlements.template import FILE_NAME as RIGHTS
    from auditor.entitlements.template import template as rights
    from auditor.prices import FILE_NAMES as PRICES
    from auditor.waivers import FILE_NAME as WAIVERS

    files = {
        FILE_NAME: client_text(client).encode(),
        ".gitignore": _IGNORED.encode(),
        WAIVERS: _WAIVERS.encode(),
    }
    if rights_file(folder) is None:
        files[RIGHTS] = rights(client.language)
    if not any((folder / name).exists() for name in PRICES):
        headings = _PRICES.get(client.language, _PRICES["en"])
        files[PRICES[0]] = f"{_BOM}{headings}".encode()
    return files
