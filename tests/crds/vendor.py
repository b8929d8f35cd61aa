"""Brings the definitions of the custom resources that the manifests use: `python -m tests.crds.vendor`.

Go has to be in PATH. They come from their projects' own Go modules, and lose what is written for people alone
(`description`, four fifths of them), nothing else. The API server takes them as it takes the originals.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
SOURCES = {
    "sigs.k8s.io/gateway-api@v1.6.3": (
        "config/crd/standard/gateway.networking.k8s.io_gateways.yaml",
        "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml",
    ),
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/cilium/cilium@v1.18.4": ("pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml",),
}


def main() -> None:
    for module, files in SOURCES.items():
        command = ["go", "mod", "download", "-json", module]
        folder = Path(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["Dir"])
        for file in files:
            definition = _without_descriptions(yaml.safe_load((folder / file).read_text()))
            text = yaml.safe_dump(definition, sort_keys=False, width=120)
            (FOLDER / f"{definition['metadata']['name']}.yaml").write_text(f"# {module}, {file}: see README.md\n{text}")


def _without_descriptions(value: Any) -> Any:
    if isinstance(value, dict):
        # A property may be called `description` too: then its value is a schema, not a text.
        return {k: _without_descriptions(v) for k, v in value.items() if k != "description" or not isinstance(v, str)}
    if isinstance(value, list):
        return [_without_descriptions(item) for item in value]
    return value


if __name__ == "__main__":
    main()
