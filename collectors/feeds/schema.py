"""The tables of the compiled file. Whatever changes here raises SCHEMA_VERSION: the file is then rebuilt."""

DETAIL_SEPARATOR = "\x1f"
"""Between the fields of a detail; only the last one may hold the separator itself."""

DETAIL_FIELDS = ("kind", "state", "module", "entitlement", "remedy", "remedy_kind", "reason")
"""What rows of one vendor mostly share; stored once as one text, in this order."""

SCHEMA_VERSION = 3
APPLICATION_ID = 0x41554446  # "AUDF"

SCHEMA = """
CREATE TABLE feed (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL, url TEXT NOT NULL, licence TEXT NOT NULL,
  max_age_days INTEGER NOT NULL, fetched_at TEXT, checked_at TEXT, published_at TEXT, sha256 TEXT NOT NULL,
  size_bytes INTEGER NOT NULL, records INTEGER NOT NULL, edition TEXT NOT NULL, error TEXT NOT NULL,
  covers TEXT NOT NULL, announces INTEGER NOT NULL, patch_tuesday INTEGER NOT NULL, source_key TEXT NOT NULL);
CREATE TABLE name (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
CREATE TABLE member (feed INTEGER PRIMARY KEY, entries BLOB NOT NULL);
CREATE TABLE advisory (
  feed INTEGER NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL, title TEXT NOT NULL, severity TEXT NOT NULL,
  cvss REAL, issued_on TEXT, cves TEXT NOT NULL, security INTEGER NOT NULL, url TEXT NOT NULL,
  member INTEGER NOT NULL, PRIMARY KEY (feed, number)) WITHOUT ROWID;
CREATE TABLE affected (
  feed INTEGER NOT NULL, release INTEGER NOT NULL, package INTEGER NOT NULL, advisory INTEGER NOT NULL,
  detail INTEGER NOT NULL, fixed_version TEXT NOT NULL,
  PRIMARY KEY (feed, release, package, advisory, detail, fixed_version)) WITHOUT ROWID;
CREATE TABLE exploited (
  feed INTEGER NOT NULL, cve TEXT NOT NULL, added_on TEXT NOT NULL, due_on TEXT NOT NULL,
  ransomware INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (feed, cve)) WITHOUT ROWID;
CREATE TABLE probability (
  feed INTEGER NOT NULL, cve TEXT NOT NULL, probability REAL NOT NULL, percentile REAL NOT NULL,
  PRIMARY KEY (feed, cve)) WITHOUT ROWID;
CREATE TABLE lifecycle (
  feed INTEGER NOT NULL, product TEXT NOT NULL, cycle TEXT NOT NULL, codename TEXT NOT NULL, released_on TEXT,
  support_ends_on TEXT, extended_ends_on TEXT, extended_name TEXT NOT NULL, ended INTEGER, lts INTEGER NOT NULL,
  latest TEXT NOT NULL, PRIMARY KEY (feed, product, cycle)) WITHOUT ROWID;
CREATE TABLE affected_range (
  feed INTEGER NOT NULL, product TEXT NOT NULL, cve TEXT NOT NULL, introduced TEXT NOT NULL,
  fixed_version TEXT NOT NULL, last_affected TEXT NOT NULL, target TEXT NOT NULL, edition TEXT NOT NULL,
  PRIMARY KEY (feed, product, cve, introduced, fixed_version, last_affected, target, edition)) WITHOUT ROWID;
CREATE TABLE windows_build (
  feed INTEGER NOT NULL, build TEXT NOT NULL, kb TEXT NOT NULL, released_on TEXT, preview INTEGER NOT NULL,
  out_of_band INTEGER NOT NULL, hotpatch INTEGER NOT NULL, PRIMARY KEY (feed, build)) WITHOUT ROWID;
CREATE TABLE sku_name (
  feed INTEGER NOT NULL, sku TEXT NOT NULL, part_number TEXT NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY (feed, sku)) WITHOUT ROWID;
CREATE TABLE plan_name (
  feed INTEGER NOT NULL, plan TEXT NOT NULL, sku TEXT NOT NULL, name TEXT NOT NULL, title TEXT NOT NULL,
  PRIMARY KEY (feed, plan, sku)) WITHOUT ROWID;
"""
