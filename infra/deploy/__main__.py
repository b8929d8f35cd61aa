"""`python -m infra.deploy up|what-if|smoke|destroy|rotate-receipt-key|rotate-session-key`."""

import argparse
import json
import re
import sys

from infra.deploy import keys, prerequisites
from infra.deploy.azure import Azure
from infra.deploy.destroy import destroy
from infra.deploy.languages import language
from infra.deploy.programs import Failed, Programs, say, warn
from infra.deploy.record import Deployment, existing, remembered, settled
from infra.deploy.smoke import smoke
from infra.deploy.up import up

_HOSTNAME = r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}"


def main() -> int:
    arguments = _parser().parse_args()
    try:
        _run(arguments, Programs())
    except Failed as error:
        warn(f"✗ {error}")
        return 1
    except KeyboardInterrupt:
        warn("✗ interrupted; the same command goes on from here")
        return 130
    return 0


def _run(arguments: argparse.Namespace, programs: Programs) -> None:
    azure = Azure(programs)
    match arguments.verb:
        case "up":
            deployment = _wanted(arguments, programs, azure)
            up(programs, azure, deployment, arguments.patience)
        case "what-if":
            deployment = _wanted(arguments, programs, azure)
            if remembered(deployment.name) is None:
                say("Nothing is deployed yet: the first deployment draws the names' suffix.")
            say(language(programs, deployment).preview(deployment, azure.principal(azure.account())).rstrip())
        case "smoke":
            smoke(programs, _checked(existing(arguments.name), programs), arguments.patience)
        case "destroy":
            if remembered(arguments.name) is None:
                say(f"Nothing is deployed from here under the name {arguments.name}.")
            else:
                destroy(programs, azure, _checked(existing(arguments.name), programs))
        case "rotate-receipt-key":
            kid = keys.rotate_receipt_key(azure, _checked(existing(arguments.name), programs))
            say(f"✓ receipts are signed with key {kid} within minutes; earlier ones still verify")
        case "rotate-session-key":
            keys.rotate_session_key(azure, _checked(existing(arguments.name), programs))
            say("✓ sessions are signed with a new key within minutes; customers stay logged in")


def _wanted(arguments: argparse.Namespace, programs: Programs, azure: Azure) -> Deployment:
    """Return the deployment that the command line asks for, with every value checked."""
    if arguments.hostname and not re.fullmatch(_HOSTNAME, arguments.hostname):
        raise Failed("HOSTNAME is a name such as orders.example.com, not a URL.")
    known = remembered(arguments.name)
    iac = arguments.iac or (known.iac if known else "bicep")
    profile = arguments.profile or (known.profile if known else "learn")
    prerequisites.check(programs, iac, private=profile == "production")
    asked = ("location", "profile", "iac", "identity_kind", "federation", "hostname", "issuers")
    return settled(arguments.name, azure.account().subscription, {key: getattr(arguments, key) for key in asked})


def _checked(deployment: Deployment, programs: Programs) -> Deployment:
    prerequisites.check(programs, deployment.iac, private=deployment.private)
    return deployment


def _issuers(text: str) -> str:
    try:
        issuers = json.loads(text)
        well_formed = isinstance(issuers, list) and all({*issuer} == {"name", "url"} for issuer in issuers)
    except (ValueError, TypeError):
        well_formed = False
    if not well_formed:
        raise argparse.ArgumentTypeError('a JSON list of {"name": …, "url": …}')
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="infra.deploy", description=__doc__)
    verbs = ("up", "what-if", "smoke", "destroy", "rotate-receipt-key", "rotate-session-key")
    parser.add_argument("verb", choices=verbs)
    parser.add_argument("--name", default="keyless", help="what every name begins with")
    parser.add_argument("--location", help="the Azure region; needed once")
    parser.add_argument("--profile", choices=("learn", "production"))
    parser.add_argument("--iac", choices=("bicep", "terraform"))
    parser.add_argument("--identity-kind", choices=("managed", "application"))
    parser.add_argument(
        "--federation", choices=("credentials", "bindings"), help="how identities trust the cluster's service accounts"
    )
    parser.add_argument("--hostname", help="the public host name; without one nothing is exposed")
    parser.add_argument("--issuers", type=_issuers, help='further OIDC issuers: a JSON list of {"name": …, "url": …}')
    parser.add_argument("--patience", type=float, default=1800, help="seconds to wait for roles to be known everywhere")
    return parser


if __name__ == "__main__":
    sys.exit(main())
