"""The documented schema of the json export, renewed: `python -m tests.reports.json_schema`."""

from pathlib import Path

from reports.json_schema import text

FILE = Path(__file__).parents[2] / "docs" / "assessment.schema.json"

if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), "utf-8")
