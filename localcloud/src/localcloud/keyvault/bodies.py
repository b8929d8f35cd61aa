"""The JSON that Key Vault takes and gives (https://learn.microsoft.com/rest/api/keyvault/secrets)."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from localcloud.keyvault import limits
from localcloud.keyvault.state import DeletedSecret, SecretVersion


def _in_bytes(value: str) -> str:
    if len(value.encode()) > limits.VALUE_BYTES:
        raise ValueError(f"a secret's value has at most {limits.VALUE_BYTES} bytes of UTF-8")
    return value


_Tag = Annotated[str, StringConstraints(max_length=limits.TAG_CHARACTERS)]
_Value = Annotated[str, AfterValidator(_in_bytes)]
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

    tags: dict[_Tag, _Tag] | None = Field(None, max_length=limits.TAGS)
    contentType: str | None = Field(None, max_length=limits.CONTENT_TYPE_CHARACTERS)
    attributes: Attributes = Attributes()


class NewSecret(PropertiesUpdate):
    """The body of a PUT: the value is the one thing that must be there."""

    value: _Value


class Backup(_Body):
    """The body of a restore: the value of a backup."""

    value: str


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
        "recoverableDays": limits.RETENTION_DAYS,
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


def deleted_bundle(vault_url: str, secret: DeletedSecret) -> dict[str, object]:
    """A deleted secret, without its value: what it was, and until when it can be recovered."""
    return _recovery(vault_url, secret) | properties(vault_url, secret.latest)


def deleted_item(vault_url: str, secret: DeletedSecret) -> dict[str, object]:
    """An entry of the list of all deleted secrets."""
    return _recovery(vault_url, secret) | item(vault_url, secret.latest)


def _recovery(vault_url: str, secret: DeletedSecret) -> dict[str, object]:
    return {
        "recoveryId": f"{vault_url}/deletedsecrets/{secret.latest.name}",
        "deletedDate": secret.deleted,
        "scheduledPurgeDate": secret.scheduled_purge,
    }
