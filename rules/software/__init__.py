"""Installed software against what was bought: recognition, counting, position, and the rules about the whole estate."""
