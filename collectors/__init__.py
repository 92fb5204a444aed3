"""Read the world: machines, tenants and advisory feeds become typed facts.

First of the four layers (collectors -> rules -> reports, run by auditor). Everything that opens a socket to read
lives here. What could not be read becomes a `collectors.model.Gap`, never an empty list.
"""
