"""Without the extra `kerberos`."""

import importlib.util

import pytest

from collectors.credentials import Secret
from collectors.errors import LoginDenied, NotSupported
from collectors.transports.wsman import kerberos
from tests.collectors.transports.winrm_client import SCRIPT, powershell, target, visit
from tests.lab import wsman


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = importlib.util.find_spec
    absent = {"gssapi", "krb5"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else honest(name))
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


def test_libraries_that_cannot_be_loaded_leave_ntlm_to_auto(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ImportError("libgssapi_krb5.so.2: cannot open shared object file")

    monkeypatch.setattr(kerberos, "available", lambda: True)
    monkeypatch.setattr(kerberos, "_log_in", broken)
    with powershell() as peer:
        at, user = target(peer, address="localhost"), "audit@lab.example"
        with pytest.raises(LoginDenied, match=r"libraries cannot be loaded \(libgssapi_krb5"):
            visit(peer, at=at, auth="kerberos", user=user)
        peer.settings.accounts = (wsman.Account(domain="LAB"),)
        assert visit(peer, at=at, auth="auto", user=user).stdout == SCRIPT
