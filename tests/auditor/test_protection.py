"""A password on the workbooks: they open with it and not without; what it takes is asked before anything is visited."""

import io
from pathlib import Path

import msoffcrypto
import openpyxl
import pytest

from auditor import protection
from auditor.cli import main
from auditor.config import load
from auditor.errors import SecretError, SettingsError
from auditor.protection import protected, report_password
from auditor.rendering import Wish, manager_workbook, rendered, write_reports
from auditor.secrets import Resolver
from collectors.credentials import Secret
from reports.workbook import file_name, render
from tests.lab import assessments as lab
from tests.lab.returned import folder_of

SETTINGS = '[client]\nname = "Dubois"\n{report}\n'


def client(folder: Path, report: str):
    file = folder / "client.toml"
    file.write_text(SETTINGS.format(report=report), "utf-8")
    return load(file, languages=("en", "fr"))


def opened(content: bytes, password: str) -> bytes:
    office, out = msoffcrypto.OfficeFile(io.BytesIO(content)), io.BytesIO()
    office.load_key(password=password)
    office.decrypt(out)
    return out.getvalue()


def test_a_protected_workbook_opens_with_its_password_alone():
    plain = render(lab.alone(), "en")
    content = protected(plain, Secret("Boulangerie 75"))
    assert msoffcrypto.OfficeFile(io.BytesIO(content)).is_encrypted()
    assert opened(content, "Boulangerie 75") == plain
    with pytest.raises(msoffcrypto.exceptions.InvalidKeyError):
        opened(content, "boulangerie 75")


def test_both_workbooks_are_protected_and_other_exports_are_what_they_are(tmp_path):
    wish = Wish(folder=tmp_path, languages=("fr",), exports=("csv",), annex=True, password=Secret("secret"))
    delivered, problems = write_reports(lab.alone(), wish)
    assert not problems
    books = [item.path for item in delivered if item.path.suffix == ".xlsx"]
    assert len(books) == 2
    for path in books:
        book = openpyxl.load_workbook(io.BytesIO(opened(path.read_bytes(), "secret")))
        assert book.sheetnames
    assert any(item.path.suffix == ".csv" for item in delivered)
    assert "secret" not in repr(wish)


def test_without_a_password_nothing_is_encrypted_and_the_technicians_workbook_is_asked_for():
    wish = Wish(folder=Path(), languages=("fr", "en"), annex=True, exports=("annex",))
    files = dict(rendered(lab.alone(), wish))
    assert len(files) == 4  # asked for twice, written once in each language
    assert file_name(lab.alone(), "fr") in files
    assert all(openpyxl.load_workbook(io.BytesIO(content)).sheetnames for content in files.values())
    assert len(rendered(lab.alone(), Wish(folder=Path(), languages=("fr",)))) == 1


def test_the_client_file_names_the_password_by_a_reference(tmp_path, monkeypatch):
    monkeypatch.setenv("DUBOIS_REPORT", "75 croissants")
    settings = client(tmp_path, '[report]\npassword = "env:DUBOIS_REPORT"')
    assert report_password(settings, Resolver()).reveal() == "75 croissants"
    assert report_password(client(tmp_path, ""), Resolver()) is None


def test_a_password_in_clear_is_refused_and_not_repeated(tmp_path):
    with pytest.raises(SettingsError) as refused:
        client(tmp_path, '[report]\npassword = "75 croissants"')
    assert "report.password" in str(refused.value)
    assert "croissants" not in str(refused.value)


def test_a_reference_that_leads_nowhere_is_told_by_its_purpose(tmp_path, monkeypatch):
    monkeypatch.delenv("DUBOIS_REPORT", raising=False)
    with pytest.raises(SecretError, match="DUBOIS_REPORT"):
        report_password(client(tmp_path, '[report]\npassword = "env:DUBOIS_REPORT"'), Resolver())


def test_without_the_extra_it_is_refused_with_the_cure_before_anything_is_visited(tmp_path, monkeypatch):
    monkeypatch.setenv("DUBOIS_REPORT", "75 croissants")
    monkeypatch.setattr(protection, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"patch-license-auditor\[protect\]"):
        report_password(client(tmp_path, '[report]\npassword = "env:DUBOIS_REPORT"'), Resolver())


def test_a_password_nobody_can_type_into_excel_is_refused_and_not_repeated(tmp_path, monkeypatch):
    password = "x" * 256
    monkeypatch.setenv("DUBOIS_REPORT", password)
    with pytest.raises(SettingsError) as refused:
        report_password(client(tmp_path, '[report]\npassword = "env:DUBOIS_REPORT"'), Resolver())
    assert "1 to 255 characters" in str(refused.value)
    assert password not in str(refused.value)


def test_an_empty_password_protects_nothing_and_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DUBOIS_REPORT", "")
    with pytest.raises((SettingsError, SecretError)):
        report_password(client(tmp_path, '[report]\npassword = "env:DUBOIS_REPORT"'), Resolver())


def test_what_encrypts_says_nothing_of_the_password_in_the_log(caplog):
    content = render(lab.alone(), "en")
    with caplog.at_level("DEBUG"):
        protected(content, Secret("Boulangerie 75"))
    assert "Boulangerie" not in caplog.text


def test_the_workbook_that_goes_along_with_a_mail_is_the_protected_one():
    wish = Wish(folder=None, languages=("en", "fr"), annex=True, exports=("csv",), password=Secret("Boulangerie 75"))
    attached = manager_workbook(lab.alone(), wish, "fr")
    assert attached.name == file_name(lab.alone(), "fr")
    assert opened(attached.content, "Boulangerie 75") == render(lab.alone(), "fr")


def test_a_report_written_again_is_protected_and_the_password_stands_nowhere(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("DUBOIS_REPORT", "75-croissants")
    folder = folder_of(tmp_path / "dubois", lab.alone(), more='[report]\npassword = "env:DUBOIS_REPORT"\n')
    assert main(["--debug", "report", str(folder)]) == 0
    books = list((folder / "reports").glob("*.xlsx"))
    assert len(books) == 2
    assert all(msoffcrypto.OfficeFile(io.BytesIO(book.read_bytes())).is_encrypted() for book in books)
    said = capfd.readouterr()
    assert "croissants" not in said.out + said.err
    assert not [file for file in folder.rglob("*") if file.is_file() and b"croissants" in file.read_bytes()]


def test_without_the_extra_an_audit_ends_before_it_visits_or_writes_anything(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DUBOIS_REPORT", "75-croissants")
    monkeypatch.setattr(protection, "find_spec", lambda _: None)
    machine = '[[machines]]\nname = "srv"\naddress = "127.0.0.1"\n[credentials.main]\nuser = "audit"\n'
    more = f'[report]\npassword = "env:DUBOIS_REPORT"\n[connection]\ncredential = "main"\n{machine}'
    folder = folder_of(tmp_path / "dubois", name="Dubois", more=more)
    assert main(["audit", str(folder)]) == 2
    assert "patch-license-auditor[protect]" in capsys.readouterr().err
    assert [file.name for file in folder.iterdir()] == ["client.toml"]
