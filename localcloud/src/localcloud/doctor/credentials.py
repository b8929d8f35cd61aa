"""The three links that a federated credential is made of: issuer, subject and audience."""

from collections.abc import Callable

from localcloud.doctor.bindings import judged
from localcloud.doctor.facts import Credential, Facts, Remedies, Token
from localcloud.doctor.link import ChainLink, bad

Judge = Callable[[Facts, Remedies], ChainLink]


def _credential(name: str, code: str, of: Callable[[Credential], str], presented: Callable[[Token], str]) -> Judge:
    def judge(facts: Facts, remedies: Remedies) -> ChainLink:
        if of_binding := judged(name, facts, remedies):
            return of_binding
        trusted = _nearest(facts)
        if trusted is None and facts.found is not None:
            remedy = remedies.credential(facts, "AADSTS70025")
            return bad(name, "a federated credential", f"{facts.found.name} has none", remedy)
        if trusted is None or facts.token is None:
            return ChainLink(name, "unknown", "", "no token to look at")
        expected, actual = of(trusted), presented(facts.token)
        if expected == actual or (name == "audience" and expected in facts.token.audiences):
            return ChainLink(name, "good", expected, actual)
        return bad(name, expected, actual, remedies.credential(facts, code))

    return judge


def _nearest(facts: Facts) -> Credential | None:
    """Of the identity's credentials, the one that is most like the token."""
    identity, token = facts.found, facts.token
    credentials = identity.credentials if identity else ()
    if token is None:
        return next(iter(credentials), None)
    presented = token

    def likeness(credential: Credential) -> tuple[bool, bool, bool, bool]:
        return (
            credential.issuer == presented.issuer,
            credential.issuer.rstrip("/") == presented.issuer.rstrip("/"),
            credential.subject == presented.subject,
            credential.audience in presented.audiences,
        )

    return max(credentials, key=likeness, default=None)


CREDENTIAL: tuple[Judge, ...] = (
    _credential("issuer", "AADSTS700211", lambda each: each.issuer, lambda token: token.issuer),
    _credential("subject", "AADSTS700213", lambda each: each.subject, lambda token: token.subject),
    _credential("audience", "AADSTS700212", lambda each: each.audience, lambda token: ", ".join(token.audiences)),
)
