"""Judging a Microsoft 365 tenant: seats, who holds them, plans that cover each other, mailboxes, activity, money."""
