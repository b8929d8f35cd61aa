"""gunicorn's settings: `gunicorn --config python:frontend.gunicorn_conf 'frontend.bootstrap:create_app()'`."""

import resource
from pathlib import Path
from typing import Any

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from frontend.settings import LOG_LEVELS, ServerSettings, Settings
from workload.logs import logging_config
from workload.settings import from_environment

_settings = from_environment(ServerSettings)
from_environment(Settings)  # a missing variable ends gunicorn here, in one line, and not one worker after the other

bind = f"{_settings.http_host}:{_settings.http_port}"
workers = _settings.web_concurrency
worker_class = "frontend.server.gunicorn_worker.BufferingWorker"
worker_connections = min(1000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
limit_request_line = 8190  # bytes; a continuation may be long
sendfile = False  # an answer is sent by the loop, files included
threads = _settings.http_threads
keepalive = 75  # seconds; longer than the idle time of the load balancers in front, so that they close first
graceful_timeout = 20  # seconds for requests under way at SIGTERM; less than terminationGracePeriodSeconds
# The heartbeat file lies in memory if it can, so that a slow disk is not taken for a worker that hangs.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
control_socket_disable = True
logconfig_dict = logging_config(LOG_LEVELS)


def post_worker_init(worker: Worker) -> None:
    """Start the application's threads in the worker, even if it was loaded before the fork (`--preload`)."""
    app: Any = worker.wsgi
    app.extensions["frontend"].start()


def worker_exit(_arbiter: Arbiter, worker: Worker) -> None:
    """Close what the application has opened. A worker that could not load the application has nothing to close."""
    if app := getattr(worker, "wsgi", None):
        app.extensions["frontend"].close()
