"""SOAP messages of the text command shell: requests read, responses and faults written.

Source: MS-WSMV 2.2.4 (data types of the shell), 3.1.4 (operations); DSP0226 5 (addressing), 14 (faults).
"""

import base64
import binascii
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

from tests.lab.wsman.settings import MACHINE, Fault, Operation

S = "http://www.w3.org/2003/05/soap-envelope"
A = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
W = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
P = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
X = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
RSP = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
F = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
CMD = f"{RSP}/cmd"
ANONYMOUS = f"{A}/role/anonymous"
TERMINATE = f"{RSP}/signal/terminate"
CTRL_C = f"{RSP}/signal/ctrl_c"
CTRL_BREAK = f"{RSP}/signal/ctrl_break"

_ACTIONS = {
    f"{X}/Create": Operation.CREATE,
    f"{X}/Delete": Operation.DELETE,
    **{
        f"{RSP}/{operation}": operation
        for operation in (Operation.COMMAND, Operation.SEND, Operation.RECEIVE, Operation.SIGNAL)
    },
}
_RESPONSES = {operation: f"{action}Response" for action, operation in _ACTIONS.items()}
_UNDERSTOOD = {
    *(f"{{{A}}}{name}" for name in ("To", "Action", "MessageID", "ReplyTo", "FaultTo", "From")),
    *(
        f"{{{W}}}{name}"
        for name in ("ResourceURI", "SelectorSet", "OptionSet", "OperationTimeout", "MaxEnvelopeSize", "Locale")
    ),
    *(f"{{{P}}}{name}" for name in ("DataLocale", "SessionId", "OperationID", "SequenceId", "ActivityId")),
}
_MUST_UNDERSTAND = f"{{{S}}}mustUnderstand"
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
_DEFAULT_TIMEOUT_S = 60.0
_SMALLEST_ENVELOPE = 8192


