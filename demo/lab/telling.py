"""Tells a lab at the terminal: the change, a pause to guess in, the prediction, what was seen, and the way back."""

import sys
import textwrap
from collections.abc import Iterable

from localcloud.operator.lines import refusal, say, step

from demo.lab.bench import Bench
from demo.lab.beside import alike, beside
from demo.lab.changes import change_in_words
from demo.lab.lab import Lab
from demo.lab.observation import Observation
from demo.lab.rehearsing import rehearse

_WIDTH = 112
_COMPARED = {"service account", "tenant", "client id", "issuer", "subject", "audience"}


def tell(lab: Lab, bench: Bench) -> Observation:
    """Runs the lab, and returns what was seen; it is mended in any case."""
    say("")
    say(f"━━ {lab.name}: {lab.title}")
    _paragraph("The change:", change_in_words(lab.change))
    _pause("What will happen? Guess, then press Enter.")
    _paragraph("The prediction:", textwrap.wrap(lab.prediction, _WIDTH))
    _pause("Press Enter to break it.")
    with rehearse(lab, bench) as observation:
        _show(lab, observation, bench)
        _pause("Press Enter to mend it.")
    if observation.unmended:
        refusal(f"mended, and still not well: {observation.unmended}")
    else:
        step(f"well again after {observation.mended:.1f} s")
    return observation


def _show(lab: Lab, observation: Observation, bench: Bench) -> None:
    say("")
    say("What happened:")
    for place in lab.shows:
        if place in observation.seen:
            text, seconds = observation.seen[place]
            say(f"  {place:<10} after {seconds:4.1f} s  {text}")
    for link in observation.links:
        say(f"  {'doctor':<10} {link['workload']}: the link that is broken is the {link['name']}")
        if link["name"] in _COMPARED and alike(link["actual"], link["expected"]):
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
