"""What a visit over WinRM needs; `collectors.transports.winrm` is its entry point.

pywinrm's `Protocol` writes the WS-Management messages. Everything below it is ours: one socket per host, security
contexts of pyspnego, sealing, certificates. pywinrm's own way (requests, urllib3, look-ups of proxies and CA files,
the password hashed anew for every host) costs three quarters of its time, waits without a deadline and reads the
environment. From the socket up: `connection`, `http`, `certificates`, `authentication` and `kerberos`, `sealing`,
`session`, `shell`, `visit`; `faults` has the words.
"""