class Refused(Exception):
    """A message answered with a fault."""

    def __init__(self, fault: Fault, relates_to: str = "") -> None:
        super().__init__(fault.reason)
        self.fault = fault
        self.relates_to = relates_to


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One message, its headers read; `body` is the element within s:Body, None where there is none."""

    operation: Operation
    message_id: str
    shell_id: str
    timeout_s: float
    max_envelope: int
    options: Mapping[str, str]
    body: ET.Element | None

    def element(self, name: str) -> ET.Element:
        """The body, which must be `rsp:<name>`."""
        if self.body is None or self.body.tag != f"{{{RSP}}}{name}":
            raise Refused(schema_fault(f"the body holds no rsp:{name}"), self.message_id)
        return self.body


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamData:
    """A piece of one stream, decoded."""

    name: str
    command_id: str
    data: bytes
    end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandState:
    """State of a command in a Receive response: "Running", "Pending" or "Done", the last with its exit code."""

    state: str
    exit_code: int | None = None


def schema_fault(why: str) -> Fault:
    """The fault for a message that is not what its schema says."""
    return Fault(
        code=2150858817,
        subcode="w:SchemaValidationError",
        reason=f"The SOAP XML in the message does not match the corresponding XML schema definition: {why}.",
        sender=True,
    )


def read(document: bytes) -> Request:
    """Read a request. Raises Refused for everything a service must not process."""
    try:
        envelope = ET.fromstring(document)
    except ET.ParseError as error:
        raise Refused(schema_fault(str(error))) from error
    header, body = envelope.find(f"{{{S}}}Header"), envelope.find(f"{{{S}}}Body")
    if envelope.tag != f"{{{S}}}Envelope" or header is None or body is None:
        raise Refused(schema_fault("no SOAP 1.2 envelope with header and body"))
    message_id = _text(header, A, "MessageID")
    _check_headers(header, message_id)
    action = _text(header, A, "Action")
    if action not in _ACTIONS:
        raise Refused(
            Fault(code=2150858753, subcode="a:ActionNotSupported", reason=f"Action {action}.", sender=True), message_id
        )
    if _text(header, W, "ResourceURI") != CMD:
        raise Refused(
            Fault(
                code=2150858752,
                subcode="a:DestinationUnreachable",
                reason="The WS-Management service cannot process the request. The resource URI is missing or unknown.",
                sender=True,
            ),
            message_id,
        )
    selectors = _named(header, "SelectorSet", "Selector")
    operation = _ACTIONS[action]
    shell_id = next((value for name, value in selectors.items() if name.lower() == "shellid"), "")
    if (operation is Operation.CREATE) == bool(shell_id):
        raise Refused(selector_fault("the selector ShellId is missing or not expected"), message_id)
    return Request(
        operation=operation,
        message_id=message_id,
        shell_id=shell_id.upper(),
        timeout_s=duration(_text(header, W, "OperationTimeout"), message_id),
        max_envelope=_envelope_size(_text(header, W, "MaxEnvelopeSize"), message_id),
        options=_named(header, "OptionSet", "Option"),
        body=next(iter(body), None),
    )


def _check_headers(header: ET.Element, message_id: str) -> None:
    if not message_id.startswith("uuid:") or not _text(header, A, "To"):
        raise Refused(
            Fault(
                code=2150858769,
                subcode="a:MessageInformationHeaderRequired",
                reason="A required header is missing: MessageID (uuid:...) or To.",
                sender=True,
            ),
            message_id,
        )
    if header.findtext(f"{{{A}}}ReplyTo/{{{A}}}Address", ANONYMOUS).strip() != ANONYMOUS:
        raise Refused(schema_fault("ReplyTo is not anonymous"), message_id)
    for one in header:
        if one.get(_MUST_UNDERSTAND, "false") in {"true", "1"} and one.tag not in _UNDERSTOOD:
            raise Refused(
                Fault(
                    code=2150858768,
                    subcode="s:MustUnderstand",
                    reason=f"The header {one.tag} must be understood and is not.",
                    sender=True,
                ),
                message_id,
            )


def selector_fault(why: str) -> Fault:
    """The fault for a shell that is not there (any more)."""
    return Fault(
        code=2150858843,
        subcode="w:InvalidSelectors",
        reason=f"The request for the Windows Remote Shell failed because the shell was not found on the server: {why}.",
        sender=True,
    )


def _text(parent: ET.Element, namespace: str, name: str) -> str:
    return parent.findtext(f"{{{namespace}}}{name}", "").strip()


def _named(header: ET.Element, container: str, name: str) -> dict[str, str]:
    found = header.find(f"{{{W}}}{container}")
    elements = found.findall(f"{{{W}}}{name}") if found is not None else []
    return {element.get("Name", ""): (element.text or "").strip() for element in elements}


def duration(text: str, message_id: str) -> float:
    """Seconds of an xs:duration; the default of OperationTimeout where it is empty."""
    if not text:
        return _DEFAULT_TIMEOUT_S
    match = _DURATION.fullmatch(text)
    if match is None:
        raise Refused(schema_fault(f"{text!r} is no duration"), message_id)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _envelope_size(text: str, message_id: str) -> int:
    if not text:
        return 153600
    if not text.isdecimal() or int(text) < _SMALLEST_ENVELOPE:
        raise Refused(
            Fault(
                code=2150858878,
                subcode="w:EncodingLimit",
                reason=f"MaxEnvelopeSize {text} is below 8192.",
                sender=True,
            ),
            message_id,
        )
    return int(text)


def command_line(request: Request) -> tuple[str, tuple[str, ...]]:
    """Command and arguments of a Command message."""
    element = request.element("CommandLine")
    command = element.findtext(f"{{{RSP}}}Command", "").strip()
    if not command:
        raise Refused(schema_fault("rsp:Command is missing"), request.message_id)
    return command, tuple(one.text or "" for one in element.findall(f"{{{RSP}}}Arguments"))


def sent_streams(request: Request) -> tuple[StreamData, ...]:
    """What a Send message carries."""
    found = []
    for stream in request.element("Send").findall(f"{{{RSP}}}Stream"):
        try:
            data = base64.b64decode("".join((stream.text or "").split()), validate=True)
        except binascii.Error as error:
            raise Refused(schema_fault(f"rsp:Stream: {error}"), request.message_id) from error
        found.append(
            StreamData(
                name=stream.get("Name", ""),
                command_id=stream.get("CommandId", "").upper(),
                data=data,
                end=stream.get("End", "false").lower() in {"true", "1"},
            )
        )
    if not found or any(one.name != "stdin" or not one.command_id for one in found):
        raise Refused(schema_fault("a Send needs rsp:Stream elements of stdin with a CommandId"), request.message_id)
    return tuple(found)


def desired_stream(request: Request) -> tuple[str, tuple[str, ...]]:
    """Command id and stream names a Receive message asks for."""
    desired = request.element("Receive").find(f"{{{RSP}}}DesiredStream")
    names = tuple((desired.text or "").split()) if desired is not None else ()
    if desired is None or not names or not set(names) <= {"stdout", "stderr"}:
        raise Refused(schema_fault("rsp:DesiredStream must name stdout, stderr or both"), request.message_id)
    return desired.get("CommandId", "").upper(), names


def signal(request: Request) -> tuple[str, str]:
    """Command id and signal code, the code in lower case."""
    element = request.element("Signal")
    code = element.findtext(f"{{{RSP}}}Code", "").strip().lower()
    if code not in {TERMINATE, CTRL_C, CTRL_BREAK}:
        raise Refused(schema_fault(f"unknown signal {code}"), request.message_id)
    return element.get("CommandId", "").upper(), code


def new_id() -> str:
    """Identity for a shell, a command or a message, as Windows writes it."""
    return str(uuid.uuid4()).upper()


def created(request: Request, shell_id: str, owner: str, client: str, idle_s: float, url: str) -> bytes:
    """Answer to Create: a reference to the shell, and the shell."""
    shell = request.element("Shell")
    streams = {
        name: (shell.findtext(f"{{{RSP}}}{name}", default).strip() or default)
        for name, default in (("InputStreams", "stdin"), ("OutputStreams", "stdout stderr"))
    }
    body = (
        f"<x:ResourceCreated><a:Address>{escape(url)}</a:Address><a:ReferenceParameters>"
        f'<w:ResourceURI>{CMD}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">{shell_id}</w:Selector>'
        f"</w:SelectorSet></a:ReferenceParameters></x:ResourceCreated>"
        f"<rsp:Shell><rsp:ShellId>{shell_id}</rsp:ShellId><rsp:ResourceUri>{CMD}</rsp:ResourceUri>"
        f"<rsp:Owner>{escape(owner)}</rsp:Owner><rsp:ClientIP>{escape(client)}</rsp:ClientIP>"
        f"<rsp:IdleTimeOut>PT{idle_s:.3f}S</rsp:IdleTimeOut>"
        f"<rsp:InputStreams>{escape(streams['InputStreams'])}</rsp:InputStreams>"
        f"<rsp:OutputStreams>{escape(streams['OutputStreams'])}</rsp:OutputStreams>"
        f"<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity>"
        f"</rsp:Shell>"
    )
    return respond(request, body)


def received(request: Request, command_id: str, streams: Iterable[StreamData], state: CommandState) -> bytes:
    """Answer to Receive."""
    parts = []
    for stream in streams:
        end = ' End="true"' if stream.end else ""
        parts.append(f'<rsp:Stream Name="{stream.name}" CommandId="{command_id}"{end}>'.encode())
        parts.append(base64.b64encode(stream.data))
        parts.append(b"</rsp:Stream>")
    exit_code = f"<rsp:ExitCode>{state.exit_code}</rsp:ExitCode>" if state.exit_code is not None else ""
    parts.append(
        f'<rsp:CommandState CommandId="{command_id}" State="{RSP}/CommandState/{state.state}">{exit_code}'
        f"</rsp:CommandState></rsp:ReceiveResponse>".encode()
    )
    return _envelope(_RESPONSES[request.operation], request.message_id, b"<rsp:ReceiveResponse>" + b"".join(parts))


def respond(request: Request, body: str) -> bytes:
    """Envelope around the body of an answer."""
    return _envelope(_RESPONSES[request.operation], request.message_id, body.encode())


def refuse(fault: Fault, relates_to: str) -> bytes:
    """A fault. Source: DSP0226 14.1, MS-WSMV 2.2.4.43 for the detail."""
    prefix = fault.subcode.partition(":")[0]
    action = f"{A}/fault" if prefix == "a" else "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
    body = (
        f"<s:Fault><s:Code><s:Value>s:{'Sender' if fault.sender else 'Receiver'}</s:Value>"
        f"<s:Subcode><s:Value>{escape(fault.subcode)}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{escape(fault.reason)}</s:Text></s:Reason>'
        f'<s:Detail><f:WSManFault xmlns:f="{F}" Code="{fault.code}" Machine={quoteattr(MACHINE)}>'
        f"<f:Message>{escape(fault.reason)}</f:Message></f:WSManFault></s:Detail></s:Fault>"
    )
    return _envelope(action, relates_to, body.encode())


def _envelope(action: str, relates_to: str, body: bytes) -> bytes:
    related = f"<a:RelatesTo>{escape(relates_to)}</a:RelatesTo>" if relates_to else ""
    head = (
        f'<s:Envelope xml:lang="en-US" xmlns:s="{S}" xmlns:a="{A}" xmlns:x="{X}" xmlns:w="{W}" xmlns:rsp="{RSP}" '
        f'xmlns:p="{P}"><s:Header><a:Action>{action}</a:Action><a:MessageID>uuid:{new_id()}</a:MessageID>'
        f"<a:To>{ANONYMOUS}</a:To>{related}</s:Header><s:Body>"
    )
    return b"".join((head.encode(), body, b"</s:Body></s:Envelope>"))
