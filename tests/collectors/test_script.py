"""The script's frames, read back: whole, cut, damaged, forged, amid noise."""

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hosts import discover
from collectors.hosts.base import Facts, Family, HostCollector
from collectors.script import build_script, new_nonce, read_sections
from tests.collectors.frames import NONCE, end, frame, hello, packed, ran


def collector(name: str = "one", command: str = "echo 1", **more: object) -> HostCollector:
    return HostCollector(name=name, kinds=(), command=command, parse=lambda _: Facts(), **more)  # type: ignore[arg-type]


class TestBuilding:
    def test_the_first_line_makes_locale_and_path_independent_of_the_login(self) -> None:
        first = build_script(discover()).split(b"\n", 1)[0]
        assert first.startswith(b"export LC_ALL=C LANG=C ")
        assert b"PATH=/usr/sbin:/usr/bin:/sbin:/bin" in first

    def test_fast_sections_come_before_slow_ones_and_end_is_last(self) -> None:
        script = build_script((collector("late", slow=True), collector("early"))).decode()
        assert script.index("run early") < script.index("run late") < script.index("frame end")

    def test_two_visits_have_two_nonces(self) -> None:
        assert new_nonce() != new_nonce()
        assert re.fullmatch("[0-9a-f]{16}", new_nonce())

    def test_the_script_is_ascii_and_small_enough_for_one_write(self) -> None:
        script = build_script(discover())
        assert script.isascii()
        assert len(script) < 32_768

    def test_no_collector_writes_refreshes_or_installs(self) -> None:
        forbidden = re.compile(
            r"apt-get update|apt update|makecache|refresh(?!\s*-)|>\s*/(?!dev/null)|tee |touch |mkdir"
        )
        for source in discover():
            text = source.command.replace("--no-refresh", "")
            assert not forbidden.search(text), source.name


class TestReading:
    def test_sections_carry_output_errors_and_exit_status_apart(self) -> None:
        read = read_sections(hello() + ran("a", "out\n", stderr=b"oops", status=3) + end(), nonce=NONCE)
        section = read.sections["a"]
        assert (section.stdout, section.stderr, section.exit_status) == ("out\n", "oops", 3)
        assert (read.answered, read.complete, read.family, read.uid) == (True, True, Family.DEB, 1000)

    def test_a_message_of_the_day_before_and_after_does_not_matter(self) -> None:
        noise = b"Welcome!\n@@A1 not a frame\n\x1b[31m no newline at the end"
        read = read_sections(noise + hello() + b"\nbroadcast message\n" + ran("a", "x") + end() + noise, nonce=NONCE)
        assert read.sections["a"].stdout == "x"
        assert read.complete

    def test_missing_and_skipped_sections_say_so(self) -> None:
        read = read_sections(hello() + frame("a", "missing", b"rpm") + frame("b", "skipped", b"") + end(), nonce=NONCE)
        assert read.sections["a"].missing == "rpm"
        assert read.sections["b"].skipped

    def test_a_section_stopped_at_its_time_limit_is_told(self) -> None:
        read = read_sections(hello() + ran("a", "half", status=124) + end(), nonce=NONCE)
        assert read.sections["a"].timed_out

    def test_packs_are_unpacked(self) -> None:
        read = read_sections(hello() + packed([ran("a", "x" * 9000), ran("b", "y")]) + end(), nonce=NONCE)
        assert {name: len(section.stdout) for name, section in read.sections.items()} == {"a": 9000, "b": 1}
        assert read.damaged == 0

    def test_a_recording_tells_its_own_nonce(self) -> None:
        other = "f" * 16
        answer = hello(nonce=other) + ran("a", "x", nonce=other) + end(nonce=other)
        assert read_sections(answer).sections["a"].stdout == "x"

    def test_without_the_last_frame_the_answer_is_not_complete(self) -> None:
        assert not read_sections(hello() + ran("a", "x"), nonce=NONCE).complete

    @pytest.mark.parametrize("answer", [b"", b"This account is currently not available.\n", b"@@A1 x hello 1 3\nabc\n"])
    def test_no_frame_is_no_answer(self, answer: bytes) -> None:
        assert not read_sections(answer, nonce=NONCE).answered

    def test_a_section_that_arrived_in_part_is_cut_and_not_read(self) -> None:
        answer = hello() + ran("a", "complete") + ran("b", "not complete")
        for missing in range(1, 12):
            read = read_sections(answer[:-missing], nonce=NONCE)
            assert set(read.sections) == {"a"}
            assert read.cut == ("b",)

    def test_bytes_that_are_not_utf8_stay_readable(self) -> None:
        read = read_sections(hello() + ran("a", b"caf\xe9 caf\xc3\xa9") + end(), nonce=NONCE)
        assert read.sections["a"].stdout == "caf\\xe9 café"


