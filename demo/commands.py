"""`python -m demo run` serves the application until Ctrl-C. `orders` places orders and ends, `load` places many."""

import argparse
import math
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
from localcloud.operator.client import ControlError, connect
from localcloud.operator.lines import refusal, say, step, visible

from demo import keys
from demo.load import load
from demo.orders import Customer, OrderFailed, Receipt
from demo.stack import ROOT, NotReady, Stack, StackFailed, describe_end, federated

_CATALOGUE = (("espresso beans", 2), ("paper filters", 100), ("a very good grinder", 1))
_ROTATIONS = {  # how to rotate, what the key signs, and what becomes of what the old one has signed
    "rotate-receipt-key": (keys.rotate_receipt_key, "receipts", "the receipts of before still verify"),
    "rotate-session-key": (keys.rotate_session_key, "sessions", "customers stay logged in"),
}
_PATIENCE = 20.0  # seconds; after them something is missing, which does not come by itself


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("what", choices=("run", "orders", "load", "rotate-receipt-key", "rotate-session-key"))
    parser.add_argument("--state", type=Path, default=ROOT / ".local", help="the local cloud's folder")
    parser.add_argument("--port", type=int, default=8080, help="the page's port")
    parser.add_argument("--orders", type=int, default=200, help="how many orders `load` places")
    parser.add_argument("--ephemeral", action="store_true", help="keep nothing")
    parser.add_argument(
        "--federation",
        choices=("credentials", "bindings"),
        default="credentials",
        help="how the identities trust the cluster's service accounts",
    )
    arguments = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as `nohup` asks for
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    _end_with_parent()
    try:
        match arguments.what:
            case "run":
                return _run(arguments)
            case "orders":
                return _orders(arguments)
            case "load":
                load(arguments.orders)
                return 0
            case _:
                return _rotate(arguments)
    except (StackFailed, OrderFailed) as error:
        print(f"✗ {visible(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _end_with_parent() -> None:
    """End like at Ctrl-C when the parent process has ended, for example if make is killed."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _run(arguments: argparse.Namespace) -> int:
    started = time.monotonic()
    _require_free(arguments.port)
    extra = ["--service-port", f"frontend={arguments.port}", *(["--ephemeral"] if arguments.ephemeral else [])]
    more, overlay = federated(arguments.federation)
    with Stack(arguments.state, [*extra, *more], overlay) as stack:
        url = _await_ready(stack)
        step(f"serving after {time.monotonic() - started:.1f} s")
        _place_first_order(url)
        say("")
        say(f"  The page             {url}/")
        say(f"  The token's journey  {url}/identity")
        say(f"  What is happening    {stack.dashboard()}")
        say("  Stop with            Ctrl-C")
        say("")
        code = stack.wait()
    if fault := describe_end(code):
        raise StackFailed(fault)
    return code


def _await_ready(stack: Stack) -> str:
    """As long as it takes: what is missing can be mended meanwhile, and the local cloud says what that is."""
    stack.hand_over_keys()
    try:
        return stack.await_ready(_PATIENCE)
    except NotReady:
        say("")
        say("  Not every pod is ready. The lines above say what is missing, and `make status` says it again.")
        say(f"  {stack.dashboard()} shows every pod, link by link.")
        say("  Mend it: an edit of the manifests or of infra/access.yaml is taken at once, and this goes on by itself.")
        say("  Stop with            Ctrl-C")
        say("")
        return stack.await_ready(math.inf)


def _place_first_order(url: str) -> None:
    """An order that fails is told, and ends nothing."""
    customer = Customer(url)
    try:
        _show(customer.receipt(customer.place("a first order", 1)))
    except (OrderFailed, httpx.HTTPError) as error:
        refusal(f"the first order has no verified receipt: {error}")
    finally:
        customer.close()


def _require_free(port: int) -> None:
    """Raises `StackFailed` if the port is taken, with make's name of the setting. The local cloud does not know it."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise StackFailed(f"Port {port} (the page) is taken. Free it, or choose another: make run PORT=8081") from error


def _orders(arguments: argparse.Namespace) -> int:
    from localcloud.operator.summary import access_table
    from rich.console import Console

    started = time.monotonic()
    state = Path(tempfile.mkdtemp(prefix="keyless-"))
    free_ports = ["--ephemeral", "--proxy-port", "0", "--amqp-port", "0", "--dashboard-port", "0"]
    free_ports += ["--service-port", "frontend=0"]
    try:
        more, overlay = federated(arguments.federation)
        with Stack(state, [*free_ports, *more], overlay) as stack:
            customer = Customer(stack.start())
            step(f"serving after {time.monotonic() - started:.1f} s")
            placed = [customer.place(product, quantity) for product, quantity in _CATALOGUE]
            step(f"{len(placed)} orders accepted: each is a message in the queue")
            for path in placed:
                _show(customer.receipt(path))
            customer.close()
            say("")
            access_table(state / "audit.jsonl", Console(width=None if sys.stdout.isatty() else 160, highlight=False))
    finally:
        shutil.rmtree(state, ignore_errors=True)
    step(f"done in {time.monotonic() - started:.1f} s")
    return 0


def _rotate(arguments: argparse.Namespace) -> int:
    rotate, what, before = _ROTATIONS[arguments.what]
    try:
        with connect(arguments.state) as control:
            version = rotate(control)
    except ControlError as error:
        raise StackFailed(f"no key was rotated: {error}") from error
    step(f"{what} are signed with a new key within a minute, version {version} in the vault; {before}")
    return 0


def _show(receipt: Receipt) -> None:
    order = receipt.order
    step(f"verified receipt for {order['quantity']} × {order['product']}, signed with key {receipt.kid[:8]}…")
    say(f"  {receipt.jws[:76]}…")
