"""Client folders whose Microsoft 365 tenants are those of the loopback Graph."""

from collections.abc import Sequence
from pathlib import Path

from tests.lab.graph import LabTenant, LoopbackGraph

SECRET = "LAB_SECRET"
"""The environment variable that holds the application's secret."""


def graph_table(lab: LoopbackGraph) -> str:
    """`[graph]` that leads to the lab."""
    return f'[graph]\nca_file = "{lab.ca_file}"\nlogin = "{lab.login}"\nurl = "{lab.graph}"\n'


def app_table(client_id: str, way: str = f'secret = "env:{SECRET}"') -> str:
    """`[credentials.app]`, signing in by the secret unless told otherwise."""
    return f'[credentials.app]\nkind = "m365"\nclient_id = "{client_id}"\n{way}\n'


def tenant_table(tenant: LabTenant, name: str = "cloud", more: str = "") -> str:
    """One `[[tenants]]`; its application is the tenant's own."""
    return (
        f'[[tenants]]\nname = "{name}"\ntenant = "{tenant.id}"\ncredential = "app"\nclient_id = "{tenant.client_id}"\n'
        f"{more}"
    )


def client_folder(
    folder: Path, lab: LoopbackGraph, tenants: Sequence[LabTenant], *, more: str = "", way: str = ""
) -> Path:
    """A client with these tenants, named "cloud", "cloud2", ...; `more` is appended to its file."""
    tables = [
        f'[client]\nname = "{folder.name}"\nlanguage = "en"\n',
        graph_table(lab),
        app_table("00000000-0000-0000-0000-000000000000", way or f'secret = "env:{SECRET}"'),
        *(tenant_table(tenant, f"cloud{number or ''}") for number, tenant in enumerate(tenants)),
        more,
    ]
    folder.mkdir(parents=True)
    (folder / "client.toml").write_text("\n".join(tables), "utf-8")
    return folder
