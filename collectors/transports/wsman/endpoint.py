"""Where a Windows machine is reached, and whether the way asked for is safe to go."""

import ipaddress
from dataclasses import dataclass

from collectors.credentials import Credential
from collectors.errors import LoginDenied, NotSupported, UnsafeProtocol
from collectors.model import Target
from collectors.transports.sockets import place

HTTP_PORT = 5985
HTTPS_PORT = 5986
WAYS = ("auto", "ntlm", "kerberos", "certificate", "basic")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Host name or address (IPv6 without brackets), port, and whether TLS is spoken there."""

    host: str
    port: int
    tls: bool

    @property
    def name(self) -> str:
        """The host as certificates, tickets and the Host header know it: an IPv6 zone means nothing there."""
        return self.host.partition("%")[0]

    @property
    def place(self) -> str:
        """Host and port, an IPv6 address in brackets."""
        return place(self.name, self.port)

    @property
    def header(self) -> str:
        """`place` as the Host header wants it: a name beyond ASCII in the form in which DNS was asked for it."""
        return self.place if self.name.isascii() else place(self.name.encode("idna").decode(), self.port)

    @property
    def is_address(self) -> bool:
        """Whether it is reached by an address rather than a name."""
        try:
            ipaddress.ip_address(self.name)
        except ValueError:
            return False
        return True


def endpoint(target: Target) -> Endpoint:
    """Where the target listens: `tls` decides between 5985 and 5986, without it the port does (5985 is HTTP)."""
    tls = target.port != HTTP_PORT if target.tls is None else target.tls
    return Endpoint(target.address, target.port or (HTTPS_PORT if tls else HTTP_PORT), tls)


def user_of(target: Target, credential: Credential) -> str:
    r"""Name to log in with: the target's own, else the credential's ("" when neither states one)."""
    return target.user or credential.user


def check(subject: str, where: Endpoint, user: str, credential: Credential) -> None:
    """Refuse what would send a password or facts in clear, or cannot succeed. Nothing was sent yet."""
    way = credential.auth
    if way not in WAYS:
        raise NotSupported(subject, f"the authentication {way!r} is not known.", hint=f"Use one of {', '.join(WAYS)}.")
    if way == "basic" and not where.tls:
        raise UnsafeProtocol(
            subject,
            "Basic authentication over plain HTTP would send the password in clear: refused.",
            hint="Use HTTPS (port 5986), or NTLM or Kerberos, which seal their messages over HTTP.",
        )
    if way == "certificate" and not where.tls:
        raise UnsafeProtocol(
            subject,
            "a client certificate needs HTTPS; over plain HTTP everything would be read by others: refused.",
            hint="Use HTTPS (port 5986).",
        )
    if way == "certificate" and credential.certificate_file is None:
        raise LoginDenied(
            subject, "no client certificate is configured.", hint="Set certificate_file and key_file in the credential."
        )
    if way in ("ntlm", "basic"):
        _need_password(subject, user, credential)
    password = credential.password
    for what, text in (("user", user), ("password", "" if password is None else password.reveal())):
        if not _is_text(text):
            raise LoginDenied(
                subject,
                f"the {what} to log in with is no text in UTF-8; it was not tried.",
                hint="Write it anew in UTF-8 where it is kept (environment variable, file, key store).",
            )


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # bytes of another encoding, as the environment hands them over
        return False
    return True


def _need_password(subject: str, user: str, credential: Credential) -> None:
    if not user or credential.password is None:
        lacking = "user" if not user else "password"
        raise LoginDenied(
            subject,
            f"no {lacking} is configured to log in with.",
            hint="Name a credential for it in the client file, or give --user and --password-from.",
        )
