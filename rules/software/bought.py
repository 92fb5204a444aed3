"""Lines of the position for what was bought and is not installed under this name."""

from rules.products import plain_text, products
from rules.rights import Metric
from rules.software.cores import WINDOWS_SERVER
from rules.software.matching import Right
from rules.software.needs import Need
from rules.software.servers import edition_counts_cores

ACCESS_METRICS = frozenset({Metric.USER_CAL, Metric.DEVICE_CAL})
_UNVERSIONED = frozenset({"windows"})


def need_of(right: Right) -> Need:
    """A line for what was bought and is not installed under this name."""
    bought = right.entitlement
    product = next((one for one in products() if one.id == right.product), None)
    if product is None:
        plain = plain_text(bought.product)
        return Need(product=f"program:{plain}", name=bought.product, publisher=bought.publisher, metric=bought.metric)
    edition = next((one.name for one in product.editions if plain_text(one.name) == right.edition), bought.edition)
    version = "" if product.id in _UNVERSIONED or bought.metric in ACCESS_METRICS else right.version
    by_core = product.id == WINDOWS_SERVER and edition_counts_cores(right)
    return Need(
        product=product.id,
        name=product.name,
        publisher=product.publisher or bought.publisher,
        edition=edition,
        version=version,
        metric=Metric.CORE if by_core and bought.metric is not Metric.SITE else bought.metric,
        usual=product.metric,
    )


def may_be_personal(need: Need) -> bool:
    """Whether a product that was not seen may be one a person has alone: Microsoft's and what servers run are not."""
    product = next((one for one in products() if one.id == need.product), None)
    return (
        product is not None and product.publisher != "Microsoft" and need.metric not in (*ACCESS_METRICS, Metric.CORE)
    )
