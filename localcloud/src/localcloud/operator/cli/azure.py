"""The verbs that change Azure itself: its keys, its clock, its trust, and the faults of its services."""

import argparse
from typing import TYPE_CHECKING

from localcloud.operator.cli.verbs import Verbs, ask
from localcloud.operator.lines import say, step

if TYPE_CHECKING:
    import httpx


_WAYS = {
    "credentials": "federated credentials",
    "bindings": "identity bindings",
    "both": "federated credentials and by identity bindings",
}


def add_to(verbs: Verbs) -> None:
    verbs.add("rotate-issuer-key", _rotate_issuer, "give the cluster's issuer a new signing key")
    verbs.add("rotate-entra-key", _rotate_entra, "give Entra a new signing key; the present one still verifies")
    federation = verbs.add("federation", _federation, "change how the identities trust the cluster's service accounts")
    federation.add_argument("way", choices=tuple(_WAYS))
    verbs.add("faults", _faults, "list the services' faults, and how many requests each has hit")
    fault = verbs.add("fault", _fault, "make a service fail, or work again")
    fault.add_argument("service", help="entra, issuer, keyvault, cosmos, blob, servicebus or token-proxy")
    fault.add_argument("kind", help="down, silent, resetting, slow, throttling, failing; or none, to end it")
    fault.add_argument("--seconds", type=float, default=1.0, help="how slow, or when to try again (default: 1)")
    clock = verbs.add("clock", _clock, "move Azure's clock, as the pods see it")
    clock.add_argument("seconds", type=float, help="how far ahead of this machine's; 0 puts it right")
    propagation = verbs.add("propagation", _propagation, "let a role that is given or taken count later, as in Azure")
    propagation.add_argument("seconds", type=float, help="how much later; 0 puts every change in force")


def _rotate_issuer(arguments: argparse.Namespace) -> int:
    def rotate(client: "httpx.Client") -> int:
        client.post("/issuer/rotate").raise_for_status()
        step("the cluster's issuer has a new signing key and publishes no other: Entra refuses the tokens of before")
        say("  A pod has a new token when the kubelet renews it, within the hour, or at once if it is restarted.")
        return 0

    return ask(arguments, rotate)


def _rotate_entra(arguments: argparse.Namespace) -> int:
    def rotate(client: "httpx.Client") -> int:
        client.post("/entra/rotate").raise_for_status()
        step("Entra signs with a new key: access tokens of before stay valid until the next rotation")
        return 0

    return ask(arguments, rotate)


def _federation(arguments: argparse.Namespace) -> int:
    def federate(client: "httpx.Client") -> int:
        client.put("/federation", json={"way": arguments.way}).raise_for_status()
        step(f"the identities trust the cluster's service accounts by {_WAYS[arguments.way]}")
        return 0

    return ask(arguments, federate)


def _faults(arguments: argparse.Namespace) -> int:
    def show(client: "httpx.Client") -> int:
        answer = client.get("/faults").raise_for_status().json()
        for service in answer["services"]:
            fault = answer["present"].get(service)
            print(f"{service:<12}", f"{fault['kind']}, met {fault['met']} times" if fault else "works")
        if answer["clock"]:
            print(f"Azure's clock is {answer['clock']:g} seconds ahead")
        if answer["propagation"]:
            print(f"a role that is given or taken counts after {answer['propagation']:g} seconds")
        return 0

    return ask(arguments, show)


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

    return ask(arguments, begin)


def _clock(arguments: argparse.Namespace) -> int:
    def move(client: "httpx.Client") -> int:
        client.put("/clock", json={"seconds": arguments.seconds}).raise_for_status()
        step(f"Azure's clock is {arguments.seconds:g} seconds ahead" if arguments.seconds else "Azure's clock is right")
        return 0

    return ask(arguments, move)


def _propagation(arguments: argparse.Namespace) -> int:
    def delay(client: "httpx.Client") -> int:
        client.put("/propagation", json={"seconds": arguments.seconds}).raise_for_status()
        if arguments.seconds:
            step(f"a role that is given or taken counts after {arguments.seconds:g} seconds of Azure's clock")
        else:
            step("a role that is given or taken counts at once, and every change so far is in force")
        return 0

    return ask(arguments, delay)
