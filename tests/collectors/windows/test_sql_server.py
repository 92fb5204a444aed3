"""SQL Server: named instances, features, both views, LocalDB, and what is no instance."""

from collectors.model import FactKind, GapReason
from collectors.windows.block import WindowsPart
from collectors.windows.blocks.sql_server import BLOCK
from collectors.windows.facts import SqlInstance
from tests.collectors.windows.cases import part_of


def test_W25_each_instance_has_its_build_edition_and_features() -> None:
    part = part_of(BLOCK, "standard_and_named_express")
    assert part.gaps == ()
    assert part.sql_instances == (
        SqlInstance(
            name="MSSQLSERVER",
            version="15.0.4430.1",
            edition="Standard Edition",
            features=(
                "database-engine",
                "analysis-services",
                "SQL_Engine_Core_Inst",
                "SQL_Engine_Core_Shared",
                "SQL_Replication_Core_Inst",
            ),
            instance_id="MSSQL15.MSSQLSERVER",
            service_pack=0,
        ),
        SqlInstance(
            name="SAGE",
            version="13.3.6300.2",
            edition="Express Edition",
            features=("database-engine", "reporting-services"),
            instance_id="MSSQL13.SAGE",
            service_pack=3,
        ),
    )


def test_an_instance_in_both_views_is_one_and_the_view_with_its_setup_key_tells() -> None:
    part = part_of(BLOCK, "both_views")
    assert [(one.name, one.version) for one in part.sql_instances] == [
        ("COMPTA", "12.3.6164.21"),
        ("MSSQLSERVER", "15.0.4430.1"),
    ]
    assert part.gaps == ()


def test_localdb_is_told_by_its_program_file() -> None:
    assert [(one.name, one.version, one.edition) for one in part_of(BLOCK, "localdb").sql_instances] == [
        ("LocalDB", "13.0.4001.0", "LocalDB"),
        ("LocalDB", "15.0.4382.1", "LocalDB"),
    ]


def test_case_57_developer_is_told_apart_and_version_counts_where_no_patch_was_applied() -> None:
    (instance,) = part_of(BLOCK, "developer_without_patch").sql_instances
    assert (instance.edition, instance.version) == ("Developer Edition", "16.0.1000.6")


def test_the_internal_database_of_windows_is_no_instance() -> None:
    assert part_of(BLOCK, "windows_internal_database") == WindowsPart()


def test_reporting_services_since_2017_have_versions_of_their_own_and_are_no_instance() -> None:
    (cubes,) = part_of(BLOCK, "reporting_services_apart").sql_instances
    assert (cubes.name, cubes.features) == ("CUBES", ("analysis-services",))


def test_no_instance_is_an_answer() -> None:
    assert part_of(BLOCK, "none") == WindowsPart()


def test_an_instance_without_a_version_is_counted_and_the_good_one_stays() -> None:
    part = part_of(BLOCK, "garbled")
    assert [(one.name, one.service_pack) for one in part.sql_instances] == [("GOOD", 0)]
    instances, local = part.gaps
    assert instances.reason is GapReason.UNPARSABLE
    assert instances.detail.startswith("4 of 5 rows not understood")
    assert "LEFTOVER" in instances.detail
    assert local.detail.startswith("1 of 1 rows")


def test_a_refusal_is_a_gap() -> None:
    (gap,) = part_of(BLOCK, "no_admin").gaps
    assert (gap.kind, gap.reason) == (FactKind.SQL_SERVER, GapReason.DENIED)
