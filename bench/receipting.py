"""Measure how a backlog of orders is receipted: by the worker, and by the bare SDK's steps."""

import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import psutil

from bench import cpu
from bench.cloud import Cloud
from bench.delay import Delayed
from demo.stack import ROOT

PROGRAMS = {"Keyless": "backend", "bare SDK": "bench.steps"}
_WARM = 0.2  # of the orders, which are not measured


@dataclass(frozen=True, slots=True)
class Receipted:
    """One measurement. `cpu` is the milliseconds of the worker's processor time for an order, `cloud_cpu` those of the
    local cloud and its Azurite."""

    orders: int
    rate: float
    cpu: float
    cloud_cpu: float
    amqp_connections: int


def put(cloud: Cloud, count: int) -> None:
    """Put a backlog on the queue."""
    command = [sys.executable, "-m", "bench.sdk", "put", str(count)]
    subprocess.run(command, cwd=ROOT, env=cloud.environment("frontend"), check=True, stderr=subprocess.DEVNULL)  # noqa: S603


def drained(
    cloud: Cloud, program: str, orders: int, concurrency: int = 16, delayed: Delayed | None = None
) -> Receipted:
    """Have a program receipt so many of the orders that wait, over the delayed link if there is one.

    Raises `RuntimeError` if it does not receipt as many.
    """
    environment = {**cloud.environment("backend"), "HTTP_PORT": "0", "WORKER_CONCURRENCY": str(concurrency)}
    amqp_port = cloud.amqp_port
    if delayed:
        environment |= delayed.environment
        amqp_port = delayed.amqp_port
    command = [sys.executable, "-m", program, *([] if program == "backend" else [str(concurrency)])]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)  # noqa: S603
    deadline = threading.Timer(60 + orders, process.kill)  # if an order is lost, its line never comes
    deadline.start()
    try:
        assert process.stdout  # noqa: S101  (for the type checker: it is a pipe)
        worker, done = psutil.Process(process.pid), 0
        began = (0.0, 0.0, 0.0)
        for line in process.stdout:
            if "order.receipted" not in line:
                continue
            done += 1
            if done == int(orders * _WARM):
                began = time.monotonic(), cpu.used(worker), cpu.used(cloud.process)
            if done == orders:
                break
        if done < orders:
            raise RuntimeError(f"{program} ended after {done} of {orders} orders")
        ended = time.monotonic(), cpu.used(worker), cpu.used(cloud.process)
        seconds, used, cloud_used = (after - before for after, before in zip(ended, began, strict=True))
        measured = orders - int(orders * _WARM)
        connections = sum(c.raddr.port == amqp_port for c in worker.net_connections("tcp") if c.raddr)
        return Receipted(orders, measured / seconds, used * 1000 / measured, cloud_used * 1000 / measured, connections)
    finally:
        deadline.cancel()
        process.terminate()
        process.communicate(timeout=60)
