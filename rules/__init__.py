"""Judge facts: pure functions from snapshots, knowledge, contract and a date to findings. No I/O, no clock."""
