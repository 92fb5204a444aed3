"""Ways to run one script on one machine. A module declares `TRANSPORT`; `discover()` finds it.

Every transport runs the same script once (`sh -s` with the script on standard input) and hands back what came out,
also when it was cut short; see `collectors.transports.base`.
"""
