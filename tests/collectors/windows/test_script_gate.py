"""No PowerShell leaves this house unread: every script parses, speaks PowerShell 3 and calls only what may be called.

The parser is tree-sitter's grammar, which also refuses some valid spellings (bare comma arguments); what it lets pass
although PowerShell 3 does not know it (`&&`, `||`, classes, `::new()`) a second check refuses.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

import collectors.windows
from collectors.windows import degraded
from collectors.windows.blocks import discover
from collectors.windows.script import build_windows_script

FOLDER = Path(collectors.windows.__file__).parent
SCRIPTS = sorted(FOLDER.rglob("*.ps1"))
PARSER = Parser(Language(tree_sitter_powershell.language()))
WHOLE = build_windows_script(discover(), nonce="0123456789abcdef").decode()

# Of the modules that every Windows PowerShell loads by itself, and Appx where there is one.
CMDLETS = {
    "ForEach-Object",
    "Get-AppxPackage",
    "Get-CimInstance",
    "Get-Command",
    "Get-Service",
    "New-Object",
    "Where-Object",
}
COM_CLASSES = {
    "Microsoft.Update.AutoUpdate",
    "Microsoft.Update.ServiceManager",
    "Microsoft.Update.Session",
}
# Refused to remote callers (W18), or doing something on the machine.
NEVER = re.compile(
    r"""
    CreateUpdateDownloader | CreateUpdateInstaller | BeginSearch | EndSearch | \.AddService | RegisterServiceWithAU
    | AddScanPackageService | WebProxy | \.Settings\b | \.Pause\( | \.Resume\( | EnableService | AcceptEula
    | CopyFromCache
    | Microsoft\.Update\.SystemInfo | Win32_Product\b | \bsysteminfo\b | \bwmic\b | Get-Package\b | Get-HotFix
    | CreateSubKey | \.SetValue\( | DeleteValue | DeleteSubKey | \.SetAccessControl | WriteAll(?:Text|Bytes|Lines)
    | \[IO\.File\]::(?:Create|Delete|Move|Copy|Append|OpenWrite) | \[IO\.Directory\]::(?:Create|Delete|Move)
    | StreamWriter | \.Start\( | \.Stop\( | InstallProductKey | \.Uninstall | Add-Type | DllImport | Invoke-Expression
    # Decoding and unpacking in one script is what malware is known by: endpoint protection raises an alarm.
    | FromBase64String | CompressionMode\]::Decompress
    | DownloadString | WebClient | Invoke-WebRequest | OpenSubKey\([^)]*\$true
    """,
    re.VERBOSE | re.IGNORECASE,
)
NEWER = re.compile(r"&&|\|\||\?\?|\?\.\w|\?\[|::new\(|^\s*(?:class|enum|using)\s", re.MULTILINE)
_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#.*$")


def defects(text: str) -> list[str]:
    """What the parser does not understand, by line."""
    source = text.encode()
    bad = (node for node in nodes(PARSER.parse(source).root_node) if node.is_error or node.is_missing)
    return [f"line {node.start_point[0] + 1}: {source[node.start_byte : node.end_byte][:80]!r}" for node in bad]


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def commands(text: str) -> set[str]:
    """Names of all commands a script calls."""
    source = text.encode()
    found = (node for node in nodes(PARSER.parse(source).root_node) if node.type == "command_name")
    return {source[node.start_byte : node.end_byte].decode() for node in found}


def code(text: str) -> str:
    """The script without its comments, which may name what is never called."""
    return _COMMENT.sub("", text)


every_script = pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)


@every_script
class TestEveryScript:
    def test_it_parses(self, path: Path) -> None:
        assert defects(path.read_text("utf-8")) == []

    def test_it_speaks_powershell_3(self, path: Path) -> None:
        assert NEWER.findall(code(path.read_text("utf-8"))) == []

    def test_it_calls_nothing_that_is_refused_remotely_or_changes_the_machine(self, path: Path) -> None:
        assert NEVER.findall(code(path.read_text("utf-8"))) == []

    def test_it_is_plain_text_of_our_own(self, path: Path) -> None:
        text = path.read_text("utf-8")
        assert text.isascii()  # what a code page does to the script is then nobody's question
        assert "\r" not in text
        assert "\t" not in text
        assert text.endswith("\n")
        assert text.startswith("#")  # says what it is

    def test_no_here_string_could_swallow_what_follows(self, path: Path) -> None:
        assert not re.search(r"@['\"]\s*$", path.read_text("utf-8"), re.MULTILINE)


class TestTheWholeScript:
    def test_it_parses(self) -> None:
        assert defects(WHOLE) == []

    def test_every_command_is_a_function_of_ours_or_an_allowed_cmdlet(self) -> None:
        ours = set(re.findall(r"(?m)^\s*function ([A-Z][A-Za-z]+-[A-Z][A-Za-z]+)", WHOLE))
        # "." and "&" are operators; variables hold script blocks of ours.
        called = {name for name in commands(WHOLE) if not name.startswith("$")}
        assert called - ours <= CMDLETS

    def test_the_com_classes_are_those_a_remote_caller_may_use(self) -> None:
        assert set(re.findall(r"-ComObject '([^']+)'", WHOLE)) <= COM_CLASSES
        assert WHOLE.count("-ComObject") == len(re.findall(r"-ComObject '", WHOLE))

    def test_every_block_is_called_by_its_own_name(self) -> None:
        for block in discover():
            call = (
                f"Invoke-SlowBlock '{block.name}' {block.timeout_s} {{"
                if block.slow
                else f"Invoke-Block '{block.name}' {{"
            )
            assert WHOLE.count(call) == 1, block.name

    def test_it_is_small_enough_to_be_sent_at_once(self) -> None:
        assert len(WHOLE) < 120_000

    def test_no_key_of_a_product_is_asked_for(self) -> None:
        asked = code(WHOLE) + degraded.COMMAND
        assert not re.search(r"DigitalProductId|BackupProductKey|RegisteredOwner", asked)
        assert not re.search(r"(?<!Partial)ProductKey\b", asked)


def test_the_stand_ins_of_the_tests_parse_too() -> None:
    assert defects(Path(__file__).with_name("stand_ins.ps1").read_text("utf-8")) == []


class TestTheGateItself:
    """A gate that finds nothing proves nothing."""

    @pytest.mark.parametrize(
        "bad",
        [
            "if ($a) { 'b'",
            "$a = @('x', 'y'",
            "$a = 'never ended",
            "$a = $b ?? 'c'",
            "$a ??= 'c'",
            "$a = $b ? 1 : 2",
        ],
    )
    def test_the_parser_sees_what_is_broken(self, bad: str) -> None:
        assert defects(bad)

    @pytest.mark.parametrize(
        "new", ["a && b", "a || b", "class A { }", "[Text.StringBuilder]::new()", "${a}?.b", "using module x"]
    )
    def test_the_second_check_sees_what_is_too_new(self, new: str) -> None:
        assert NEWER.search(new)

    @pytest.mark.parametrize(
        "call",
        [
            "$session.CreateUpdateDownloader()",
            "Get-WmiObject Win32_Product",
            "$key.SetValue('a', 1)",
            "$key.OpenSubKey('a', $true)",
        ],
    )
    def test_what_is_never_called_is_seen(self, call: str) -> None:
        assert NEVER.search(call)

    def test_aliases_are_no_commands_of_ours(self) -> None:
        assert commands("gwmi Win32_BIOS | ? { $_ } | % { $_ }") >= {"gwmi"}
        assert not commands("gwmi x") <= CMDLETS

    def test_all_scripts_are_looked_at(self) -> None:
        assert {path.stem for path in SCRIPTS} == {"prologue", *(block.name for block in discover())}
