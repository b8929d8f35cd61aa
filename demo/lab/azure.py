"""What a lab does to Azure and its cluster: delays, faults, clocks, keys, secrets. All of it can be taken back."""

from collections.abc import Callable

import httpx

from demo.lab.lab import Change

_PATIENCE = 120.0  # seconds; a restart waits until its new pods are ready


class Azure:
    """`control` is the local cloud's control socket."""

    def __init__(self, control: httpx.Client) -> None:
        self._control = control
        self._undo: list[Callable[[], object]] = []

    def delay(self, change: Change) -> None:
        """Begin the delay with which roles count, before the access model is changed."""
        if change.propagation:
            self._does(
                ("PUT", "/propagation", {"seconds": change.propagation}), ("PUT", "/propagation", {"seconds": 0})
            )

    def change(self, change: Change) -> None:
        """Bring about the rest, but for the access model and the manifests."""
        for service, kind in change.faults.items():
            self._does(("PUT", f"/faults/{service}", {"kind": kind}), ("DELETE", f"/faults/{service}", None))
        if change.federation:
            before = {"way": self._ask("GET", "/status").json()["federation"]}
            self._does(("PUT", "/federation", {"way": change.federation}), ("PUT", "/federation", before))
        if change.clock:
            self._does(("PUT", "/clock", {"seconds": change.clock}), ("PUT", "/clock", {"seconds": 0}))
        if change.rotateIssuerKey:
            self._ask("POST", "/issuer/rotate")
        for secret, how in change.secrets.items():
            self._take_secret(secret, how)

    def kill(self, workloads: tuple[str, ...]) -> None:
        """Kill the containers of these workloads' pods. They begin anew in the same pods, with the same tokens."""
        for pod in self._ask("GET", "/status").json()["pods"]:
            if pod["workload"] in workloads:
                self._ask("POST", f"/pods/{pod['name']}/kill")

    def mend(self) -> None:
        """Take everything back, the last first."""
        while self._undo:
            self._undo.pop()()

    def restart(self, workloads: tuple[str, ...]) -> None:
        """Replace the pods of these Deployments, and wait until the new ones are ready."""
        for workload in workloads:
            self._ask("POST", f"/deployments/{workload}/restart")

    def _take_secret(self, name: str, how: str) -> None:
        backup = self._ask("POST", f"/secrets/{name}/backup").json()
        self._ask("DELETE", f"/secrets/{name}")
        if how == "deleted":
            self._undo.append(lambda: self._ask("POST", f"/deletedsecrets/{name}/recover"))
            return
        self._ask("DELETE", f"/deletedsecrets/{name}")
        self._undo.append(lambda: self._ask("POST", "/secrets/restore", backup))

    def _does(self, what: tuple[str, str, object], back: tuple[str, str, object]) -> None:
        self._undo.append(lambda: self._ask(*back))
        self._ask(*what)

    def _ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self._control.request(method, path, json=body, timeout=_PATIENCE).raise_for_status()
