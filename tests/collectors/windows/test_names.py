"""What a Windows is called, and whether it is a client or a server: by build and edition, never by ProductName."""

import pytest

from collectors.model import OperatingSystem
from collectors.releases import release_of
from collectors.windows.names import branch_of, nt_version, pretty_name

NAMES = [
    # build, edition, installation type, product type, version, branch, name
    (26100, "Professional", "Client", "client", "24H2", "client", "Windows 11 Pro 24H2"),
    (26200, "Core", "Client", "client", "25H2", "client", "Windows 11 Home 25H2"),
    (22631, "Enterprise", "Client", "client", "23H2", "client", "Windows 11 Enterprise 23H2"),
    (26100, "EnterpriseS", "Client", "client", "24H2", "client", "Windows 11 Enterprise LTSC 2024"),
    (19045, "Professional", "Client", "client", "22H2", "client", "Windows 10 Pro 22H2"),
    (19044, "EnterpriseS", "Client", "client", "21H2", "client", "Windows 10 Enterprise LTSC 2021"),
    (19044, "IoTEnterpriseS", "Client", "client", "21H2", "client", "Windows 10 IoT Enterprise LTSC 2021"),
    (17763, "EnterpriseS", "Client", "client", "1809", "client", "Windows 10 Enterprise LTSC 2019"),
    (14393, "EnterpriseS", "Client", "client", "1607", "client", "Windows 10 Enterprise LTSB 2016"),
    (19045, "ServerRdsh", "Client", "server", "22H2", "client", "Windows 10 Enterprise multi-session 22H2"),
    (9600, "Professional", "Client", "client", "", "client", "Windows 8.1 Pro"),
    (26100, "ServerStandard", "Server", "server", "24H2", "server", "Windows Server 2025 Standard"),
    (26100, "ServerTurbine", "Server", "server", "24H2", "server", "Windows Server 2025 Datacenter Azure Edition"),
    (
        20348,
        "ServerDatacenter",
        "Server Core",
        "server",
        "21H2",
        "server",
        "Windows Server 2022 Datacenter (Server Core)",
    ),
    (
        25398,
        "ServerDatacenterACor",
        "Server Core",
        "server",
        "23H2",
        "server",
        "Windows Server 23H2 Datacenter (Server Core)",
    ),
    (17763, "ServerSolution", "Server", "domain_controller", "1809", "server", "Windows Server 2019 Essentials"),
    (14393, "ServerStandardEval", "Server", "server", "1607", "server", "Windows Server 2016 Standard Evaluation"),
    (9600, "ServerStandard", "Server", "server", "", "server", "Windows Server 2012 R2 Standard"),
    (9200, "ServerFoundation", "Server", "server", "", "server", "Windows Server 2012 Foundation"),
    (20348, "ServerMystery", "Server", "server", "21H2", "server", "Windows Server 2022 ServerMystery"),
    (29999, "Professional", "Client", "client", "28H2", "client", "Windows (build 29999)"),
    (29999, "ServerStandard", "Server", "server", "28H2", "server", "Windows (build 29999)"),
    (26100, "Professional", "", "", "24H2", "", "Windows (build 26100)"),
    (26100, "Professional", "IoTUAP", "client", "24H2", "", "Windows (build 26100)"),
    (26100, "Professional", "Client", "server", "24H2", "", "Windows (build 26100)"),
    (26100, "ServerStandard", "Server", "client", "24H2", "", "Windows (build 26100)"),
    (26100, "ServerStandard", "", "server", "24H2", "server", "Windows Server 2025 Standard"),
]


@pytest.mark.parametrize(("build", "edition", "installed", "product", "version", "branch", "name"), NAMES)
def test_W12_build_and_edition_make_the_name(
    build: int, edition: str, installed: str, product: str, version: str, branch: str, name: str
) -> None:
    found = branch_of(edition_id=edition, installation_type=installed, sku=None, product_type=product)
    assert found == branch
    made = pretty_name(build=build, branch=found, edition_id=edition, installation_type=installed, version=version)
    assert made == name


SPECIAL = [
    (17763, "ServerHyperCore", "Server Core", None, "", "Hyper-V Server 2019"),
    (9600, "", "Server Core", 42, "", "Hyper-V Server 2012 R2"),
    (20349, "ServerAzureStackHCICor", "Server Core", None, "22H2", "Azure Stack HCI 22H2"),
    (25398, "", "Server Core", 406, "23H2", "Azure Stack HCI 23H2"),
    (14393, "ServerStandard", "Nano Server", None, "1607", "Windows Server 2016 (Nano Server)"),
    (14393, "ServerDatacenterNano", "", None, "1607", "Windows Server 2016 (Nano Server)"),
    (17763, "", "Server Core", 143, "1809", "Windows Server 2019 (Nano Server)"),
]


@pytest.mark.parametrize(("build", "edition", "installed", "sku", "version", "name"), SPECIAL)
def test_W32_a_special_edition_is_never_taken_for_the_server_of_its_build(
    build: int, edition: str, installed: str, sku: int | None, version: str, name: str
) -> None:
    branch = branch_of(edition_id=edition, installation_type=installed, sku=sku, product_type="server")
    assert branch == ""
    made = pretty_name(
        build=build, branch=branch, edition_id=edition, installation_type=installed, version=version, sku=sku
    )
    assert made == name
    system = OperatingSystem(id="windows", version_id=f"{nt_version(build)}.{build}.1", variant_id=branch)
    assert release_of(system) is None


@pytest.mark.parametrize(
    ("build", "version"),
    [(7601, "6.1"), (9200, "6.2"), (9600, "6.3"), (10240, "10.0"), (26100, "10.0"), (29999, "10.0")],
)
def test_older_builds_keep_their_own_version_of_windows_nt(build: int, version: str) -> None:
    assert nt_version(build) == version
