"""A small rpm repository with security advisories, for the real dnf, rpm and zypper.

Three versions of `labssl` (1.0-1, 1.0-2, 1.0-3) and `labtool` (2.1-1, 2.1-2); an Important security advisory fixes
labssl in 1.0-2 (so the newest, 1.0-3, is newer than the advisory's, case D5) and a bug fix advisory names labtool.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

TOOLS = ("rpm", "rpmbuild", "dnf", "zypper", "createrepo_c", "modifyrepo_c")
SECURITY_ADVISORY = "LABSA-2026:0001"
BUGFIX_ADVISORY = "LABBA-2026:0002"

_SPEC = """\
Name: {name}
Epoch: {epoch}
Version: {version}
Release: {release}
Summary: A package of the lab
License: MIT
Vendor: Lab Linux
BuildArch: noarch
%description
Nothing is in it.
%files
"""

_UPDATEINFO = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<updates>
  <update from="lab@example" status="final" type="security" version="1">
    <id>{SECURITY_ADVISORY}</id>
    <title>Important: labssl security update</title>
    <issued date="2026-10-01 00:00:00"/>
    <severity>Important</severity>
    <description>One flaw.</description>
    <references>
      <reference href="https://cve.example/CVE-2026-0001" id="CVE-2026-0001" type="cve" title="CVE-2026-0001"/>
    </references>
    <pkglist><collection short="lab"><name>lab</name>
      <package name="labssl" epoch="0" version="1.0" release="2.el9" arch="noarch" src="labssl-1.0-2.el9.src.rpm">
        <filename>labssl-1.0-2.el9.noarch.rpm</filename></package>
    </collection></pkglist>
  </update>
  <update from="lab@example" status="final" type="bugfix" version="1">
    <id>{BUGFIX_ADVISORY}</id>
    <title>labtool bug fix update</title>
    <issued date="2026-10-02 00:00:00"/>
    <severity>None</severity>
    <description>One bug.</description>
    <references/>
    <pkglist><collection short="lab"><name>lab</name>
      <package name="labtool" epoch="2" version="2.1" release="2.el9" arch="noarch" src="labtool-2.1-2.el9.src.rpm">
        <filename>labtool-2.1-2.el9.noarch.rpm</filename></package>
    </collection></pkglist>
  </update>
</updates>
"""


def why_not() -> str:
    """Why the repository cannot be made or installed from here; "" when it can."""
    if os.geteuid() != 0:
        return "installing into a root of its own needs root"
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


@dataclass(frozen=True, slots=True)
class RpmLab:
    """The repository and the directory everything of it lives in."""

    directory: Path

    @property
    def repository(self) -> Path:
        """Directory of the rpm files and their repodata."""
        return self.directory / "repo"

    def dnf_root(self) -> Path:
        """A root with labssl 1.0-1 and labtool 2.1-1 installed by dnf, its cache filled, the repository configured."""
        root = self.directory / "droot"
        _write(root / "etc/os-release", 'ID="rocky"\nVERSION_ID="9.4"\nPLATFORM_ID="platform:el9"\n')
        _write(
            root / "etc/yum.repos.d/lab.repo",
            f"[lab]\nname=Lab\nbaseurl=file://{self.repository}\ngpgcheck=0\nenabled=1\n",
        )
        self.run(*self.dnf(root), "install", "labssl-1.0-1.el9", "labtool-2.1-1.el9")
        self.run(*self.dnf(root), "makecache")
        return root

    def dnf(self, root: Path) -> tuple[str, ...]:
        """The dnf command on a root made by `dnf_root`."""
        options = ("-q", "-y", f"--installroot={root}", "--releasever=9", f"--setopt=reposdir={root}/etc/yum.repos.d")
        return ("dnf", *options)

    def zypper_root(self) -> Path:
        """A root with labssl 1.0-1 and labtool 2.1-1 installed by zypper."""
        root = self.directory / "zroot"
        root.mkdir()
        self.run(*self.zypper(root), "addrepo", f"file://{self.repository}", "lab")
        self.run(*self.zypper(root), "install", "-y", "labssl=1.0-1.el9", "labtool=2:2.1-1.el9")
        return root

    def zypper(self, root: Path) -> tuple[str, ...]:
        """The zypper command on a root made by `zypper_root`."""
        return ("zypper", "--root", str(root), "-n", "--no-gpg-checks")

    def run(self, *command: str, ok: tuple[int, ...] = (0,), env: Mapping[str, str] | None = None) -> str:
        """Standard output of a command; raises RuntimeError with what it said when it fails."""
        merged = {**os.environ, "LC_ALL": "C", "ZYPP_LOGFILE": "/dev/null", **(env or {})}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=merged, timeout=120)
        if done.returncode not in ok:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout


def make(directory: Path) -> RpmLab:
    """Build the packages and the repository under `directory`; about two seconds."""
    lab = RpmLab(directory)
    specs = directory / "SPECS"
    for name, epoch, version, release in (
        ("labssl", 0, "1.0", "1.el9"),
        ("labssl", 0, "1.0", "2.el9"),
        ("labssl", 0, "1.0", "3.el9"),
        ("labtool", 2, "2.1", "1.el9"),
        ("labtool", 2, "2.1", "2.el9"),
    ):
        spec = specs / f"{name}-{release}.spec"
        _write(spec, _SPEC.format(name=name, epoch=epoch, version=version, release=release))
        lab.run("rpmbuild", "-bb", "--define", f"_topdir {directory}", str(spec))
    shutil.copytree(directory / "RPMS" / "noarch", lab.repository)
    lab.run("createrepo_c", "-q", str(lab.repository))
    _write(directory / "updateinfo.xml", dedent(_UPDATEINFO))
    lab.run("modifyrepo_c", "--mdtype=updateinfo", str(directory / "updateinfo.xml"), str(lab.repository / "repodata"))
    return lab


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
