r"""Sockets, cores and logical processors, and whether this is a virtual machine.

That a hypervisor runs proves nothing: a laptop with virtualization-based security has one, a Hyper-V host too. So the
maker and the model decide, then the firmware. Where these are the unnamed words of a white box and a hypervisor runs,
nobody can tell: None.

Source: Win32_Processor (one row per socket), Win32_ComputerSystem, the firmware's names in HARDWARE\DESCRIPTION, and
Guest\Parameters as Hyper-V's integration services write it.
"""

import re
from typing import Any

import msgspec

from collectors.hosts.base import Unreadable
from collectors.model import FactKind, GapReason
from collectors.windows.block import WindowsBlock, WindowsPart
from collectors.windows.blocks._rows import text
from collectors.windows.facts import ProcessorTopology

_NAME = "processors"

# (maker, model): both must match. Hyper-V and Azure name themselves "Virtual Machine", Surface is Microsoft's too.
_VIRTUAL = tuple(
    (re.compile(maker, re.IGNORECASE), re.compile(model, re.IGNORECASE))
    for maker, model in (
        (r"vmware", r""),
        (r"microsoft", r"virtual machine"),
        (r"", r"virtualbox|vmware|\bkvm\b|\bhvm domu\b|\bbhyve\b|parallels .*virtual|apple virtualization|virtualmac"),
        (r"innotek|qemu|bochs|\bxen\b|ovirt|rhev|joyent|bhyve", r""),
        (r"parallels", r""),
        (r"amazon ec2", r"^(?!.*metal)"),
        (r"google", r"google compute engine"),
        (r"red hat|fedora", r"kvm|rhev|openstack|ovirt"),
        (r"openstack|tencent cloud|huawei cloud|vultr|upcloud|exoscale", r""),
        (r"nutanix", r"\bahv\b"),
        (r"", r"openstack (?:nova|compute)|alibaba cloud ecs|cloudstack|standard pc \((?:q35|i440fx)"),
        (r"digitalocean|hetzner", r"droplet|vserver"),
        (r"scaleway", r"^scw-"),
    )
)
_VIRTUAL_FIRMWARE = re.compile(r"seabios|\bovmf\b|edk ii|virtualbox|\bqemu\b|\bxen\b|vmware|bochs", re.IGNORECASE)
_VIRTUAL_PROCESSOR = re.compile(r"\bqemu\b|\bkvm\b|virtual cpu", re.IGNORECASE)
_UNNAMED = re.compile(
    r"|to be filled by o\.?e\.?m\.?|system manufacturer|system product name|default string|o\.?e\.?m\.?"
    r"|not (?:specified|applicable|available)|none|unknown|n/a|empty|invalid|x+",
    re.IGNORECASE,
)


class _Processor(msgspec.Struct):
    cores: int
    logical: int
    name: str | None = None
    maker: str | None = None
    socket: str | None = None


class _System(msgspec.Struct):
    maker: str | None = None
    model: str | None = None
    hypervisor: bool | None = None
    memory: int | None = None


class _Firmware(msgspec.Struct):
    maker: str = msgspec.field(name="SystemManufacturer", default="")
    model: str = msgspec.field(name="SystemProductName", default="")
    vendor: str = msgspec.field(name="BIOSVendor", default="")
    version: str = msgspec.field(name="BIOSVersion", default="")


class _Guest(msgspec.Struct):
    host: str = msgspec.field(name="HostName", default="")
    physical_host: str = msgspec.field(name="PhysicalHostName", default="")


class _Seen(msgspec.Struct):
    processors: list[_Processor] | None = None
    system: _System = msgspec.field(default_factory=_System)
    firmware: _Firmware = msgspec.field(default_factory=_Firmware)
    guest: _Guest = msgspec.field(default_factory=_Guest)


def _parse(value: Any) -> WindowsPart:
    seen = msgspec.convert(value, _Seen)
    if seen.processors is None:  # the script has told why
        return WindowsPart()
    if not seen.processors or any(one.cores < 1 or one.logical < 1 for one in seen.processors):
        raise Unreadable(GapReason.UNPARSABLE, "Windows names no processor, or one without cores")
    first = seen.processors[0]
    virtual = _is_virtual(seen, text(first.name))
    topology = ProcessorTopology(
        sockets=len(seen.processors),
        cores=sum(one.cores for one in seen.processors),
        logical=sum(one.logical for one in seen.processors),
        virtual=virtual,
        hypervisor_host="" if virtual is False else text(seen.guest.physical_host) or text(seen.guest.host),
        model=" ".join(text(first.name).split()),
        manufacturer=_maker(seen),
        machine_model=_model(seen),
        memory_bytes=seen.system.memory,
    )
    return WindowsPart(processors=topology)


def _maker(seen: _Seen) -> str:
    """The maker of the machine, as its license by core and its warranty are looked up; "" when unnamed."""
    return _named(seen.system.maker) or _named(seen.firmware.maker)


def _model(seen: _Seen) -> str:
    return _named(seen.system.model) or _named(seen.firmware.model)


def _named(words: str | None) -> str:
    written = text(words)
    return "" if _UNNAMED.fullmatch(written) else written


def _is_virtual(seen: _Seen, processor: str) -> bool | None:
    maker, model = _maker(seen), _model(seen)
    if any(of.search(maker) and at.search(model) for of, at in _VIRTUAL):
        return True
    if _VIRTUAL_FIRMWARE.search(f"{seen.firmware.vendor} {seen.firmware.version}"):
        return True
    if _VIRTUAL_PROCESSOR.search(processor):
        return True
    if seen.system.hypervisor is False:
        return False
    return False if maker and model else None


BLOCK = WindowsBlock(
    name=_NAME,
    kinds=(FactKind.PROCESSORS,),
    parse=_parse,
    needs_admin=(FactKind.PROCESSORS,),
)
