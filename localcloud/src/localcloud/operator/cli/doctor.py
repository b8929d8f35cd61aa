"""The verb that examines each workload's way to Azure."""

import argparse
from typing import TYPE_CHECKING

from localcloud.operator.cli.verbs import Verbs, ask, fail, settings_of
from localcloud.operator.lines import say

if TYPE_CHECKING:
    import httpx


def add_to(verbs: Verbs) -> None:
    what = "examine each workload's way to Azure, and name the broken link and how to mend it"
    doctor = verbs.add("doctor", _doctor, what)
    doctor.add_argument("--on-azure", action="store_true", help="a real cluster, with kubectl and az, which only read")
    doctor.add_argument("--resource-group", help="of the identities, on Azure (default: NAME-rg)")


def _doctor(arguments: argparse.Namespace) -> int:
    from localcloud.doctor.report import Examined, show

    if arguments.on_azure:
        return _doctor_on_azure(arguments)

    def examine(client: "httpx.Client") -> int:
        answer = client.get("/doctor").raise_for_status().json()
        return 0 if show([Examined.of(each) for each in answer], say) else 1

    return ask(arguments, examine)


def _doctor_on_azure(arguments: argparse.Namespace) -> int:
    from localcloud.authorization.model import AccessFileError, AccessModel
    from localcloud.doctor.azure import Azure, CommandFailed, Deployed
    from localcloud.doctor.chain import examine
    from localcloud.doctor.report import Examined, show

    settings = settings_of(arguments)
    deployed = Deployed(settings.name, arguments.resource_group or f"{settings.name}-rg")
    try:
        azure = Azure(deployed, AccessModel.load(settings.access))
        examined = [Examined(facts.workload, tuple(examine(facts, azure.remedies))) for facts in azure.facts()]
    except (AccessFileError, CommandFailed) as error:
        return fail(error)
    return 0 if show(examined, say) else 1
