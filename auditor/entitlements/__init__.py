"""What a client bought: licenses.xlsx, .csv or .toml in its folder, and the template it is filled in from."""
