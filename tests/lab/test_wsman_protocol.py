"""What the WS-Man peer makes of single messages, written here by hand after MS-WSMV: what it answers and refuses."""

import base64
import gzip
import http.client
import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pytest

from tests.lab import wsman
from tests.lab.wsman import Authentication, Peer
from tests.lab.wsman.messages import CMD, RSP, A, F, S, W, X

BOTH = (wsman.Account(), wsman.Account(name="other", password="Other-Pass1!"))
PROMPT = wsman.CommandPrompt(programs={"printall": wsman.Answer(stdout=b"out" * 20_000, stderr=b"err", exit_code=3)})
SHELL = "<rsp:Shell><rsp:InputStreams>stdin</rsp:InputStreams></rsp:Shell>"


@dataclass
class Client:
    """One connection with Basic over TLS; every answer comes as (HTTP status, envelope)."""

    peer: Peer
    user: str = "audit"
    password: str = wsman.PASSWORD

    def post(self, body: bytes, content_type: str = "application/soap+xml;charset=UTF-8") -> tuple[int, bytes]:
        context = ssl.create_default_context(cafile=str(self.peer.ca_file))
        connection = http.client.HTTPSConnection("127.0.0.1", self.peer.tls_port, context=context, timeout=20)
        login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        connection.request("POST", "/wsman", body, {"Authorization": f"Basic {login}", "Content-Type": content_type})
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response.status, answer

    def ask(self, action: str, body: str = "", **headers: str) -> tuple[int, ET.Element]:
        status, answer = self.post(envelope(action, body, **headers))
        return status, ET.fromstring(answer)

    def fault(self, action: str, body: str = "", **headers: str) -> tuple[int, str]:
        status, answer = self.ask(action, body, **headers)
        detail = answer.find(f".//{{{F}}}WSManFault")
        assert (status, detail is not None) == (500, True), ET.tostring(answer)
        assert detail is not None
        return int(detail.get("Code", "")), answer.findtext(f".//{{{S}}}Subcode/{{{S}}}Value", "")

    def open(self) -> str:
        status, answer = self.ask(f"{X}/Create", SHELL)
        assert status == 200
        return answer.findtext(f".//{{{W}}}Selector", "")

    def start(self, shell: str, line: str) -> str:
        status, answer = self.ask(
            f"{RSP}/Command", f"<rsp:CommandLine><rsp:Command>{line}</rsp:Command></rsp:CommandLine>", shell=shell
        )
        assert status == 200
        return answer.findtext(f".//{{{RSP}}}CommandId", "")


