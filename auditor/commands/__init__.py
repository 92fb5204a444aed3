"""The commands, one module each, named as the command is; `auditor.cli` loads a module when its command runs."""
