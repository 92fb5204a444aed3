"""Faults of WS-Management and of Windows in words, each with its cure.

Source: wsmerror.h of the Windows SDK for 0x8033xxxx, [MS-ERREF] for the others.
"""

from dataclasses import dataclass

from collectors.errors import ConversationFailed, HostError, LoginDenied, NotSupported
from collectors.transports.wsman.http import Answer, printable

OPERATION_TIMEOUT = 2150858793
ACCESS_DENIED = 5
NOT_STARTABLE = {
    2: "powershell.exe was not found on it",
    3: "powershell.exe was not found on it",
    1260: "a policy of the machine forbids powershell.exe",
}


@dataclass(frozen=True, slots=True)
class Words:
    """What a code means and what to do about it; `denied` when it is about the account rather than the service."""

    problem: str
    cure: str
    denied: bool = False


_LOCKED = Words("the account is locked", "Unlock it; nothing was tried twice.", denied=True)
_WRONG = Words("user or password is wrong", "Correct the credential; nothing was tried twice.", denied=True)
_EXPIRED = Words("the password has expired", "Change it, then run again.", denied=True)
_MUST_CHANGE = Words("the password must be changed before the first login", "Change it, then run again.", denied=True)
_DISABLED = Words("the account is disabled", "Enable it or use another account.", denied=True)
_ACCOUNT_EXPIRED = Words("the account has expired", "Extend it or use another account.", denied=True)
_TYPE = Words(
    "the account may not log in over the network",
    "Grant it 'Access this computer from the network', or use another account.",
    denied=True,
)
_RESTRICTED = Words(
    "a restriction of the account forbids this login (empty password, logon hours, workstations)",
    "Check the account's restrictions.",
    denied=True,
)
_NO_SERVERS = Words(
    "the machine reaches no domain controller to check the password",
    "Check its connection to the domain, or use a local account.",
)
_TRUST = Words(
    "the trust between the machine and its domain is broken", "Join the machine to the domain again.", denied=True
)
_DENIED = Words(
    "the account may not open a remote shell",
    "Make it a member of Remote Management Users and give that group read and execute in RootSDDL (winrm configSDDL "
    "default; docs/windows.md has the lines), or make it an administrator; a local one other than the built-in also "
    "needs LocalAccountTokenFilterPolicy.",
    denied=True,
)
_QUOTA = "It frees itself as sessions end; else raise"
_SHELLS = Words(
    "this account has as many shells open as it may (MaxShellsPerUser)",
    f"{_QUOTA} MaxShellsPerUser (winrm/config/winrs).",
)
_OPERATIONS = Words(
    "this account has as many operations under way as it may (MaxConcurrentOperationsPerUser)",
    f"{_QUOTA} MaxConcurrentOperationsPerUser (winrm/config/service).",
)
_USERS = Words(
    "as many users as it may serve are at work on it (MaxConcurrentUsers)",
    f"{_QUOTA} MaxConcurrentUsers (winrm/config/winrs).",
)
_TOO_LARGE = Words("a message was too large for it", "Raise MaxEnvelopeSizekb (winrm/config) to 150 or more.")

