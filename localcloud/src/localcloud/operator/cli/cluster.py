"""The verbs that stand for kubectl: the pods, and what is done to them."""

import argparse
from typing import TYPE_CHECKING

from localcloud.operator.cli.verbs import Verbs, ask
from localcloud.operator.lines import refusal, say, step

if TYPE_CHECKING:
    import httpx


def add_to(verbs: Verbs) -> None:
    verbs.add("status", _status, "list the pods; for each that is not ready, say why")
    restart = verbs.add("restart", _restart, "restart a deployment's pods, one after the other")
    restart.add_argument("deployment", metavar="NAME")
    kill = verbs.add("kill", _kill, "kill a pod's containers, which begin anew in the same pod")
    kill.add_argument("pod", metavar="POD")
    scale = verbs.add("scale", _scale, "change the number of a deployment's pods")
    scale.add_argument("deployment", metavar="NAME")
    scale.add_argument("replicas", type=int, metavar="REPLICAS")
    job = verbs.add("job", _job, "run a cronjob's job now, as `kubectl create job --from` does")
    job.add_argument("cronjob")
    job.add_argument("args", nargs="*", help="arguments in place of the container's own")


def _status(arguments: argparse.Namespace) -> int:
    def show(client: "httpx.Client") -> int:
        for pod in client.get("/status").raise_for_status().json()["pods"]:
            state = "ready" if pod["ready"] else f"not ready: {pod['reason'] or 'starting'}"
            say(f"{pod['name']:<32} restarts {pod['restarts']:<4} {state}")
        return 0

    return ask(arguments, show)


def _restart(arguments: argparse.Namespace) -> int:
    def restart(client: "httpx.Client") -> int:
        pods = client.post(f"/deployments/{arguments.deployment}/restart").raise_for_status().json()
        step(f"{arguments.deployment} is restarted: {_listed(pods['after'])} in place of {_listed(pods['before'])}")
        return 0

    return ask(arguments, restart)


def _kill(arguments: argparse.Namespace) -> int:
    def kill(client: "httpx.Client") -> int:
        client.post(f"/pods/{arguments.pod}/kill").raise_for_status()
        step(f"the containers of {arguments.pod} are killed, and begin anew in the same pod")
        return 0

    return ask(arguments, kill)


def _scale(arguments: argparse.Namespace) -> int:
    def scale(client: "httpx.Client") -> int:
        wanted = {"replicas": arguments.replicas}
        pods = client.put(f"/deployments/{arguments.deployment}/scale", json=wanted).raise_for_status().json()
        before, after = len(pods["before"]), len(pods["after"])
        step(f"{arguments.deployment} has {after} {'pod' if after == 1 else 'pods'}, {before} before")
        return 0

    return ask(arguments, scale)


def _listed(pods: list[str]) -> str:
    return " and ".join(pods) or "no pod"


def _job(arguments: argparse.Namespace) -> int:
    from localcloud.operator.client import run_job

    def create(client: "httpx.Client") -> int:
        code = run_job(client, arguments.cronjob, arguments.args, say)
        if code == 0:
            step(f"the job {arguments.cronjob} is done")
        else:
            refusal(f"the job {arguments.cronjob} failed with exit code {code}: the lines above say why")
        return code

    return ask(arguments, create)
