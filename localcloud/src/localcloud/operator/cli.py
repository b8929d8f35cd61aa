"""`localcloud`: start the cloud, or ask one that runs. `localcloud --help` names every verb and setting."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_settings import SettingsError

from localcloud.operator.languages import LANGUAGES, lines_for
from localcloud.operator.lines import refusal, say, step, visible
from localcloud.settings import Settings
from localcloud.validation import faults_of

if TYPE_CHECKING:
    import httpx

    from localcloud.cluster.projection import Projection

Verb = Callable[[argparse.Namespace], int]


def main() -> int:
    arguments = _parser().parse_args()
    try:
        verb: Verb = arguments.verb
        return verb(arguments)
    except KeyboardInterrupt:
        return 130


def _run(arguments: argparse.Namespace) -> int:
    from localcloud import program

    settings = _settings(arguments)
    try:
        asyncio.run(
            program.run(
                settings,
                arguments.overlay,
                dict(arguments.service_port),
                arguments.project,
                ephemeral=arguments.ephemeral,
            )
        )
    except program.FAILURES as error:
        return _fail(error)
    return 0


def _install(arguments: argparse.Namespace) -> int:
    from localcloud.blob.install import install

    return install(_settings(arguments).azurite)


def _outputs(arguments: argparse.Namespace) -> int:
    from localcloud.authorization.model import AccessFileError, AccessModel
    from localcloud.cluster.outputs import render_outputs

    settings = _settings(arguments)
    try:
        model = AccessModel.load(settings.access)
    except AccessFileError as error:
        return _fail(error)
    print(render_outputs(model, settings.name), end="")
    return 0


def _status(arguments: argparse.Namespace) -> int:
    def show(client: "httpx.Client") -> int:
        for pod in client.get("/status").raise_for_status().json()["pods"]:
            state = "ready" if pod["ready"] else f"not ready: {pod['reason'] or 'starting'}"
            say(f"{pod['name']:<32} restarts {pod['restarts']:<4} {state}")
        return 0

    return _ask(arguments, show)


def _webhook(arguments: argparse.Namespace) -> int:
    from localcloud import webhook_program
    from localcloud.authorization.model import TENANT_ID

    try:
        asyncio.run(webhook_program.run(_settings(arguments), arguments.kubeconfig, arguments.tenant or TENANT_ID))
    except webhook_program.FAILURES as error:
        return _fail(error)
    return 0


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

    return _ask(arguments, put)


def _env(arguments: argparse.Namespace) -> int:
    namespace, _, service_account = arguments.workload.partition("/")

    def export(client: "httpx.Client") -> int:
        environment = client.put(f"/environments/{namespace}/{service_account}").raise_for_status().json()
        print("\n".join(lines_for(arguments.language, environment)))
        return 0

    return _ask(arguments, export)


def _restart(arguments: argparse.Namespace) -> int:
    def restart(client: "httpx.Client") -> int:
        pods = client.post(f"/deployments/{arguments.deployment}/restart").raise_for_status().json()
        step(f"{arguments.deployment} is restarted: {_listed(pods['after'])} in place of {_listed(pods['before'])}")
        return 0

    return _ask(arguments, restart)


def _scale(arguments: argparse.Namespace) -> int:
    def scale(client: "httpx.Client") -> int:
        wanted = {"replicas": arguments.replicas}
        pods = client.put(f"/deployments/{arguments.deployment}/scale", json=wanted).raise_for_status().json()
        before, after = len(pods["before"]), len(pods["after"])
        step(f"{arguments.deployment} has {after} {'pod' if after == 1 else 'pods'}, {before} before")
        return 0

    return _ask(arguments, scale)


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

    return _ask(arguments, create)


def _rotate_issuer(arguments: argparse.Namespace) -> int:
    def rotate(client: "httpx.Client") -> int:
        client.post("/issuer/rotate").raise_for_status()
        step("the cluster's issuer has a new signing key and publishes no other: Entra refuses the tokens of before")
        say("  A pod has a new token when the kubelet renews it, within the hour, or at once if it is restarted.")
        return 0

    return _ask(arguments, rotate)


def _rotate_entra(arguments: argparse.Namespace) -> int:
    def rotate(client: "httpx.Client") -> int:
        client.post("/entra/rotate").raise_for_status()
        step("Entra signs with a new key: access tokens of before stay valid until the next rotation")
        return 0

    return _ask(arguments, rotate)


def _federation(arguments: argparse.Namespace) -> int:
    def federate(client: "httpx.Client") -> int:
        client.put("/federation", json={"way": arguments.way}).raise_for_status()
        return 0

    return _ask(arguments, federate)


def _fault(arguments: argparse.Namespace) -> int:
    def begin(client: "httpx.Client") -> int:
        path = f"/faults/{arguments.service}"
        if arguments.kind == "none":
            client.delete(path).raise_for_status()
            step(f"{arguments.service} works")
        else:
            client.put(path, json={"kind": arguments.kind, "seconds": arguments.seconds}).raise_for_status()
            step(f"{arguments.service} is {arguments.kind} until `localcloud fault {arguments.service} none`")
        return 0

    return _ask(arguments, begin)


def _faults(arguments: argparse.Namespace) -> int:
    def show(client: "httpx.Client") -> int:
        answer = client.get("/faults").raise_for_status().json()
        for service in answer["services"]:
            fault = answer["present"].get(service)
            print(f"{service:<12}", f"{fault['kind']}, met {fault['met']} times" if fault else "works")
        if answer["clock"]:
            print(f"Azure's clock is {answer['clock']:g} seconds ahead")
        return 0

    return _ask(arguments, show)


def _clock(arguments: argparse.Namespace) -> int:
    def move(client: "httpx.Client") -> int:
        client.put("/clock", json={"seconds": arguments.seconds}).raise_for_status()
        step(f"Azure's clock is {arguments.seconds:g} seconds ahead" if arguments.seconds else "Azure's clock is right")
        return 0

    return _ask(arguments, move)


def _access(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from localcloud.authorization import audit
    from localcloud.operator import journey
    from localcloud.operator.summary import access_table

    trail = _settings(arguments).state / "audit.jsonl"
    if not trail.exists():
        sys.exit(f"localcloud: there is no trail at {trail}: no local cloud has run there")
    if arguments.uti is None:
        access_table(trail, Console(width=None if sys.stdout.isatty() else 160, highlight=False))
        return 0
    found = journey.journey(audit.entries(trail), arguments.uti)
    if found is None:
        sys.exit(
            f"localcloud: no entry of {trail} has the uti {visible(arguments.uti)}: `localcloud access` lists them"
        )
    for line in journey.lines(found):
        say(line)
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from localcloud.doctor.report import Examined, show

    if arguments.on_azure:
        return _doctor_on_azure(arguments)

    def examine(client: "httpx.Client") -> int:
        answer = client.get("/doctor").raise_for_status().json()
        return 0 if show([Examined.of(each) for each in answer], say) else 1

    return _ask(arguments, examine)


def _doctor_on_azure(arguments: argparse.Namespace) -> int:
    from localcloud.authorization.model import AccessFileError, AccessModel
    from localcloud.doctor.azure import Azure, CommandFailed, Deployed
    from localcloud.doctor.chain import examine
    from localcloud.doctor.report import Examined, show

    settings = _settings(arguments)
    deployed = Deployed(settings.name, arguments.namespace, arguments.resource_group or f"{settings.name}-rg")
    try:
        azure = Azure(deployed, AccessModel.load(settings.access))
        examined = [Examined(facts.workload, tuple(examine(facts, azure.remedies))) for facts in azure.facts()]
    except (AccessFileError, CommandFailed) as error:
        return _fail(error)
    return 0 if show(examined, say) else 1


def _least_privilege(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from localcloud.authorization.model import AccessFileError
    from localcloud.operator.least_privilege import least_privilege

    settings = _settings(arguments)
    trail = settings.state / "audit.jsonl"
    if not trail.exists():
        sys.exit(f"localcloud: there is no trail at {trail}: no local cloud has run there")
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    try:
        least_privilege(settings.access, trail, arguments.form, console)
    except AccessFileError as error:
        return _fail(error)
    return 0


def _ask(arguments: argparse.Namespace, question: "Callable[[httpx.Client], int]") -> int:
    from localcloud.operator.client import ControlError, connect

    try:
        with connect(_settings(arguments).state) as client:
            return question(client)
    except ControlError as error:
        return _fail(error)


def _settings(arguments: argparse.Namespace) -> Settings:
    given = {
        name: value for name, value in vars(arguments).items() if name in Settings.model_fields and value is not None
    }
    try:
        return Settings(**given)
    except ValidationError as error:
        sys.exit(f"localcloud: the settings are wrong: {'; '.join(faults_of(error))}")
    except SettingsError as error:  # a list that is no JSON, in an environment variable
        sys.exit(f"localcloud: the settings are wrong: {error}")


def _fail(error: Exception) -> int:
    sentence = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
    print(f"localcloud: {visible(sentence)}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localcloud", description="The laptop's Azure and its cluster.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add(name: str, verb: Verb, what: str) -> argparse.ArgumentParser:
        one = verbs.add_parser(name, help=what, description=what)
        one.set_defaults(verb=verb)
        for setting, field in Settings.model_fields.items():
            flag, default = f"--{setting.replace('_', '-')}", f"{field.description} (default: {field.default})"
            one.add_argument(flag, help=default, nargs="*" if setting == "issuers" else None)
        return one

    run = add("run", _run, "run the cloud, with a cluster if you give an overlay")
    run.add_argument("--overlay", type=Path, help="the kustomize overlay that the cluster runs")
    run.add_argument("--ephemeral", action="store_true", help="remove the state folder at the end")
    run.add_argument("--service-port", type=_service_port, action="append", default=[], metavar="SERVICE=PORT")
    run.add_argument(
        "--project",
        type=_projection,
        action="append",
        default=[],
        metavar="NAMESPACE/SERVICEACCOUNT=FOLDER",
        help="keep this service account's projected token in a folder, for a workload that runs elsewhere",
    )
    add("install", _install, "install Azurite, which the cloud needs, by npm from a lock file")
    add("status", _status, "list the pods; for each that is not ready, say why")
    doctor = add("doctor", _doctor, "examine each workload's way to Azure, and name the broken link and how to mend it")
    doctor.add_argument("--on-azure", action="store_true", help="a real cluster, with kubectl and az, which only read")
    doctor.add_argument("--namespace", default="default", help="of the workloads, on Azure (default: default)")
    doctor.add_argument("--resource-group", help="of the identities, on Azure (default: NAME-rg)")
    access = add("access", _access, "show which workload did what, or where one token went, from the audit trail")
    access.add_argument("--uti", help="of one access token: its exchange, and every access that it was shown for")
    least = add("least-privilege", _least_privilege, "show what is granted and was never used, and the smallest roles")
    least.add_argument(
        "--as",
        dest="form",
        choices=("table", "access.yaml", "bicep", "terraform"),
        default="table",
        help="a table, or what was used and no more as an access model, Bicep or Terraform (default: table)",
    )
    add("outputs", _outputs, "print this cloud's ids and endpoints as the manifests take infrastructure's outputs")
    env = add("env", _env, "print the environment of a workload that you start yourself, as shell commands for eval")
    env.add_argument("workload", metavar="NAMESPACE/SERVICEACCOUNT")
    env.add_argument(
        "--for",
        dest="language",
        choices=LANGUAGES,
        default="shell",
        help="what this language reads, and the code that it needs as comments (default: shell, what all of them read)",
    )
    webhook = add(
        "webhook", _webhook, "serve the workload-identity webhook to a cluster whose API server reaches this host"
    )
    webhook.add_argument("--kubeconfig", type=Path, required=True, help="its current context is the cluster")
    webhook.add_argument("--tenant", help="of service accounts that name no other (default: this cloud's)")
    secret = add("secret", _secret, "store a new version of a secret, read from standard input; print the version")
    secret.add_argument("name_of_secret", metavar="NAME")
    secret.add_argument("--tag", type=_tag, action="append", default=[], metavar="KEY=VALUE")
    restart = add("restart", _restart, "restart a deployment's pods, one after the other")
    restart.add_argument("deployment", metavar="NAME")
    scale = add("scale", _scale, "change the number of a deployment's pods")
    scale.add_argument("deployment", metavar="NAME")
    scale.add_argument("replicas", type=int, metavar="REPLICAS")
    job = add("job", _job, "run a cronjob's job now, as `kubectl create job --from` does")
    job.add_argument("cronjob")
    job.add_argument("args", nargs="*", help="arguments in place of the container's own")
    add("rotate-issuer-key", _rotate_issuer, "give the cluster's issuer a new signing key")
    add("rotate-entra-key", _rotate_entra, "give Entra a new signing key; the present one still verifies")
    federation = add("federation", _federation, "change how the identities trust the cluster's service accounts")
    federation.add_argument("way", choices=("credentials", "bindings", "both"))
    add("faults", _faults, "list the services' faults, and how many requests each has hit")
    fault = add("fault", _fault, "make a service fail, or work again")
    fault.add_argument("service", help="entra, issuer, keyvault, cosmos, blob, servicebus or token-proxy")
    fault.add_argument("kind", help="down, silent, resetting, slow, throttling, failing; or none, to end it")
    fault.add_argument("--seconds", type=float, default=1.0, help="how slow, or when to try again (default: 1)")
    clock = add("clock", _clock, "move Azure's clock, as the pods see it")
    clock.add_argument("seconds", type=float, help="how far ahead of this machine's; 0 puts it right")
    return parser


def _service_port(text: str) -> tuple[str, int]:
    service, _, port = text.partition("=")
    if not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"not SERVICE=PORT: {text}")
    return service, int(port)


def _tag(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not (key and separator):
        raise argparse.ArgumentTypeError(f"not KEY=VALUE: {text}")
    return key, value


def _projection(text: str) -> "Projection":
    from localcloud.cluster.projection import Projection

    try:
        return Projection.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
