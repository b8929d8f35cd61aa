"""A Job made by hand from a suspended CronJob, as `kubectl create job --from=cronjob/…` makes one."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from localcloud.cluster.errors import ClusterError
from localcloud.cluster.pod import Node, Pod, PodNotAdmitted
from localcloud.cluster.resources import CronJob, PodTemplate
from localcloud.pauses import Pauses

_LOOK = 0.1  # seconds between looks at what the Job has printed


async def run_job(
    cron_job: CronJob, args: Sequence[str] | None, node: Node, running: list[Pod], report: Callable[[str], None]
) -> int:
    """Run at most `backoffLimit` + 1 pods until one succeeds; return the last one's exit code.

    A pod is in `running` while it runs. The pauses between pods are Kubernetes' with a first one of 1 second; there it
    is 10 (https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy).

    Raises `ClusterError` if the pod is not admitted.
    """
    job = cron_job.spec.job_template.spec
    template = job.template if args is None else _with_args(job.template, args)
    pauses = Pauses(1.0, 360.0, 360.0)
    for attempt in range(job.backoff_limit + 1):
        if attempt:
            await asyncio.sleep(pauses.next())
        try:
            pod = Pod(cron_job.metadata.name, cron_job.metadata.namespace, template, node)
        except PodNotAdmitted as refused:
            raise ClusterError(f"{cron_job.metadata.name}: {refused}") from refused
        running.append(pod)
        try:
            code = await _run(pod, report)
            pod_was_stopped = pod.leaving
        finally:
            running.remove(pod)
            await pod.stop()
        if code == 0 or pod_was_stopped:
            break
    return code


async def _run(pod: Pod, report: Callable[[str], None]) -> int:
    pod.start()
    ended = asyncio.create_task(pod.ended())
    read = 0
    while True:
        done, _ = await asyncio.wait([ended], timeout=_LOOK)
        read = _report_lines(pod.log, read, report, whole=bool(done))
        if done:
            if ended.result() != 0:
                report(f"{pod.name}: {pod.status}")
            return ended.result()


def _report_lines(log: Path, start: int, report: Callable[[str], None], *, whole: bool) -> int:
    """Report the complete lines after `start`, and with `whole` an incomplete last one; return the new position."""
    if not log.exists():
        return start
    with log.open("rb") as file:
        file.seek(start)
        new = file.read()
    end = len(new) if whole else new.rfind(b"\n") + 1
    for line in new[:end].decode(errors="replace").splitlines():
        report(line)
    return start + end


def _with_args(template: PodTemplate, args: Sequence[str]) -> PodTemplate:
    first, *others = template.spec.containers
    containers = (first.model_copy(update={"args": tuple(args)}), *others)
    return template.model_copy(update={"spec": template.spec.model_copy(update={"containers": containers})})
