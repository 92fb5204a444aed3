"""The demonstration's Microsoft 365 tenant: `tenant.toml` tells what it owns and who works there, for people to read.

`answers` turns it into what Microsoft Graph would answer, `recordings` lets the real client ask and keeps what came, so
that a demonstration run plays the recording of a visit. All people, prices and dates of use are made up.
"""
