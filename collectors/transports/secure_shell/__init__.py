"""Parts of the SSH transport. Only `collectors.transports.ssh` uses them; paramiko is loaded when it first connects."""
