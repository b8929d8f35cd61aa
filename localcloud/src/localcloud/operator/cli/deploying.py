"""The verbs of a deployment: the vault's secrets, and the ids and endpoints that workloads read."""

import argparse
import sys
from typing import TYPE_CHECKING

from localcloud.operator.cli.verbs import Verbs, ask, fail, settings_of
from localcloud.operator.languages import LANGUAGES, lines_for
from localcloud.operator.lines import step

if TYPE_CHECKING:
    import httpx


_CHANGES = {  # by verb: the request, what the verb does, and what it has done
    "delete-secret": (
        "DELETE",
        "/secrets/{}",
        "delete a secret, which can be recovered",
        "deleted, and can be recovered",
    ),
    "recover-secret": (
        "POST",
        "/deletedsecrets/{}/recover",
        "recover a deleted secret, with all its versions",
        "recovered",
    ),
    "purge-secret": ("DELETE", "/deletedsecrets/{}", "erase a deleted secret for good", "erased for good"),
}


def add_to(verbs: Verbs) -> None:
    secret = verbs.add(
        "secret", _secret, "store a new version of a secret, read from standard input; print the version"
    )
    secret.add_argument("name_of_secret", metavar="NAME")
    secret.add_argument("--tag", type=_tag, action="append", default=[], metavar="KEY=VALUE")
    for verb, (_method, _path, what, _done) in _CHANGES.items():
        one = verbs.add(verb, _change_secret, what)
        one.set_defaults(change=verb)
        one.add_argument("name_of_secret", metavar="NAME")
    what = "print the environment of a workload that you start yourself, as shell commands for eval"
    env = verbs.add("env", _env, what)
    env.add_argument("workload", metavar="NAMESPACE/SERVICEACCOUNT")
    env.add_argument(
        "--for",
        dest="language",
        choices=LANGUAGES,
        default="shell",
        help="what this language reads, and the code that it needs as comments (default: shell, what all of them read)",
    )
    what = "print this cloud's ids and endpoints as the manifests take infrastructure's outputs"
    verbs.add("outputs", _outputs, what)


def _secret(arguments: argparse.Namespace) -> int:
    try:
        value = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError:
        sys.exit("localcloud: a secret is text in UTF-8, and what came on standard input is not")

    def put(client: "httpx.Client") -> int:
        answer = client.put(
            f"/secrets/{arguments.name_of_secret}", json={"value": value, "tags": dict(arguments.tag)}
        ).raise_for_status()
        print(answer.json()["version"])
        return 0

    return ask(arguments, put)


def _change_secret(arguments: argparse.Namespace) -> int:
    method, path, _what, done = _CHANGES[arguments.change]

    def change(client: "httpx.Client") -> int:
        client.request(method, path.format(arguments.name_of_secret)).raise_for_status()
        step(f"the secret {arguments.name_of_secret} is {done}")
        return 0

    return ask(arguments, change)


def _env(arguments: argparse.Namespace) -> int:
    namespace, _, service_account = arguments.workload.partition("/")

    def export(client: "httpx.Client") -> int:
        environment = client.put(f"/environments/{namespace}/{service_account}").raise_for_status().json()
        print("\n".join(lines_for(arguments.language, environment)))
        return 0

    return ask(arguments, export)


def _outputs(arguments: argparse.Namespace) -> int:
    from localcloud.authorization.model import AccessFileError, AccessModel
    from localcloud.cluster.outputs import render_outputs

    settings = settings_of(arguments)
    try:
        model = AccessModel.load(settings.access)
    except AccessFileError as error:
        return fail(error)
    print(render_outputs(model, settings.name), end="")
    return 0


def _tag(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise argparse.ArgumentTypeError(f"not KEY=VALUE: {text}")
    return key, value