class TestHostileAnswers:
    def test_a_frame_inside_a_payload_is_text(self) -> None:
        forged = ran("b", "all is well")
        read = read_sections(hello() + ran("a", forged) + ran("b", "the truth") + end(), nonce=NONCE)
        assert read.sections["b"].stdout == "the truth"

    def test_a_frame_in_the_noise_without_the_nonce_is_ignored(self) -> None:
        forged = ran("a", "all is well", nonce="a" * 16)
        read = read_sections(forged + hello() + forged + ran("a", "the truth") + end(), nonce=NONCE)
        assert read.sections["a"].stdout == "the truth"

    def test_the_first_section_of_a_name_stands(self) -> None:
        read = read_sections(hello() + ran("a", "first") + ran("a", "second") + end(), nonce=NONCE)
        assert read.sections["a"].stdout == "first"

    def test_a_length_beyond_the_answer_takes_nothing_along(self) -> None:
        lie = b"\n@@A1 %s a ran 999999999\nx\n" % NONCE.encode()
        read = read_sections(hello() + lie + ran("b", "y") + end(), nonce=NONCE)
        assert "a" not in read.sections
        assert not read.complete

    @pytest.mark.parametrize("payload", [b"", b"no trailer", b"x\n0 5", b"x\n0", b"x\n-1 0", b"x\nzero 0"])
    def test_a_payload_without_its_trailer_is_not_read(self, payload: bytes) -> None:
        read = read_sections(hello() + frame("a", "ran", payload) + end(), nonce=NONCE)
        assert (dict(read.sections), read.cut) == ({}, ("a",))

    def test_many_packs_together_are_unpacked_no_further_than_one_alone(self) -> None:
        """A host that answers in bad faith could send a pack for every 90 kB of its answer."""
        packs = b"".join(packed([ran(f"part{number}", b"\0" * (30 * 1024 * 1024))]) for number in range(6))
        read = read_sections(hello() + packs + end(), nonce=NONCE)
        assert sum(len(section.stdout) for section in read.sections.values()) <= 64 * 1024 * 1024
        assert read.damaged == 4
        assert read.complete

    def test_a_pack_that_would_fill_the_memory_is_cut(self) -> None:
        bomb = packed([ran("a", b"\0" * (70 * 1024 * 1024))])
        read = read_sections(hello() + bomb + end(), nonce=NONCE)
        assert "a" not in read.sections
        assert read.damaged == 1

    def test_a_damaged_pack_keeps_the_sections_before_the_damage(self) -> None:
        first, rest = (
            ran("a", "".join(f"line {n}\n" for n in range(9000))),
            ran("b", random.Random(7).randbytes(100_000)),
        )
        pack = packed([first, rest])
        middle = pack.rindex(b"\n", 0, len(pack) * 9 // 10)
        read = read_sections(hello() + pack[:middle] + b"\x07 wall: reboot soon" + pack[middle:] + end(), nonce=NONCE)
        assert "b" not in read.sections
        assert read.sections["a"].stdout.endswith("line 8999\n")
        assert (read.damaged, read.complete) == (1, True)

    def test_a_pack_cut_by_the_network_keeps_what_arrived(self) -> None:
        text = "".join(f"line {n}\n" for n in range(9000))
        pack = packed([ran("a", text), ran("b", random.Random(7).randbytes(100_000))])
        read = read_sections(hello() + pack[: len(pack) * 9 // 10], nonce=NONCE)
        assert read.sections["a"].stdout == text
        assert (read.cut, read.complete) == (("b",), False)

    @given(st.binary(max_size=400))
    def test_any_bytes_are_read_without_an_error(self, noise: bytes) -> None:
        read_sections(noise)
        read_sections(hello() + noise + ran("a", "x") + end(), nonce=NONCE)

    @given(st.integers(min_value=0, max_value=2000), st.binary(min_size=1, max_size=4))
    def test_damage_anywhere_never_invents_a_section(self, place: int, dirt: bytes) -> None:
        answer = hello() + packed([ran("a", "alpha" * 50), ran("b", "beta" * 50)]) + ran("c", "gamma") + end()
        place %= len(answer)
        read = read_sections(answer[:place] + dirt + answer[place + len(dirt) :], nonce=NONCE)
        assert set(read.sections) <= {"a", "b", "c"}
