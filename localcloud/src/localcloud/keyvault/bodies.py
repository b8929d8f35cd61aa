"""The JSON that Key Vault takes and gives (https://learn.microsoft.com/rest/api/keyvault/secrets)."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from localcloud.keyvault.state import SecretVersion

_Tag = Annotated[str, StringConstraints(max_length=256)]
_Moment = Annotated[int, Field(ge=0, lt=253402300800)]  # a Unix time within the years that can be written


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)


class Attributes(_Body):
    """What a caller may set of a secret's attributes; times are Unix seconds."""

    enabled: bool | None = None
    nbf: _Moment | None = None
    exp: _Moment | None = None


class PropertiesUpdate(_Body):
    """The body of a PATCH: what is absent stays as it is, and tags are replaced as a whole."""

    tags: dict[_Tag, _Tag] | None = Field(None, max_length=15)
    contentType: str | None = Field(None, max_length=255)
    attributes: Attributes = Attributes()


class NewSecret(PropertiesUpdate):
    """The body of a PUT: the value, at most 25 KB, is the one thing that must be there."""

    value: str = Field(max_length=25 * 1024)


def properties(vault_url: str, secret: SecretVersion) -> dict[str, object]:
    """A secret's version without its value."""
    attributes: dict[str, object] = {"enabled": secret.enabled}
    if secret.not_before is not None:
        attributes["nbf"] = secret.not_before
    if secret.expires is not None:
        attributes["exp"] = secret.expires
    attributes |= {
        "created": secret.created,
        "updated": secret.updated,
        "recoveryLevel": "Recoverable+Purgeable",
        "recoverableDays": 90,
    }
    body: dict[str, object] = {
        "id": f"{vault_url}/secrets/{secret.name}/{secret.version}",
        "attributes": attributes,
    }
    if secret.content_type is not None:
        body["contentType"] = secret.content_type
    if secret.tags:
        body["tags"] = secret.tags
    return body


def item(vault_url: str, secret: SecretVersion) -> dict[str, object]:
    """An entry of the list of all secrets: it names the secret, no version."""
    return properties(vault_url, secret) | {"id": f"{vault_url}/secrets/{secret.name}"}


def bundle(vault_url: str, secret: SecretVersion) -> dict[str, object]:
    """A secret's version with its value."""
    return {"value": secret.value} | properties(vault_url, secret)
