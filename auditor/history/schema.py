"""The form of a history file: its tables, and what makes a form of the form before it.

The file says who wrote it (application_id) and in which form (user_version). A form only ever gains tables and columns.
"""

APPLICATION_ID = 0x41554449  # "AUDI"
FORM = 3

_RUNS = """
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  client TEXT NOT NULL,
  started_at TEXT NOT NULL,
  finished_at TEXT,
  product_version TEXT NOT NULL,
  state TEXT NOT NULL,
  demo INTEGER NOT NULL DEFAULT 0,
  as_of TEXT,
  before_id INTEGER,
  people_removed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE snapshots (
  run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  target TEXT NOT NULL,
  taken_at TEXT NOT NULL,
  machine_id TEXT NOT NULL,
  reached INTEGER NOT NULL,
  body BLOB NOT NULL,
  kind TEXT NOT NULL DEFAULT 'host',
  PRIMARY KEY (run_id, target)
);
CREATE TABLE assessments (
  run_id INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
  as_of TEXT NOT NULL,
  body BLOB NOT NULL
);
CREATE TABLE findings (
  run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  fingerprint TEXT NOT NULL,
  rule TEXT NOT NULL,
  subject TEXT NOT NULL,
  key TEXT NOT NULL,
  outcome TEXT NOT NULL,
  severity TEXT NOT NULL,
  state TEXT NOT NULL,
  released_on TEXT,
  due_on TEXT,
  installed TEXT NOT NULL DEFAULT '',
  limited INTEGER NOT NULL DEFAULT 0,
  doubts TEXT NOT NULL DEFAULT '',
  person INTEGER NOT NULL DEFAULT 0,
  first_on TEXT,
  PRIMARY KEY (run_id, fingerprint)
) WITHOUT ROWID;
CREATE INDEX findings_by_fingerprint ON findings (fingerprint, run_id);
"""

# What a run was to look at, how it compares with the run before, its figures, and the feeds it rested on.
_COMPARISONS = """
CREATE TABLE subjects (
  run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  kind TEXT NOT NULL,
  reached INTEGER NOT NULL,
  identity TEXT NOT NULL,
  installed_on TEXT,
  PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
CREATE TABLE changes (
  run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  change TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  rule TEXT NOT NULL,
  subject TEXT NOT NULL,
  key TEXT NOT NULL,
  severity TEXT NOT NULL,
  state TEXT NOT NULL,
  released_on TEXT,
  due_on TEXT,
  installed TEXT NOT NULL,
  first_on TEXT,
  last_on TEXT,
  deadline TEXT NOT NULL,
  person INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (run_id, change, fingerprint)
) WITHOUT ROWID;
CREATE TABLE figures (
  run_id INTEGER PRIMARY KEY REFERENCES runs(id) ON DELETE CASCADE,
  complete INTEGER NOT NULL,
  body TEXT NOT NULL
);
CREATE TABLE feed_states (
  run_id INTEGER NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  fetched_at TEXT,
  published_at TEXT,
  sha256 TEXT NOT NULL,
  stale INTEGER NOT NULL,
  PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
"""

_TO_2 = "ALTER TABLE snapshots ADD COLUMN kind TEXT NOT NULL DEFAULT 'host'"  # tenants beside machines
_TO_3 = """
ALTER TABLE runs ADD COLUMN as_of TEXT;
ALTER TABLE runs ADD COLUMN before_id INTEGER;
ALTER TABLE runs ADD COLUMN people_removed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN installed TEXT NOT NULL DEFAULT '';
ALTER TABLE findings ADD COLUMN limited INTEGER NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN doubts TEXT NOT NULL DEFAULT '';
ALTER TABLE findings ADD COLUMN person INTEGER NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN first_on TEXT
"""
_FILL_3 = """
UPDATE runs SET as_of = (SELECT as_of FROM assessments WHERE run_id = runs.id);
INSERT INTO subjects SELECT run_id, target, kind, reached, machine_id, NULL FROM snapshots
"""


def statements(script: str) -> list[str]:
    """The single statements of a script; none of ours has a semicolon inside."""
    return [statement for part in script.split(";") if (statement := part.strip())]


CREATE = statements(_RUNS + _COMPARISONS)
MIGRATIONS = {
    1: statements(_TO_2),
    2: statements(_TO_3) + statements(_COMPARISONS) + statements(_FILL_3),
}  # form -> what makes the next one of it
