"""What a run that nobody watches cannot do: answer a question, or know the variables of somebody's shell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

from auditor.errors import SettingsError
from auditor.login import own_login
from auditor.mailing.monthly import mail_of
from auditor.settings import ClientSettings
from collectors.model import Protocol

_PROMPT, _VARIABLE = "prompt:", "env:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a client's files ask of the run: names of environment variables, questions to a person, an ssh-agent.

    `agents` are the credentials whose only way in is the agent of somebody's session ("-": that of machines without).
    """

    variables: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


def needs_of(settings: ClientSettings) -> Needs:
    """Find the references of a client's files, and its applications that a person signs in to."""
    texts = set(_texts((settings.credentials, settings.tenants, settings.mail, settings.report)))
    by_hand = sorted(
        f"tenant {tenant.target.name}: device_code" for tenant in settings.tenants if tenant.app.device_code
    )
    return Needs(
        variables=tuple(sorted(text.removeprefix(_VARIABLE) for text in texts if text.startswith(_VARIABLE))),
        questions=(*sorted(text for text in texts if text.startswith(_PROMPT)), *by_hand),
        agents=tuple(_agents(settings)),
    )


def _agents(settings: ClientSettings) -> Iterator[str]:
    for name in sorted({target.credential for target in settings.targets if target.protocol is Protocol.SSH}):
        written = settings.credentials.get(name) or own_login()
        others = (written.key_file, written.certificate_file, written.password, written.ssh_config)
        if written.agent and not any(others):
            yield name or "-"


def check_unattended(settings: ClientSettings, *, mailed: bool = False) -> Needs:
    """Refuse a client whose audit would ask somebody something, or not begin. Raises SettingsError.

    `mailed`: its reports are to be sent; without `[mail]` the audit itself would be refused, month after month.
    """
    if mailed:
        mail_of(settings)
    needs = needs_of(settings)
    if needs.questions:
        hint = "Use file: or keyring: references, and an application with a certificate."
        asked = ", ".join(needs.questions)
        raise SettingsError(str(settings.file), f"a scheduled run cannot answer a question: {asked}.", hint=hint)
    return needs


def named_in(file: Path) -> frozenset[str]:
    """Names of the variables in a file of NAME=value lines; values are not kept. Raises SettingsError."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError as error:
        hint = "It holds a line NAME=value for each variable, and only the user of the schedule can read it."
        raise SettingsError(str(file), f"cannot be read: {error.strerror or error}.", hint=hint) from None
    except UnicodeDecodeError as error:
        raise SettingsError(str(file), f"not UTF-8 text (byte {error.start}).", hint="Save it as UTF-8.") from None
    written = (line.strip().removeprefix("export ") for line in lines)
    return frozenset(line.partition("=")[0].strip() for line in written if "=" in line and not line.startswith("#"))


def _texts(value: object) -> Iterator[str]:
    """Every text anywhere in settings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from _texts(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))
