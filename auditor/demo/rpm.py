"""What rpm, dnf and zypper would print on a described machine."""

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from auditor.demo.described import Installed, Machine, Update
from auditor.demo.frames import Answer

_ARCHITECTURE = "x86_64"
_NONE = "(none)"
_PENDING = 100
_CACHE_KEY = "0123456789abcdef"


def dnf_answers(machine: Machine) -> dict[str, Answer]:
    """Answers of all sections of the Red Hat family, by collector name."""
    needed = bool(machine.described.reboot)
    said = "Reboot is required to fully utilize these updates.\n" if needed else "Reboot should not be necessary.\n"
    named = "".join(f"  * {name}\n" for name in machine.described.reboot)
    lead = f"Core libraries or services have been updated since boot-up:\n{named}\n" if needed else ""
    return {
        "rpm": _rpm(machine),
        "dnf": Answer(stdout="\n".join(_dnf(machine)) + "\n"),
        "dnf_repositories": _repositories(machine, "/etc/yum.repos.d", "/var/cache/dnf/{ref}-" + _CACHE_KEY),
        "needs_restarting": Answer(stdout=lead + said, exit_status=int(needed)),
        "yum": Answer(skipped=True),
        "rhel_subscription": Answer(skipped=True),
    }


def zypper_answers(machine: Machine) -> dict[str, Answer]:
    """Answers of all sections of SUSE, by collector name."""
    reboot = machine.described.reboot
    said = "Reboot is suggested to ensure that your system benefits from these updates.\n" if reboot else "No reboot.\n"
    return {
        "rpm": _rpm(machine),
        "zypper": Answer(stdout="\n".join(_zypper(machine)) + "\n"),
        "zypper_repositories": _repositories(machine, "/etc/zypp/repos.d", "/var/cache/zypp/raw/{ref}"),
        "zypper_reboot": Answer(stdout=said, exit_status=102 if reboot else 0),
        "suse_subscription": Answer(skipped=True),
        "update_history": Answer(
            stdout=f"zone:+0000\nlog:zypp/history {machine.described.updated_at:%Y-%m-%d %H:%M:%S}|install|libzypp\n"
        ),
    }


def _rpm(machine: Machine) -> Answer:
    installed_at = int(machine.described.boot_at.timestamp())
    makers = {ref: repository.origin for ref, repository in machine.repositories.items()}
    lines = (_rpm_line(package, makers[package.ref], installed_at) for package in machine.packages)
    return Answer(stdout="".join(lines))


def _rpm_line(package: Installed, vendor: str, installed_at: int) -> str:
    epoch, _, rest = package.version.rpartition(":")
    version, release = rest.rsplit("-", 1)
    source = f"{package.source}-{package.source_version.rpartition(':')[2]}.src.rpm"
    fields = (
        package.name,
        epoch or "0",
        version,
        release,
        _ARCHITECTURE,
        source,
        package.module or _NONE,
        vendor,
        str(installed_at),
    )
    return "\t".join(fields) + "\n"


def _repositories(machine: Machine, folder: str, cache: str) -> Answer:
    lines = []
    for repository in machine.repositories.values():
        lines += [f"file:{folder}/{repository.ref}.repo", f"line:[{repository.ref}]"]
        lines += [f"line:name={repository.name or repository.ref}", f"line:baseurl={repository.uri}", "line:enabled=1"]
    if machine.described.lists_at is not None:
        seconds = int(machine.described.lists_at.timestamp())
        paths = (cache.format(ref=ref) + "/repodata/repomd.xml" for ref in machine.repositories)
        lines += [f"cache:{seconds} {path}" for path in paths]
    return Answer(stdout="\n".join(lines) + "\n")


def _dnf(machine: Machine) -> Iterator[str]:
    updates = machine.described.updates
    for update in updates:
        if update.advisory:
            kind = f"{update.severity}/Sec." if update.severity else "bugfix"
            yield f"{update.advisory} {kind} {update.name}-{update.version}.{_ARCHITECTURE}"
    yield "status:0"
    for update in updates:
        yield f"{update.name}.{_ARCHITECTURE}    {update.version}    {update.ref}"
    yield f"status:{_PENDING if updates else 0}"


def _zypper(machine: Machine) -> Iterator[str]:
    updates = machine.described.updates
    yield from _document(_patch(update) for update in updates if update.advisory)
    yield "status:0"
    installed = {package.name: package.version for package in machine.packages}
    yield from _document(_package(update, installed.get(update.name, "")) for update in updates)
    yield "status:0"


def _document(elements: Iterator[str]) -> Iterator[str]:
    yield "<?xml version='1.0'?>"
    yield '<stream><update-status version="0.6"><update-list>'
    yield from elements
    yield "</update-list></update-status></stream>"


def _patch(update: Update) -> str:
    category = "security" if update.severity else "recommended"
    severity = quoteattr(update.severity or "moderate")
    return (
        f'<update kind="patch" name={quoteattr(update.advisory)} edition="1" arch="noarch" status="needed"'
        f' category="{category}" severity={severity}><source alias={quoteattr(update.ref)}/></update>'
    )


def _package(update: Update, old: str) -> str:
    return (
        f'<update kind="package" name={quoteattr(update.name)} edition={quoteattr(update.version)}'
        f' arch="{_ARCHITECTURE}" edition-old={quoteattr(old)}><source alias={quoteattr(update.ref)}/></update>'
    )