def envelope(
    action: str,
    body: str = "",
    *,
    shell: str = "",
    resource: str = CMD,
    message_id: str = "uuid:5A2B6C1D-0000-4000-8000-000000000001",
    more: str = "",
    size: str = "153600",
) -> bytes:
    selector = f'<w:SelectorSet><w:Selector Name="ShellId">{shell}</w:Selector></w:SelectorSet>' if shell else ""
    return (
        f'<s:Envelope xmlns:s="{S}" xmlns:a="{A}" xmlns:w="{W}" xmlns:rsp="{RSP}"><s:Header>'
        f'<a:To>https://127.0.0.1/wsman</a:To><a:Action s:mustUnderstand="true">{action}</a:Action>'
        f"<a:MessageID>{message_id}</a:MessageID><w:ResourceURI>{resource}</w:ResourceURI>"
        f"<w:MaxEnvelopeSize>{size}</w:MaxEnvelopeSize><w:OperationTimeout>PT1S</w:OperationTimeout>{selector}{more}"
        f"</s:Header><s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def receive(command: str, streams: str = "stdout stderr") -> str:
    return f'<rsp:Receive><rsp:DesiredStream CommandId="{command}">{streams}</rsp:DesiredStream></rsp:Receive>'


def send(command: str, data: bytes, *, end: bool) -> str:
    text = base64.b64encode(data).decode()
    return (
        f'<rsp:Send><rsp:Stream Name="stdin" CommandId="{command}" End="{str(end).lower()}">{text}'
        f"</rsp:Stream></rsp:Send>"
    )


@pytest.fixture
def client() -> Iterator[Client]:
    with wsman.serve(
        tls=True,
        authentication=frozenset({Authentication.BASIC}),
        accounts=BOTH,
        runner=PROMPT,
        max_processes_per_shell=2,
    ) as peer:
        yield Client(peer)


def test_create_answers_with_the_shell_and_the_id_of_the_question(client: Client) -> None:
    status, answer = client.ask(f"{X}/Create", SHELL)
    assert status == 200
    assert answer.findtext(f".//{{{A}}}RelatesTo") == "uuid:5A2B6C1D-0000-4000-8000-000000000001"
    selector = answer.find(f".//{{{W}}}Selector")
    assert selector is not None
    assert (selector.get("Name"), selector.text) == ("ShellId", answer.findtext(f".//{{{RSP}}}ShellId"))
    assert client.peer.open_shells == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"message_id": ""}, (2150858769, "a:MessageInformationHeaderRequired")),
        ({"message_id": "5A2B6C1D"}, (2150858769, "a:MessageInformationHeaderRequired")),
        ({"resource": f"{RSP}/powershell"}, (2150858752, "a:DestinationUnreachable")),
        ({"more": '<w:Unknown s:mustUnderstand="true"/>'}, (2150858768, "s:MustUnderstand")),
        ({"size": "512"}, (2150858878, "w:EncodingLimit")),
        ({"shell": "0000"}, (2150858843, "w:InvalidSelectors")),
        (
            {"more": '<w:OptionSet><w:Option Name="WINRS_CODEPAGE">utf-8</w:Option></w:OptionSet>'},
            (2150858817, "w:SchemaValidationError"),
        ),
    ],
)
def test_a_create_that_is_not_right_opens_nothing(
    client: Client, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert client.fault(f"{X}/Create", SHELL, **headers) == expected
    assert client.peer.open_shells == 0


def test_what_is_no_message_is_refused(client: Client) -> None:
    assert client.fault("http://example.test/Explode")[1] == "a:ActionNotSupported"
    assert client.fault(f"{X}/Create")[1] == "w:SchemaValidationError"
    assert client.post(b"<not xml")[0] == 500
    assert client.post(envelope(f"{X}/Create", SHELL), "text/plain") == (400, b"")
    assert client.post(envelope(f"{X}/Create", SHELL), 'multipart/encrypted;boundary="Encrypted Boundary"')[0] == 400
    assert client.post(b"x" * (500 * 1024 + 1)) == (413, b"")


def test_a_shell_is_its_owners_alone(client: Client) -> None:
    shell = client.open()
    other = Client(client.peer, "other", "Other-Pass1!")
    assert other.fault(f"{X}/Delete", shell=shell) == (5, "w:AccessDenied")
    assert client.ask(f"{X}/Delete", shell=shell)[0] == 200
    assert client.fault(f"{X}/Delete", shell=shell) == (2150858843, "w:InvalidSelectors")


def test_output_never_exceeds_the_envelope_and_the_end_comes_last(client: Client) -> None:
    shell = client.open()
    command = client.start(shell, "printall")
    data, states = {"stdout": b"", "stderr": b""}, []
    while "Done" not in states:
        status, document = client.post(envelope(f"{RSP}/Receive", receive(command), shell=shell, size="16384"))
        assert status == 200
        assert len(document) <= 16_384
        answer = ET.fromstring(document)
        for stream in answer.iter(f"{{{RSP}}}Stream"):
            data[stream.get("Name", "")] += base64.b64decode(stream.text or "")
        state = answer.find(f".//{{{RSP}}}CommandState")
        assert state is not None
        states.append(state.get("State", "").rpartition("/")[2])
        ended = answer.findtext(f".//{{{RSP}}}ExitCode")
        assert (ended == "3") is (states[-1] == "Done")
    assert data == {"stdout": b"out" * 20_000, "stderr": b"err"}
    assert set(states[:-1]) == {"Running"}


def test_standard_input_ends_once_and_a_command_is_gone_after_terminate() -> None:
    with wsman.serve(tls=True, authentication=frozenset({Authentication.BASIC})) as peer:
        client = Client(peer)
        shell = client.open()
        command = client.start(shell, "anything.exe")
        assert client.fault(f"{RSP}/Receive", receive(command), shell=shell) == (2150858793, "w:TimedOut")
        assert client.ask(f"{RSP}/Send", send(command, b"abc", end=False), shell=shell)[0] == 200
        assert client.ask(f"{RSP}/Send", send(command, b"", end=True), shell=shell)[0] == 200
        assert (
            client.fault(f"{RSP}/Send", send(command, b"more", end=True), shell=shell)[1] == "w:SchemaValidationError"
        )
        answer = client.ask(f"{RSP}/Receive", receive(command), shell=shell)[1]
        assert base64.b64decode(answer.findtext(f".//{{{RSP}}}Stream", "")).startswith(b"3 ba7816bf")
        body = f'<rsp:Signal CommandId="{command}"><rsp:Code>{RSP}/signal/terminate</rsp:Code></rsp:Signal>'
        assert client.ask(f"{RSP}/Signal", body, shell=shell)[0] == 200
        assert client.fault(f"{RSP}/Receive", receive(command), shell=shell)[0] == 87


def test_so_many_processes_in_a_shell_and_no_more(client: Client) -> None:
    client.peer.machine.runner = wsman.stdin_report  # waits for an end that never comes
    shell = client.open()
    for _ in range(2):
        client.start(shell, "waits.exe")
    body = "<rsp:CommandLine><rsp:Command>waits.exe</rsp:Command></rsp:CommandLine>"
    assert client.fault(f"{RSP}/Command", body, shell=shell) == (2150859241, "w:QuotaLimit")
    client.ask(f"{X}/Delete", shell=shell)
    assert (client.peer.open_shells, client.peer.machine.running_commands) == (0, 0)


def test_so_many_users_and_no_more(client: Client) -> None:
    client.peer.settings.max_concurrent_users = 1
    client.open()
    client.open()
    assert Client(client.peer, "other", "Other-Pass1!").fault(f"{X}/Create", SHELL) == (2150859179, "w:QuotaLimit")


def test_ctrl_c_ends_a_process_with_its_code(client: Client) -> None:
    client.peer.machine.runner = wsman.stdin_report
    shell = client.open()
    command = client.start(shell, "waits.exe")
    body = f'<rsp:Signal CommandId="{command}"><rsp:Code>{RSP}/signal/ctrl_c</rsp:Code></rsp:Signal>'
    assert client.ask(f"{RSP}/Signal", body, shell=shell)[0] == 200
    answer = client.ask(f"{RSP}/Receive", receive(command), shell=shell)[1]
    assert answer.findtext(f".//{{{RSP}}}ExitCode") == str(0xC000013A - (1 << 32))


def test_a_runner_that_breaks_breaks_the_test() -> None:
    async def broken(process: wsman.Process) -> AsyncIterator[wsman.Output]:
        yield wsman.Chunk(b"begun")
        raise RuntimeError("a defect of the test")

    def visit() -> None:
        with wsman.serve(tls=True, authentication=frozenset({Authentication.BASIC}), runner=broken) as peer:
            client = Client(peer)
            client.start(client.open(), "anything.exe")

    with pytest.raises(RuntimeError, match="a defect of the test"):
        visit()


def encoded(command: str) -> str:
    return f"powershell.exe -NoProfile -EncodedCommand {base64.b64encode(command.encode('utf-16-le')).decode()}"


def test_a_bootstrap_is_read_back_to_its_script() -> None:
    payload = base64.b64encode(gzip.compress("Write-Output 'é'".encode()))
    assert wsman.script_of(encoded("...[Console]::In.ReadToEnd()..."), payload) == "Write-Output 'é'"
    assert wsman.script_of(encoded("Get-Date"), b"") == "Get-Date"
    for line, stdin in (("powershell.exe -Command x", b""), (encoded("ReadToEnd"), b"not base64!")):
        with pytest.raises(ValueError, match=r"EncodedCommand|Error"):
            wsman.script_of(line, stdin)


def test_a_script_gets_its_recorded_answer_and_a_garbled_one_an_error() -> None:
    shell_runner = wsman.RecordedPowerShell(lambda script: script.upper().encode())
    with wsman.serve(
        tls=True, authentication=frozenset({Authentication.BASIC}), runner=shell_runner, max_envelope_kb=500
    ) as peer:
        client = Client(peer)
        shell = client.open()
        for stdin, expected in ((base64.b64encode(gzip.compress(b"hello")), b"HELLO"), (b"garbled", b"#< CLIXML")):
            command = client.start(shell, encoded("[Console]::In.ReadToEnd()"))
            client.ask(f"{RSP}/Send", send(command, stdin, end=True), shell=shell)
            answer = client.ask(f"{RSP}/Receive", receive(command), shell=shell)[1]
            assert base64.b64decode(answer.findtext(f".//{{{RSP}}}Stream", "")).startswith(expected)
        assert peer.counters.sends == 2


def test_a_real_powershell_runs_the_bootstrap() -> None:
    program = wsman.pwsh()
    if program is None:
        pytest.skip("needs pwsh")
    bootstrap = (
        "$b=[Convert]::FromBase64String([Console]::In.ReadToEnd());$m=New-Object IO.MemoryStream(,$b);"
        "$g=New-Object IO.Compression.GZipStream($m,[IO.Compression.CompressionMode]::Decompress);"
        "$r=New-Object IO.StreamReader($g,[Text.Encoding]::UTF8);&([scriptblock]::Create($r.ReadToEnd()))"
    )
    runner = wsman.RealPowerShell(program, preamble="function Get-Name { 'lab' }")
    with wsman.serve(tls=True, authentication=frozenset({Authentication.BASIC}), runner=runner) as peer:
        client = Client(peer)
        shell = client.open()
        command = client.start(shell, encoded(bootstrap))
        script = base64.b64encode(gzip.compress(b"[Console]::Out.Write((Get-Name))"))
        client.ask(f"{RSP}/Send", send(command, script, end=True), shell=shell)
        printed = b""
        for _ in range(60):
            answer = client.ask(f"{RSP}/Receive", receive(command), shell=shell)[1]
            printed += b"".join(base64.b64decode(one.text or "") for one in answer.iter(f"{{{RSP}}}Stream"))
            if answer.find(f".//{{{RSP}}}ExitCode") is not None:
                break
    assert printed == b"lab"
