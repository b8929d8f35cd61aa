"""The real worker, killed by itself with SIGKILL right after a step: `killed_worker.py STEP`.

The worker knows nothing of it: its parts are wrapped from outside, before they are put together.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

from azure.servicebus.aio import ServiceBusReceiver
from backend.__main__ import main
from backend.orders.order_documents import OrderDocuments
from backend.orders.receipt_blobs import ReceiptBlobs
from backend.orders.receipt_signer import ReceiptSigner
from workload.not_found import NO_SUCH_ID

STEPS: dict[str, tuple[type, str]] = {
    "read": (OrderDocuments, "read"),
    "sign": (ReceiptSigner, "sign"),
    "add": (ReceiptBlobs, "add"),
    "create": (OrderDocuments, "create"),
    "settle": (ServiceBusReceiver, "complete_message"),
}


def deadly(step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The step, taken for an order (the check at the start is none), and then nothing more."""

    async def once(self: object, *arguments: Any) -> Any:
        result = await step(self, *arguments)
        if NO_SUCH_ID not in arguments:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return once


if __name__ == "__main__":
    part, name = STEPS[sys.argv[1]]
    setattr(part, name, deadly(getattr(part, name)))
    main()
