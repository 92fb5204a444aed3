""".NET Framework and side-by-side runtimes."""

import pytest

from collectors.model import FactKind, GapReason
from collectors.windows.blocks.dotnet import BLOCK
from collectors.windows.facts import DotNet, DotNetRuntime
from tests.collectors.windows.cases import part_of


def test_W9_W10_framework_and_every_runtime_stand_side_by_side() -> None:
    part = part_of(BLOCK, "workstation")
    assert part.gaps == ()
    assert part.dotnet == DotNet(
        framework_release=533509,
        framework_version="4.8.9221",
        framework_35=True,
        runtimes=(
            DotNetRuntime(name="Microsoft.NETCore.App", version="8.0.17"),
            DotNetRuntime(name="Microsoft.NETCore.App", version="9.0.6"),
            DotNetRuntime(name="Microsoft.WindowsDesktop.App", version="8.0.17"),
            DotNetRuntime(name="Microsoft.NETCore.App", version="6.0.36", architecture="x86"),
            DotNetRuntime(name="Microsoft.AspNetCore.App", version="10.0.0-preview.5.25277.114"),
        ),
    )


def test_arm64_has_native_and_emulated_runtimes_and_counts_none_twice() -> None:
    dotnet = part_of(BLOCK, "arm64").dotnet
    assert dotnet is not None
    assert [(one.version, one.architecture) for one in dotnet.runtimes] == [("8.0.17", "arm64"), ("8.0.16", "x64")]


def test_32_bit_windows() -> None:
    dotnet = part_of(BLOCK, "bits_32").dotnet
    assert dotnet is not None
    assert (dotnet.framework_35, dotnet.runtimes[0].architecture) == (False, "x86")


def test_a_folder_an_uninstall_left_behind_is_no_runtime() -> None:
    part = part_of(BLOCK, "left_behind_by_uninstall")
    assert part.dotnet is not None
    assert [one.version for one in part.dotnet.runtimes] == ["8.0.17"]
    assert part.gaps == ()


def test_a_machine_without_any_is_an_answer() -> None:
    part = part_of(BLOCK, "empty")
    assert (part.dotnet, part.gaps) == (DotNet(), ())


def test_bad_rows_are_counted_and_the_rest_stays() -> None:
    part = part_of(BLOCK, "garbled")
    assert part.dotnet is not None
    assert (part.dotnet.framework_release, part.dotnet.framework_35) == (533325, False)
    assert [one.version for one in part.dotnet.runtimes] == ["9.0.6"]
    assert [gap.detail.partition(" rows")[0] for gap in part.gaps] == ["3 of 4", "1 of 1"]


def test_a_release_that_is_no_number_leaves_the_framework_unknown() -> None:
    part = part_of(BLOCK, "garbled_release")
    assert part.dotnet == DotNet(framework_35=True)
    assert [gap.reason for gap in part.gaps] == [GapReason.UNPARSABLE]


@pytest.mark.parametrize("oddity", ["no_admin"])
def test_what_was_refused_is_a_gap_beside_what_was_read(oddity: str) -> None:
    part = part_of(BLOCK, oddity)
    assert part.dotnet is not None
    assert len(part.dotnet.runtimes) == 1
    assert [(gap.kind, gap.reason) for gap in part.gaps] == [(FactKind.DOTNET, GapReason.DENIED)]
