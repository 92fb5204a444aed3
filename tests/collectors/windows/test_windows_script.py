"""The Windows script as it is sent, and its frames read back: whole, cut, damaged, amid noise."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hosts.base import Family
from collectors.script import read_sections
from collectors.windows.blocks import discover
from collectors.windows.script import build_windows_script
from tests.collectors.frames import NONCE, end, frame
from tests.collectors.windows.cases import load
from tests.collectors.windows.frames import ADMINISTRATOR, CLIENT, answer, hello, packed

ENVELOPE = '{"s":"ok","e":"","d":[],"v":{"titre":"Mise à jour €"}}'


class TestBuilding:
    def test_facts_come_first_and_the_slow_search_last(self) -> None:
        script = build_windows_script(discover()).decode()
        calls = re.findall(r"(?m)^Invoke-(Slow)?Block '(\w+)'", script)
        assert [name for _, name in calls] == [block.name for block in discover()]
        assert calls[-1] == ("Slow", "update_search")
        assert script.index("Send-Frame 'hello'") < script.index("Invoke-Block 'system'")
        assert (
            script.rindex("[Environment]::Exit(0)") > script.rindex("Send-Frame 'end'") > script.index("update_search")
        )

    def test_two_visits_have_two_nonces(self) -> None:
        nonces = {re.findall(rb"Nonce = '([0-9a-f]{16})'", build_windows_script(()))[0] for _ in range(2)}
        assert len(nonces) == 2

    @pytest.mark.parametrize(("deadline_s", "budget_s"), [(120.0, 110), (600.0, 590), (20.0, 18), (0.5, 1)])
    def test_slow_blocks_end_before_the_deadline_of_the_host(self, deadline_s: float, budget_s: int) -> None:
        assert f"Budget = {budget_s};".encode() in build_windows_script((), deadline_s=deadline_s)

    def test_a_block_stands_in_the_script_as_it_was_written(self) -> None:
        script = build_windows_script(block for block in discover() if block.name == "reboot").decode()
        assert script.count("\nInvoke-Block") == 1
        assert "Component Based Servicing" in script


class TestReading:
    def test_a_block_is_unpacked_and_the_shell_is_known(self) -> None:
        read = read_sections(hello() + packed("system", ENVELOPE) + end(), nonce=NONCE)
        assert (read.answered, read.complete, read.family) == (True, True, Family.WINDOWS)
        assert (read.elevated, read.powershell_version, read.language_mode) == (True, "5.1.26100.7019", "FullLanguage")
        assert read.uid is None
        assert read.sections["system"].stdout == ENVELOPE

    @pytest.mark.parametrize("words", ["windows", "windows 0", "windows 0 5.1", "windows x y z more"])
    def test_a_first_frame_that_says_less_is_no_administrators(self, words: str) -> None:
        read = read_sections(hello(words) + end(), nonce=NONCE)
        assert read.family is Family.WINDOWS
        assert not read.elevated

    def test_text_of_a_profile_around_the_frames_does_not_matter(self) -> None:
        noise = b"Bienvenue sur SRV-AD\r\n@@A1 rien\r\n"
        stdout = noise + hello() + noise + packed("system", ENVELOPE) + noise + end() + noise
        read = read_sections(stdout, nonce=NONCE)
        assert read.sections["system"].stdout == ENVELOPE
        assert read.complete

    def test_a_damaged_block_is_named_and_the_others_stay(self) -> None:
        bad = packed("updates", ENVELOPE).replace(b"H4sI", b"H4s!")
        read = read_sections(hello() + bad + packed("system", ENVELOPE) + end(), nonce=NONCE)
        assert list(read.sections) == ["system"]
        assert read.cut == ("updates",)
        assert read.damaged == 1

    def test_half_a_payload_of_the_right_length_is_no_answer(self) -> None:
        text = packed("updates", ENVELOPE).split(b"\n")[2]
        read = read_sections(hello() + frame("updates", "z", text[: len(text) // 8 * 4]) + end(), nonce=NONCE)
        assert read.cut == ("updates",)

    def test_an_answer_that_unpacks_without_end_is_cut(self) -> None:
        bomb = packed("updates", " " * (65 * 1024 * 1024))
        read = read_sections(hello() + bomb + end(), nonce=NONCE)
        assert read.cut == ("updates",)

    def test_a_forged_frame_inside_a_block_is_not_read(self) -> None:
        forged = frame("updates", "z", b"x").decode()
        read = read_sections(hello() + packed("system", forged) + end(), nonce=NONCE)
        assert list(read.sections) == ["system"]
        assert read.cut == ()

    def test_the_first_answer_of_a_block_counts(self) -> None:
        read = read_sections(hello() + packed("system", "{}") + packed("system", ENVELOPE) + end(), nonce=NONCE)
        assert read.sections["system"].stdout == "{}"

    @given(st.data())
    def test_whatever_is_cut_off_no_block_is_told_by_halves(self, data: st.DataObject) -> None:
        whole = answer(CLIENT)
        keep = data.draw(st.integers(0, len(whole) - 1))
        read = read_sections(whole[:keep], nonce=NONCE)
        for name, section in read.sections.items():
            assert section.stdout == load(name, CLIENT[name]).text
        assert read.complete is (keep >= whole.rindex(b"\n1\n") + 3)

    @given(st.data())
    def test_one_changed_byte_never_changes_what_a_block_tells(self, data: st.DataObject) -> None:
        whole = bytearray(answer(CLIENT))
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        genuine = {load(name, oddity).text for name, oddity in CLIENT.items()}
        assert {section.stdout for section in read_sections(bytes(whole), nonce=NONCE).sections.values()} <= genuine

    def test_a_recording_tells_its_own_nonce(self) -> None:
        other = "f" * 16
        assert read_sections(answer(CLIENT, ADMINISTRATOR, nonce=other)).elevated
