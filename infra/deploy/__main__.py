"""`python -m infra.deploy up|what-if|smoke|destroy|rotate-receipt-key|rotate-session-key`."""

import argparse
import ipaddress
import json
import re
import sys
from pathlib import Path

from infra.deploy import certificate, keys, prerequisites, state
from infra.deploy.azure import Azure
from infra.deploy.destroy import destroy
from infra.deploy.languages import language
from infra.deploy.programs import Failed, Programs, say, warn
from infra.deploy.record import Deployment, recorded, settled
from infra.deploy.smoke import smoke
from infra.deploy.up import up

_SETTINGS = (
    *(
        "location",
        "profile",
        "iac",
        "identity_kind",
        "federation",
        "hostname",
        "issuers",
        "addresses",
        "node_size",
        "node_count",
    ),
)
_PRIVATE = [ipaddress.IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
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
    prerequisites.check_az(programs)
    azure = Azure(programs)
    match arguments.verb:
        case "up":
            deployment = _wanted(arguments, programs, azure)
            up(programs, azure, deployment, _certificate(arguments, deployment), arguments.patience)
        case "what-if":
            deployment = _wanted(arguments, programs, azure)
            if not azure.group_exists(deployment.group, deployment.subscription):
                say("Nothing is deployed yet: the first deployment draws the names' suffix.")
            deployer = azure.principal(azure.account())
            deployment.deployers[deployer.object_id] = deployer.kind
            say(language(programs, azure, deployment).preview(deployment).rstrip())
        case "smoke":
            smoke(programs, azure, _existing(arguments.name, programs, azure), arguments.patience)
        case "destroy":
            destroy(programs, azure, _left(arguments.name, programs, azure))
        case "rotate-receipt-key":
            kid = keys.rotate_receipt_key(azure, _existing(arguments.name, programs, azure))
            say(f"✓ receipts are signed with key {kid} within minutes; earlier ones still verify")
        case "rotate-session-key":
            keys.rotate_session_key(azure, _existing(arguments.name, programs, azure))
            say("✓ sessions are signed with a new key within minutes; customers stay logged in")


def _wanted(arguments: argparse.Namespace, programs: Programs, azure: Azure) -> Deployment:
    """Return the deployment that the command line asks for, with every value checked."""
    if arguments.hostname and not re.fullmatch(_HOSTNAME, arguments.hostname):
        raise Failed("HOSTNAME is a name such as orders.example.com, not a URL.")
    subscription = azure.account().subscription
    asked = {key: getattr(arguments, key) for key in _SETTINGS}
    deployment = settled(_recorded(arguments.name, azure), arguments.name, subscription, asked)
    prerequisites.check(programs, deployment.iac, private=deployment.private)
    return deployment


def _recorded(name: str, azure: Azure) -> Deployment | None:
    subscription = azure.account().subscription
    return recorded(name, subscription, azure.group(f"{name}-rg", subscription))


def _existing(name: str, programs: Programs, azure: Azure) -> Deployment:
    """Return the deployment of this name. Raises `Failed` if there is none."""
    found = _recorded(name, azure)
    if found is None:
        raise Failed(f"Nothing is deployed under the name {name}: `make deploy NAME={name}` comes first.")
    prerequisites.check(programs, found.iac, private=found.private)
    return found


def _left(name: str, programs: Programs, azure: Azure) -> Deployment:
    """Return the deployment of this name, or what its name alone says if its group is gone."""
    left = _recorded(name, azure) or Deployment(name, azure.account().subscription, location="")
    if state.exists(azure, left):
        prerequisites.check(programs, "terraform", private=True)  # the cluster is not asked anything
    return left


def _certificate(arguments: argparse.Namespace, deployment: Deployment) -> str:
    if not arguments.certificate:
        return ""
    if not deployment.hostname:
        raise Failed("A CERTIFICATE is for a HOSTNAME, and nothing is exposed without one.")
    return certificate.read(arguments.certificate, deployment.hostname)


def _issuers(text: str) -> str:
    try:
        issuers = json.loads(text)
        well_formed = isinstance(issuers, list) and all({*issuer} == {"name", "url"} for issuer in issuers)
    except (ValueError, TypeError):
        well_formed = False
    if not well_formed:
        raise argparse.ArgumentTypeError('a JSON list of {"name": …, "url": …}')
    return text


def _addresses(text: str) -> str:
    try:
        addresses = [ipaddress.IPv4Address(each) for each in text.split(",") if each]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"IPv4 addresses, separated by commas: {error}") from error
    if private := [each for each in addresses if any(each in network for network in _PRIVATE)]:
        raise argparse.ArgumentTypeError(f"a firewall sees public addresses, and {private[0]} is private")
    return ",".join(str(each) for each in addresses)


def _count(text: str) -> str:
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError("a number from 1 to 100")
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
    parser.add_argument("--addresses", type=_addresses, help="further addresses for learn's firewalls: 203.0.113.7,…")
    parser.add_argument("--node-size", help="the size of the nodes, one with a local disk")
    parser.add_argument("--node-count", type=_count, help="how many nodes for pods there are at least")
    parser.add_argument("--certificate", type=Path, help="a PEM file: the host name's private key and certificates")
    parser.add_argument("--patience", type=float, default=1800, help="seconds to wait for roles to be known everywhere")
    return parser


if __name__ == "__main__":
    sys.exit(main())
