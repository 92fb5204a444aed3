"""What a script prints, kept up to a limit: one machine must not fill the memory of the auditor."""


class Capture:
    """Standard output and standard error of one script, together at most `limit_bytes`."""

    __slots__ = ("_errors", "_left", "_output", "truncated")

    def __init__(self, limit_bytes: int) -> None:
        self._output: list[bytes] = []
        self._errors: list[bytes] = []
        self._left = limit_bytes
        self.truncated = False

    def output(self, data: bytes) -> bool:
        """Keep what came on standard output; False once the limit cut something off."""
        return self._keep(self._output, data)

    def error(self, data: bytes) -> bool:
        """Keep what came on standard error; False once the limit cut something off."""
        return self._keep(self._errors, data)

    def _keep(self, stream: list[bytes], data: bytes) -> bool:
        if len(data) > self._left:
            data = data[: self._left]
            self.truncated = True
        self._left -= len(data)
        if data:
            stream.append(data)
        return not self.truncated

    @property
    def stdout(self) -> bytes:
        """Everything kept from standard output."""
        return b"".join(self._output)

    @property
    def stderr(self) -> bytes:
        """Everything kept from standard error."""
        return b"".join(self._errors)
