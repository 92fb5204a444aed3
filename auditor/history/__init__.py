"""The history of a client: one SQLite file of runs, what was seen, concluded and changed since the run before."""
