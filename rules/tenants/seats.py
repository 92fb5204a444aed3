"""The arithmetic of seats: usable, needed, short, free, at risk. Pure numbers; unknown counts stay unknown.

Grace seats still work and are still assignable, so they count as usable; suspended and locked seats are shown apart and
are neither seats nor a surplus. `enabled - consumed`, which most tools use, raises a false alarm during the whole month
of grace.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Seats:
    """Seats of one SKU. `waiting` are people whose group assigns it and for whom no seat was left (case 34)."""

    enabled: int
    consumed: int
    warning: int = 0
    suspended: int = 0
    locked_out: int = 0
    waiting: int = 0

    @property
    def usable(self) -> int:
        """Seats that work today, grace included."""
        return self.enabled + self.warning

    @property
    def need(self) -> int:
        """Seats in use and seats people wait for."""
        return self.consumed + self.waiting

    @property
    def without_service(self) -> int:
        """People who hold the SKU while nothing of it is usable and seats are suspended or locked (case 4)."""
        return self.consumed if not self.usable and self.suspended + self.locked_out > 0 else 0

    @property
    def deficit(self) -> int:
        """Seats that are missing; none where people are without service: that is another verdict."""
        return 0 if not self.usable and self.suspended + self.locked_out > 0 else max(0, self.need - self.usable)

    @property
    def free(self) -> int:
        """Usable seats nobody holds or waits for."""
        return max(0, self.usable - self.need)

    @property
    def at_risk(self) -> int:
        """Seats in use that are lost when the grace period ends."""
        return max(0, self.need - self.enabled) if self.warning else 0
