"""`localcloud`: start the cloud, or ask one that runs. `localcloud --help` names every verb and setting."""

import argparse

from localcloud.operator.cli import azure, cluster, deploying, doctor, running, trail
from localcloud.operator.cli.verbs import Verb, Verbs


def main() -> int:
    parser = argparse.ArgumentParser(prog="localcloud", description="The laptop's Azure and its cluster.")
    verbs = Verbs(parser)
    for topic in (running, cluster, doctor, trail, deploying, azure):
        topic.add_to(verbs)
    arguments = parser.parse_args()
    try:
        verb: Verb = arguments.verb
        return verb(arguments)
    except KeyboardInterrupt:
        return 130
