"""Judges the whole estate: the license position, then every rule about installed software as a whole.

Machines are not kept: each snapshot is reduced to a `Device` as it is judged (`rules.software.devices.device_of`), each
tenant to its users' rights, and the position is made of these.
"""
