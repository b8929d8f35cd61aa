"""Tells a lab at the terminal: the change, a pause to guess in, the prediction, what was seen, and the way back."""

import sys
import textwrap
from collections.abc import Iterable

import yaml
from localcloud.operator.lines import refusal, say, step

from demo.lab.bench import Bench
from demo.lab.beside import beside
from demo.lab.lab import Lab
from demo.lab.observation import Observation, Watch

_WIDTH = 112
_CREDENTIAL = {"issuer", "subject", "audience"}


def tell(lab: Lab, bench: Bench) -> list[str]:
    """Runs the lab. Returns what was not as predicted, in sentences; it is mended in any case."""
    say("")
    say(f"━━ {lab.name}: {lab.title}")
    _paragraph("The change:", _change(lab))
    _pause("What will happen? Guess, then press Enter.")
    _paragraph("The prediction:", textwrap.wrap(lab.prediction, _WIDTH))
    _pause("Press Enter to break it.")
    watch = Watch(bench, lab)
    observation = Observation()
    try:
        bench.break_(lab)
        observation = watch.until_seen()
        _show(lab, observation, bench)
        _pause("Press Enter to mend it.")
    finally:
        bench.mend()
    try:
        step(f"well again after {bench.await_well():.1f} s")
    except TimeoutError as error:
        refusal(f"mended, and still not well: {error}")
        return [str(error), *observation.differences(lab)]
    return observation.differences(lab)


def _show(lab: Lab, observation: Observation, bench: Bench) -> None:
    say("")
    say("What happened:")
    for place in lab.shows:
        if place in observation.seen:
            text, seconds = observation.seen[place]
            say(f"  {place:<10} after {seconds:4.1f} s  {text}")
    for link in observation.links:
        say(f"  {'doctor':<10} {link['workload']}: the link that is broken is the {link['name']}")
        if link["name"] in _CREDENTIAL:
            for line in beside(link["actual"], link["expected"]):
                say(f"    {line}")
        else:
            say(f"    is         {link['actual']}")
            say(f"    should be  {link['expected']}")
        say(f"    fix        {bench.in_checkout(link['fix'])}")
    for difference in observation.differences(lab):
        refusal(f"not as predicted: {difference}")
    _paragraph("Why:", textwrap.wrap(lab.explanation, _WIDTH))
    _paragraph("On the laptop:", [f"{lab.fix.file} has the line", f"    {lab.fix.write}"])
    _paragraph("On AKS:", textwrap.wrap(lab.fix.azure, _WIDTH, break_long_words=False, break_on_hyphens=False))


def _change(lab: Lab) -> Iterable[str]:
    change = lab.change
    for patch in change.manifests:
        for operation in patch["patch"]:
            path = operation["path"].replace("~1", "/")
            value = f": {operation['value']}" if "value" in operation else ""
            yield f"{patch['target']['kind']} {patch['target']['name']}: {operation['op']} {path}{value}"
    for grant in change.take:
        yield f"infra/access.yaml: {grant.workload} loses {grant.role} on {grant.scope}"
    for grant in change.give:
        yield f"infra/access.yaml: {grant.workload} gets {grant.role} on {grant.scope}"
    for name, fields in change.workloads.items():
        written = yaml.safe_dump(fields, default_flow_style=True, width=10_000).strip()
        yield f"the federated credentials of the identity {name}: {written}"
    for name in change.delete:
        yield f"the identity {name} is deleted"


def _paragraph(title: str, lines: Iterable[str]) -> None:
    say("")
    say(title)
    for line in lines:
        say(f"  {line}")


def _pause(what: str) -> None:
    """Waits for Enter if a person is at the terminal."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        say("")
        input(f"  {what} ")
