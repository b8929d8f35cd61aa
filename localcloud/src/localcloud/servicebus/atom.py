"""Service Bus' administration answers: a queue as an Atom entry, and errors, both XML.

https://learn.microsoft.com/rest/api/servicebus/get-entity
"""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

from localcloud.servicebus.queue import Queue

_ATOM = "http://www.w3.org/2005/Atom"
_SERVICE_BUS = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
_COUNTS = "http://schemas.microsoft.com/netservices/2011/06/servicebus"


def entry(url: str, namespace: str, queue: Queue) -> bytes:
    """The queue's properties and counts: what `get_queue` and `get_queue_runtime_properties` read."""
    root = ET.Element(f"{{{_ATOM}}}entry")
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name, text in (("id", url), ("title", queue.name), ("published", now), ("updated", now)):
        ET.SubElement(root, f"{{{_ATOM}}}{name}").text = text
    author = ET.SubElement(root, f"{{{_ATOM}}}author")
    ET.SubElement(author, f"{{{_ATOM}}}name").text = namespace.partition(".")[0]
    content = ET.SubElement(root, f"{{{_ATOM}}}content", type="application/xml")
    content.append(_description(queue, namespace))
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def error(status: int, detail: str) -> bytes:
    root = ET.Element("Error")
    ET.SubElement(root, "Code").text = str(status)
    ET.SubElement(root, "Detail").text = detail
    return bytes(ET.tostring(root, encoding="utf-8"))


def _description(queue: Queue, namespace: str) -> ET.Element:
    """Elements stand in the order that Service Bus gives them: its clients of other languages read in order."""
    properties, counts = queue.properties, queue.counts
    dead_letters = queue.dead_letters.counts if queue.dead_letters is not None else None
    sizes = counts.size + (dead_letters.size if dead_letters else 0)
    total = counts.active + counts.deferred + counts.scheduled + (dead_letters.active if dead_letters else 0)
    root = ET.Element(f"{{{_SERVICE_BUS}}}QueueDescription")

    def add(name: str, value: object) -> ET.Element:
        element = ET.SubElement(root, f"{{{_SERVICE_BUS}}}{name}")
        element.text = str(value).lower() if isinstance(value, bool) else str(value)
        return element

    add("LockDuration", _duration(properties.lock_duration))
    add("MaxSizeInMegabytes", 1024)
    add("RequiresDuplicateDetection", properties.duplicate_window is not None)
    add("RequiresSession", properties.requires_session)
    if properties.default_time_to_live is not None:
        add("DefaultMessageTimeToLive", _duration(properties.default_time_to_live))
    add("DeadLetteringOnMessageExpiration", properties.dead_letters_expired)
    if properties.duplicate_window is not None:
        add("DuplicateDetectionHistoryTimeWindow", _duration(properties.duplicate_window))
    if properties.max_delivery_count is not None:
        add("MaxDeliveryCount", properties.max_delivery_count)
    add("EnableBatchedOperations", True)
    add("SizeInBytes", sizes)
    add("MessageCount", total)
    add("Status", "Active")
    if queue.destination is not None:
        add("ForwardTo", f"https://{namespace}/{queue.destination.name}")
    details = add("CountDetails", "")
    for name, count in (
        ("ActiveMessageCount", counts.active + counts.deferred),
        ("DeadLetterMessageCount", dead_letters.active if dead_letters else 0),
        ("ScheduledMessageCount", counts.scheduled),
        ("TransferMessageCount", 0),
        ("TransferDeadLetterMessageCount", 0),
    ):
        ET.SubElement(details, f"{{{_COUNTS}}}{name}").text = str(count)
    if queue.dead_letters is not None and queue.dead_letters.destination is not None:
        add("ForwardDeadLetteredMessagesTo", f"https://{namespace}/{queue.dead_letters.destination.name}")
    return root


def _duration(seconds: float) -> str:
    """ISO 8601, in days and seconds."""
    days, rest = divmod(seconds, 86_400)
    return f"P{days:.0f}DT{rest:g}S"
