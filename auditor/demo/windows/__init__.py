"""Described Windows machines -> what the PowerShell script of a visit would have sent home.

`described` reads `machines/*.toml` and `systems/windows-*.toml`, `answers` makes every block's JSON of them, and
`recordings` frames it. A new block without an answer here fails the suite, as for Linux.
"""
