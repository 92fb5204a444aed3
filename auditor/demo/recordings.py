"""Described machines -> recordings, in exactly the form a real visit leaves (`collectors.transports.replay`).

Every collector there is must have an answer here, or belong to another family: a new collector without one fails the
suite, so the demonstration cannot fall behind the product.
"""

import hashlib
from pathlib import Path

from auditor.demo import apt, rpm
from auditor.demo.described import Machine
from auditor.demo.frames import Answer, write_frames
from collectors.hosts import discover
from collectors.transports.base import ScriptOutput
from collectors.transports.replay import Recording, file_name, write_recording

_FAMILIES = {"deb": apt.answers, "rhel": rpm.dnf_answers, "suse": rpm.zypper_answers}


def write(machine: Machine, folder: Path) -> Path:
    """Write one machine's recording into `folder` and return its path."""
    path = folder / file_name(machine.name)
    write_recording(path, Recording(taken_at=machine.described.taken_at, output=_output(machine)))
    return path


def _output(machine: Machine) -> ScriptOutput:
    described = machine.described
    uid = 0 if described.privileged else 1000
    stdout = write_frames(_digest(machine.name)[:16], machine.system.family, uid, answers(machine).items())
    cut = bool(described.cut_in)
    if cut:
        begin = stdout.index(f" {described.cut_in} ran ".encode())
        stdout = stdout[: (begin + stdout.index(b"\n@@A1 ", begin)) // 2]
    return ScriptOutput(stdout=stdout, exit_status=None if cut else 0, truncated=cut, privileged=described.privileged)


def answers(machine: Machine) -> dict[str, Answer]:
    """Answers of every collector there is, by name, in the order the script would ask them.

    Raises KeyError for a collector that concerns this family and that nothing here answers for.
    """
    known = _common(machine) | _FAMILIES.get(machine.system.family, _apk)(machine)
    collectors = sorted(discover(), key=lambda collector: collector.slow)
    found: dict[str, Answer] = {}
    for collector in collectors:
        if machine.system.family not in collector.families:
            found[collector.name] = Answer(skipped=True)
        elif collector.name in machine.described.silent:
            found[collector.name] = Answer(stderr=machine.described.silent[collector.name], exit_status=1)
        else:
            found[collector.name] = known[collector.name]
    return found


def _common(machine: Machine) -> dict[str, Answer]:
    described = machine.described
    return {
        "identity": Answer(stdout=_identity(machine)),
        "kernels": Answer(stdout=_kernels(machine)),
        "needrestart": Answer(missing="needrestart"),
        "flatpak": Answer(missing="flatpak"),
        "snap": Answer(stdout=described.snaps) if described.snaps else Answer(missing="snap"),
    }


def _identity(machine: Machine) -> str:
    described, system = machine.described, machine.system
    lines = [f"os:{line}" for line in system.os_release.strip().splitlines()]
    lines += [
        f"kernel:{described.kernel}",
        f"version:{system.kernel_version}",
        f"machine:{system.architecture}",
        f"node:{described.hostname or machine.name}",
        f"id:{described.machine_id or _digest('machine ' + machine.name)[:32]}",
        f"clock:{int(described.taken_at.timestamp())}",
        f"uptime:{(described.taken_at - described.boot_at).total_seconds():.2f} 0.00",
    ]
    if system.family != "apk":
        lines.append(f"virt:{described.virtualization}")
    return "\n".join(lines) + "\n"


def _kernels(machine: Machine) -> str:
    releases = machine.described.kernels
    lines = [f"boot:{release}" for release in releases] + [f"modules:{release}" for release in releases]
    if machine.described.livepatch:
        lines.append(f"livepatch:{machine.described.livepatch} 1")
    return "".join(f"{line}\n" for line in lines)


def _apk(machine: Machine) -> dict[str, Answer]:
    paragraphs = (
        f"P:{package.name}\nV:{package.version}\nA:x86_64\no:{package.source}\n\n" for package in machine.packages
    )
    described = machine.described
    lines = [f"line:{repository.uri}" for repository in machine.repositories.values()]
    if described.lists_at is not None:
        lines += [f"index:{int(described.lists_at.timestamp())}"] * len(lines)
    installed = {package.name: package.version for package in machine.packages}
    updates = (f"{update.name}-{installed[update.name]} < {update.version}\n" for update in described.updates)
    changed = f"changed:/lib/apk/db/installed {int(described.updated_at.timestamp())}\n"
    return {
        "apk": Answer(stdout="".join(paragraphs)),
        "apk_repositories": Answer(stdout="\n".join([*lines, "done:1"]) + "\n"),
        "apk_updates": Answer(stdout="Installed:                                Available:\n" + "".join(updates)),
        "update_history": Answer(stdout=f"zone:+0000\n{changed}"),
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
