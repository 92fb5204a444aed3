"""The monthly report by mail: composed, kept in the client's outbox, then sent by SMTP or Microsoft Graph, never twice.

compose.py    words and workbook -> the bytes of one message; checks that they are of one and the same client
outbox.py     what was composed and what became of it, in one file per client; written before anything is sent
carrier.py    what every way out answers: accepted, later, refused, not known
smtp.py       a mail server, over verified TLS
graph_mail.py sendMail of Microsoft Graph, with a permission and a client of its own: collectors only read
postman.py    takes messages of an outbox to a carrier, patiently, one process at a time
monthly.py    what `auditor audit` and `auditor mail` do: compose, keep, send, and say what became of it
"""