_WORDS = {
    5: _DENIED,
    1326: _WRONG,
    1327: _RESTRICTED,
    1328: _RESTRICTED,
    1329: _RESTRICTED,
    1330: _EXPIRED,
    1331: _DISABLED,
    1311: _NO_SERVERS,
    1385: _TYPE,
    1398: Words("the clocks of the machine and its domain controller differ", "Set both clocks (NTP)."),
    1789: _TRUST,
    1793: _ACCOUNT_EXPIRED,
    1907: _MUST_CHANGE,
    1909: _LOCKED,
    0xC000005E: _NO_SERVERS,
    0xC000006A: _WRONG,
    0xC000006D: _WRONG,
    0xC000006E: _RESTRICTED,
    0xC0000064: _WRONG,
    0xC000006F: _RESTRICTED,
    0xC0000070: _RESTRICTED,
    0xC0000071: _EXPIRED,
    0xC0000072: _DISABLED,
    0xC000018D: _TRUST,
    0xC0000133: Words("the clocks of the machine and its domain controller differ", "Set both clocks (NTP)."),
    0xC000015B: _TYPE,
    0xC0000193: _ACCOUNT_EXPIRED,
    0xC0000224: _MUST_CHANGE,
    0xC0000234: _LOCKED,
    8: Words("the machine is out of memory", "Free memory or restart it."),
    14: Words("the machine is out of memory", "Free memory or restart it."),
    170: Words("the service is busy", "Try again later."),
    995: Words("the machine aborted the operation", "Try again; see the event log of WinRM."),
    1115: Words("the machine is shutting down", "Try again when it is up."),
    1455: Words("the machine's page file is full", "Free memory or restart it."),
    2150858752: Words("it knows no such resource", "Check that it is a WinRM service with shells enabled."),
    2150858790: _TOO_LARGE,
    OPERATION_TIMEOUT: Words("it did not finish the operation in its own time limit", "Check the machine's load."),
    2150858806: _WRONG,
    2150858811: Words("it has no text shell", "Check that it is a WinRM service of version 2.0 or later."),
    2150858815: Words("a quota of its WinRM service is used up", f"{_QUOTA} it (winrm/config)."),
    2150858817: Words("it does not accept the form of the request", "Check that it is a WinRM service."),
    2150858824: _TOO_LARGE,
    2150858843: Words(
        "the shell is gone: it was idle too long, or the service was restarted",
        "Try again; see the event log of WinRM on the machine.",
    ),
    2150859082: Words("the shell was closed on the machine", "Try again; see the event log of WinRM on the machine."),
    2150859173: _SHELLS,
    2150859174: _OPERATIONS,
    2150859175: Words("this account has asked too much of it in a short time (user load quota)", "Try again later."),
    2150859176: Words("it has been asked too much in a short time (system load quota)", "Try again later."),
    2150859179: _USERS,
    2150859180: Words(
        "it allows no remote shells (policy)", "Set AllowRemoteShellAccess (winrm/config/winrs) to true."
    ),
    2150859229: Words("its WinRM service allows no remote access", "Enable it (Enable-PSRemoting)."),
    2150859235: Words("its WinRM service allows no connection from elsewhere", "Enable it (Enable-PSRemoting)."),
    2150859236: _SHELLS,
    2150859237: _USERS,
    2150859240: _OPERATIONS,
    2150859241: Words(
        "the shell runs as many processes as it may (MaxProcessesPerShell)",
        f"{_QUOTA} MaxProcessesPerShell (winrm/config/winrs).",
    ),
}
_HRESULT_WIN32 = 0x8007
_WSMAN = 0x8033
_HEXADECIMAL = 0x80000000
_STATUS_WORDS = {
    400: (
        "it could not read the request",
        "Check the port; with Kerberos, an account in very many groups has a ticket too large for it (MaxFieldLength).",
    ),
    403: ("its web server forbids the address /wsman", "Check IPv4Filter and IPv6Filter of winrm/config/service."),
    404: ("there is no WinRM service at /wsman", "Check the port, and run winrm quickconfig on the machine."),
    405: ("there is no WinRM service at /wsman", "Check the port, and run winrm quickconfig on the machine."),
    407: ("a proxy in between wants a login", "Visit the machine without a proxy."),
    502: ("a proxy in between does not reach the machine", "Visit the machine without a proxy."),
    503: ("its WinRM service is not running or overloaded", "Check the service WinRM on the machine."),
    504: ("a proxy in between does not reach the machine", "Visit the machine without a proxy."),
}


def win32(code: int) -> int:
    """The Windows error inside an HRESULT of that kind (0x80070002 -> 2); any other code as it is."""
    return code & 0xFFFF if code >> 16 == _HRESULT_WIN32 else code


def sentence(code: int | None, reason: str) -> str:
    """What a fault says, in our words where they are known, with its number: "the account is locked (1909)"."""
    words = None if code is None else _WORDS.get(win32(code))
    said = printable(reason)
    if words is not None:
        return f"{words.problem} ({_written(code)})"
    return f"{said or 'no reason given'}" + (f" ({_written(code)})" if code is not None else "")


def explained(subject: str, code: int | None, reason: str, *, during: str) -> HostError:
    """The error a person can act on for a fault that ended a visit."""
    words = None if code is None else _WORDS.get(win32(code))
    problem = f"{during} was refused: {sentence(code, reason)}."
    if words is None:
        return ConversationFailed(subject, problem, hint="See the event log of WinRM on the machine.")
    kind = LoginDenied if words.denied else ConversationFailed
    return kind(subject, problem, hint=words.cure)


def unexpected_status(subject: str, answer: Answer, *, during: str) -> HostError:
    """The error for an HTTP status without a fault inside."""
    if answer.status == 413:
        return ConversationFailed(
            subject,
            f"a message was too large for it during {during} (HTTP 413).",
            hint="Raise MaxEnvelopeSizekb (winrm/config) to 150 or more.",
        )
    if answer.status in _STATUS_WORDS:
        problem, cure = _STATUS_WORDS[answer.status]
        return NotSupported(subject, f"{problem} (HTTP {answer.status}).", hint=cure)
    if answer.status == 500 and not answer.body:
        return ConversationFailed(
            subject,
            f"it answered {during} with HTTP 500 and nothing else: it could not read the message.",
            hint="Usual reasons: the way messages are sealed (AllowUnencrypted, CbtHardeningLevel of "
            "winrm/config/service), a proxy in between, or an overloaded service; see its event log.",
        )
    if answer.status // 100 == 3:
        return NotSupported(
            subject,
            f"it sends us elsewhere (HTTP {answer.status}), which a WinRM service does not do.",
            hint="Check the port.",
        )
    return ConversationFailed(
        subject, f"it answered {during} with HTTP {answer.status}.", hint="See the event log of WinRM on the machine."
    )


def _written(code: int | None) -> str:
    assert code is not None
    # WinRM's own codes are known, and searched for, in decimal; those of Windows in hexadecimal.
    return f"0x{code:08X}" if code >= _HEXADECIMAL and code >> 16 != _WSMAN else str(code)
