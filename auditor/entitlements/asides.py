"""Rows of a file of rights that are none: totals, headings of a section, remarks below the table.

Only what cannot be a right is left aside, and each is told; the rest is asked about.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

from auditor.entitlements import words
from auditor.spreadsheets.rows import Row
from auditor.spreadsheets.values import UnreadableError, count, plain

_TOTAL = "is a total, and is not counted"
_WORDS = frozenset({"product", "id", "publisher", "proof", "note"})
_MONEY = frozenset({"unit_price", "yearly_price", "monthly_price", "currency"})


class Asides:
    """Tells which of a file's rows are no rights. Rows must be asked about in the file's order."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._remarks = frozenset(_remarks(rows))
        self._quantity: dict[str, list[int]] = {}

    def counted(self, row: Row, quantity: int) -> None:
        """Remember a right's quantity: a total below is known by its sum."""
        sums = self._quantity.setdefault(_table(row), [0, 0])
        sums[:] = [sums[0] + quantity, sums[1] + quantity]

    def what(self, row: Row) -> str:
        """What a row is instead of a right, as the end of a sentence; "" for one that may be one."""
        if self._is_total(row):
            if sums := self._quantity.get(_table(row)):
                sums[1] = 0  # the next one may be a total of what follows
            return _TOTAL
        if row.place in self._remarks:
            return "is a remark below the table, and is not read"
        if only_a_product(row) and plain(row.text("product")) in _publishers():
            return "is the heading of a section, and is not read"
        return ""

    def _is_total(self, row: Row) -> bool:
        product = plain(row.text("product"))
        if product:
            return product in words.TOTALS or product.startswith(words.SURELY_TOTALS)
        if any(plain(row.text(column)) in words.TOTALS for column in row.values if column != "quantity"):
            return True
        if not _filled(row) <= {"quantity", *_MONEY} or row.faults:
            return False
        try:
            quantity = count(row.values.get("quantity"))
        except UnreadableError:
            return False
        return bool(quantity) and quantity in self._quantity.get(_table(row), ())


def only_a_product(row: Row) -> bool:
    """Whether nothing but a product is named in a row."""
    return not row.faults and _filled(row) == {"product"}


def _only_words(row: Row) -> bool:
    """Whether one text stands in a row, in a column that cannot make a right by itself."""
    return not row.faults and len(_filled(row)) == 1 and _filled(row) <= _WORDS


def _filled(row: Row) -> set[str]:
    return {column for column in row.values if row.text(column)}


def _table(row: Row) -> str:
    return row.place.rpartition("row ")[0]


def _remarks(rows: Sequence[Row]) -> Iterator[str]:
    """Places of texts at the very end of a sheet, apart from its table by an empty line; none names a product.

    They stand below whatever column comes first, so that of the columns of words each will do.
    """
    from rules.products import product_named

    for _, of_table in groupby(rows, _table):
        tail: list[Row] = []
        for row in reversed(list(of_table)):
            if not _only_words(row) or product_named(row.text("product")) is not None:
                break
            tail.insert(0, row)
        apart = next((number for number, row in enumerate(tail) if row.after_gap), len(tail))
        yield from (row.place for row in tail[apart:])


def _publishers() -> frozenset[str]:
    from rules.products import products

    named = {product.publisher for product in products() if product.publisher}
    return frozenset(plain(name) for publisher in named for name in (publisher, publisher.split()[0]))
