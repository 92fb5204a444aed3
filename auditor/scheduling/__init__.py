"""Monthly audits by the machine's own scheduler: a systemd timer, a cron line or a task of Windows' Task Scheduler.

Each module turns one `Schedule` into the text its scheduler reads, and installs it where it is asked to. Nothing of
ours stays running in between.
"""
