"""What a client's audits rest on, checked before they run: files, credentials, machines, tenants, feeds, mail, place.

A check is a question about one subject with an answer in one line and a cure. Each module yields the `Section`s of one
subject; `examination` puts them together. Nothing is changed anywhere, on this machine or on any other.
"""
