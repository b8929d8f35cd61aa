"""The application's Azure: a local cloud whose access model is a copy of the application's, to be changed by tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from localcloud.authorization.audit import Access, Exchange
from localcloud.testing import RunningCloud

from tests.access import model


class Application:
    """`accesses` grows with the cloud's audit trail. `access` is the file that the cloud enforces."""

    def __init__(self, cloud: RunningCloud, access: Path) -> None:
        self.cloud = cloud
        self.accesses: list[Access] = []
        self._access = access
        cloud.cloud.audit.listen(self._hear)

    @contextmanager
    def enforcing(self, changed: dict[str, Any]) -> Iterator[None]:
        """Puts another access model in force, which takes effect at once, and then the application's own again."""
        self._access.write_text(yaml.safe_dump(changed))
        try:
            yield
        finally:
            self._access.write_text(model.FILE.read_text())

    @contextmanager
    def without(self, part: model.Part) -> Iterator[None]:
        """Takes a part out of the access model, and puts it back."""
        with self.enforcing(model.without(part)):
            yield

    @contextmanager
    def pod_of(self, workload: str) -> Iterator[None]:
        """The variables that the webhook gives to the workload's pods."""
        identity = self.cloud.workload_identity(workload)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AZURE_CLIENT_ID", identity["client_id"])
            patch.setenv("AZURE_TENANT_ID", identity["tenant_id"])
            patch.setenv("AZURE_FEDERATED_TOKEN_FILE", identity["token_file_path"])
            yield

    def denied_since(self, position: int) -> list[Access]:
        """The refusals in the trail from this position of `accesses` on."""
        return [access for access in self.accesses[position:] if not access.allowed]

    def _hear(self, entry: Access | Exchange) -> None:
        if isinstance(entry, Access):
            self.accesses.append(entry)
