"""Without the extra `kerberos`."""

import pytest

from collectors.credentials import Secret
from collectors.errors import NotSupported
from collectors.transports.wsman import kerberos
from tests.collectors.transports.winrm_client import SCRIPT, powershell, target, visit


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kerberos.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(kerberos.sys, "platform", "linux")
    with powershell() as peer:
        with pytest.raises(NotSupported, match="extra `kerberos`") as caught:
            visit(peer, at=target(peer, address="localhost"), auth="kerberos", user="a@B.C", password=Secret("x"))
        assert "pip install 'patch-license-auditor[kerberos]'" in caught.value.hint
        assert peer.counters.connections == 0


def test_auto_then_takes_ntlm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kerberos, "available", lambda: False)
    with powershell() as peer:
        assert visit(peer, auth="auto").stdout == SCRIPT
