"""Tables as people make them, in .csv, .xlsx and .toml files: every cell with its place, for errors."""
