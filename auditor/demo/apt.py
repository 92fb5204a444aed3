"""What apt, dpkg and Ubuntu's tools would print on a described machine."""

import json
from collections.abc import Iterator, Mapping

from auditor.demo.described import Installed, Machine, Repository, Update
from auditor.demo.frames import Answer

_ARCHITECTURE = "amd64"


def answers(machine: Machine) -> dict[str, Answer]:
    """Answers of all sections only this family has, by collector name."""
    updated_at = f"{machine.described.updated_at:%Y-%m-%d %H:%M:%S}"
    return {
        "dpkg": Answer(stdout="".join(map(_dpkg_line, machine.packages))),
        "apt_lists": Answer(stdout=_lists(machine)),
        "apt_policy": Answer(stdout="\n".join(_policy(machine)) + "\n"),
        "apt_sources": Answer(stdout="\n".join(_sources(machine)) + "\n"),
        "apt_updates": Answer(stdout="\n".join(_simulation(machine)) + "\n"),
        "reboot_file": Answer(stdout=_reboot(machine)),
        "ubuntu_pro": _pro(machine),
        "update_history": Answer(stdout=f"zone:+0000\nlog:/var/log/dpkg.log {updated_at} upgrade tzdata\n"),
    }


def _dpkg_line(package: Installed) -> str:
    fields = (package.name, _ARCHITECTURE, "ii ", package.version, package.source, package.source_version)
    return "\t".join(fields) + "\n"


def _lists(machine: Machine) -> str:
    moment = machine.described.lists_at
    if moment is None:
        return "done:1\n"
    listed = "".join(
        f"list:1\nrelease:{int(moment.timestamp())} {repository.origin}\n"
        for repository in machine.repositories.values()
    )
    return f"{listed}done:1\n"


def _sources(machine: Machine) -> Iterator[str]:
    yield "file:/etc/apt/sources.list"
    for repository in machine.repositories.values():
        yield f"line:deb {repository.uri} {repository.suite} {repository.component}"


def _policy(machine: Machine) -> Iterator[str]:
    known = machine.repositories if machine.described.lists_at is not None else {}
    for repository in known.values():
        origin = (repository.uri, repository.suite, repository.component, repository.origin, repository.label)
        yield "target|" + "|".join(origin)
    for package in machine.packages:
        yield from _block(package, machine.updates.get(package.name), known)
    yield "end"


def _block(package: Installed, update: Update | None, known: Mapping[str, Repository]) -> Iterator[str]:
    yield f"{package.name}:"
    yield f"  Installed: {package.version}"
    yield f"  Candidate: {update.version if update else package.version}"
    yield "  Version table:"
    if update is not None and update.ref in known:
        yield f"     {update.version} 500"
        yield _offered(known[update.ref])
    yield f" *** {package.version} {500 if update is None else 100}"
    # A version that an update supersedes is in no list any more.
    if package.ref in known and update is None:
        yield _offered(known[package.ref])
    yield "        100 /var/lib/dpkg/status"


def _offered(repository: Repository) -> str:
    return f"        500 {repository.uri} {repository.suite}/{repository.component} {_ARCHITECTURE} Packages"


def _simulation(machine: Machine) -> Iterator[str]:
    installed = {package.name: package.version for package in machine.packages}
    updates = machine.updates.values() if machine.described.lists_at is not None else ()
    new = [update for update in updates if update.name not in installed]
    yield "Reading package lists..."
    yield "Building dependency tree..."
    yield f"{len(updates) - len(new)} upgraded, {len(new)} newly installed, 0 to remove and 0 not upgraded."
    for update in updates:
        origin = machine.repositories[update.ref].name or f"{machine.repositories[update.ref].origin}:"
        old = f" [{installed[update.name]}]" if update.name in installed else ""
        yield f"Inst {update.name}{old} ({update.version} {origin} [{_ARCHITECTURE}])"
    for update in updates:
        yield f"Conf {update.name} ({update.version} {machine.repositories[update.ref].name} [{_ARCHITECTURE}])"


def _reboot(machine: Machine) -> str:
    lines = ["file:yes" if machine.described.reboot else "file:no"]
    lines += [f"package:{name}" for name in machine.described.reboot]
    if machine.described.reboot_known:
        lines.append("writer:/usr/share/update-notifier/notify-reboot-required")
    return "\n".join(lines) + "\n"


def _pro(machine: Machine) -> Answer:
    """Answers of the Pro client's two questions; only Ubuntu has one."""
    if "ID=ubuntu" not in machine.system.os_release:
        return Answer(skipped=True)
    services = machine.described.pro
    attached = {"data": {"attributes": {"is_attached": services is not None}}}
    enabled = {"data": {"attributes": {"enabled_services": [{"name": name} for name in services or ()]}}}
    return Answer(stdout=f"{json.dumps(attached)}\n{json.dumps(enabled)}\n")
