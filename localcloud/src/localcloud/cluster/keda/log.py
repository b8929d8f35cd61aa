"""The log of KEDA's operator, in the words and the form of KEDA's own: time, level, logger, message, fields as JSON.

Sources: KEDA's pkg/scalers/azure_servicebus_scaler.go, pkg/scaling/scale_handler.go and pkg/scaling/executor/
scale_scaledobjects.go; lines as an operator prints them are in https://github.com/kedacore/keda/issues/3977. The errors
are those of Azure's SDK for Python, where KEDA has those of the one for Go.
"""

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from localcloud.cluster.keda.autoscaler import Decision
from localcloud.cluster.keda.manifests import ScaledObject


class OperatorLog:
    """Appends to the file at `path`. A line that can't be written, for example to a full disk, is lost."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def failed(self, item: ScaledObject, error: Exception) -> None:
        """Write why a trigger's length can't be read: the scaler says it, and then the handler of the ScaledObject."""
        namespace, name = item.metadata.namespace, item.metadata.name
        scaler = {"type": "ScaledObject", "namespace": namespace, "name": name, "error": str(error)}
        self._write("ERROR", "azure_servicebus_scaler", "error getting service bus entity length", scaler)
        handler = {
            "scaledObject.Namespace": namespace,
            "scaledObject.Name": name,
            "scaler": "azureServiceBusScaler",
            "error": str(error),
        }
        self._write("ERROR", "scale_handler", "error getting scale decision", handler)

    def scaled(self, item: ScaledObject, before: int, decision: Decision) -> None:
        """Write what the operator has decided, if it was the operator and not the HorizontalPodAutoscaler."""
        if decision.log:
            fields = {
                "scaledobject.Name": item.metadata.name,
                "scaledObject.Namespace": item.metadata.namespace,
                "scaleTarget.Name": item.spec.scale_target_ref.name,
                "Original Replicas Count": before,
                "New Replicas Count": decision.replicas,
            }
            self._write("INFO", "scaleexecutor", decision.log, fields)

    def _write(self, level: str, logger: str, message: str, fields: Mapping[str, Any]) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with contextlib.suppress(OSError), self.path.open("a") as file:
            file.write("\t".join((now, level, logger, message, json.dumps(fields))) + "\n")
