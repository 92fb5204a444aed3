"""One file per rule, each declaring `RULE`; `discover()` finds it. The file, the test and the anchor carry its id."""
