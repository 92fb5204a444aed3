"""Judging Windows machines: by build, edition and channel, never by a list of KB numbers or a product name."""
