"""npm's oidc-provider, a certified OAuth server, as the sign-in service of one tenant.

It knows nothing of Microsoft and nothing of us: an independent opinion on what msal sends in our name.
"""

import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from collectors.cloud.credentials import CloudCredential, CloudEndpoints
from collectors.cloud.policy import CloudPolicy
from tests.lab.keys import AppCertificate, app_certificate
from tests.lab.node import missing, node_folder, node_program
from tests.lab.wsman.certificates import Certificates

TENANT = "48a80680-7326-48cd-9935-b556b81d3a4e"
CLIENT = "1b2c3d4e-0000-4000-8000-00000000000a"
SECRET = "a-s3cr3t~of-the-lab-that-is-long-enough"


@dataclass(slots=True)
class OidcProvider:
    """The running server; `certificate` is what its application with the id "...-certificate" signs in with."""

    port: int
    ca_file: Path
    certificate: AppCertificate
    process: "subprocess.Popen[str]"

    @property
    def endpoints(self) -> CloudEndpoints:
        """A cloud whose sign-in service it is."""
        return CloudEndpoints(login=f"https://localhost:{self.port}")

    @property
    def policy(self) -> CloudPolicy:
        """A policy that trusts it."""
        return CloudPolicy(ca_bundle=self.ca_file, proxies={}, longest_wait_s=1)

    def credential(self, **how: Any) -> CloudCredential:
        """How to sign in; its secret, certificate or device client by the last part of the client id."""
        return CloudCredential(**{"tenant": TENANT, "client_id": CLIENT, "endpoints": self.endpoints, **how})

    def decide(self, verb: str, code: str) -> None:
        """Let the person behind a device code "approve" or "deny"."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{verb} {code}\n")
        self.process.stdin.flush()
        assert json.loads(self.process.stdout.readline()) == {"done": verb}


@contextmanager
def oidc_provider(folder: Path, *, roles: tuple[str, ...], scopes: tuple[str, ...] = ()) -> Iterator[OidcProvider]:
    """Run it until the block ends; skips where node or the package is absent."""
    if why := missing("oidc-provider"):
        pytest.skip(why)
    certificates = Certificates(folder)
    pem = certificates.server()
    ssl.create_default_context(cafile=str(certificates.ca_file))
    app = app_certificate()
    told = {
        "folder": str(node_folder()),
        "tenant": TENANT,
        "key": pem.key.read_text(),
        "certificate": pem.certificate.read_text(),
        "clientId": CLIENT,
        "secret": SECRET,
        "jwk": app.jwk,
        "roles": list(roles),
        "scopes": list(scopes),
    }
    process = subprocess.Popen(
        [node_program(), str(Path(__file__).with_name("oidc_server.mjs"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(told) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line.startswith("{"), "oidc-provider did not start"
        yield OidcProvider(json.loads(line)["port"], certificates.ca_file, app, process)
    finally:
        process.stdin.close()  # type: ignore[union-attr]
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()  # type: ignore[union-attr]
