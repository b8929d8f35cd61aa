"""Install the project's tools below `.tools/` and `.venv/`, and nothing in other places.

With the argument `check`, the tools of `make check` too.

It needs Python 3.11 or newer with `venv`, and the package registries that pip, uv and npm are set up to use. If no lock
file has changed since the last time, it installs nothing, so a warm start needs no network.

An older Python must be able to read this file and say that it is too old, so there is no newer syntax here.
"""

import os
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TOOLS = os.path.join(ROOT, ".tools")
UV_VERSION = "0.13.9"
MEMBERS = ("workload", "contract", "frontend", "backend", "localcloud")
AZURITE = "localcloud/src/localcloud/blob/azurite_package/package-lock.json"
LOCKS = ("uv.lock", "pyproject.toml", AZURITE, "tools/bootstrap.py") + tuple(
    member + "/pyproject.toml" for member in MEMBERS
)
READY, READY_TO_CHECK = os.path.join(TOOLS, "ready"), os.path.join(TOOLS, "ready-to-check")
CHECKOV_VERSION = "3.3.30"


def main():
    if sys.version_info < (3, 11):
        sys.exit(
            "Keyless needs Python 3.11 or newer; this is %d.%d. Set PYTHON=python3.12, say." % sys.version_info[:2]
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit("Python's venv is missing. On Debian or Ubuntu: sudo apt install python3-venv")
    environment = dict(
        os.environ,
        PIP_CACHE_DIR=os.path.join(TOOLS, "cache", "pip"),
        UV_CACHE_DIR=os.path.join(TOOLS, "cache", "uv"),
        UV_PYTHON_DOWNLOADS="never",
        UV_SYSTEM_CERTS="true",
        UV_TOOL_BIN_DIR=os.path.join(TOOLS, "bin"),
        UV_TOOL_DIR=os.path.join(TOOLS, "uv-tools"),
        npm_config_cache=os.path.join(TOOLS, "cache", "npm"),
    )
    environment.pop("VIRTUAL_ENV", None)
    uv = os.path.join(TOOLS, "uv", "bin", "uv")
    if not is_newer(READY, LOCKS):
        install(uv, environment)
        touch(READY)
    if sys.argv[1:] == ["check"] and not is_newer(READY_TO_CHECK, LOCKS + (READY,)):
        install_checks(uv, environment)
        touch(READY_TO_CHECK)


def install(uv, environment):
    """Install what `make run` and `make test` need."""
    step("uv", environment, [sys.executable, "-m", "venv", os.path.join(TOOLS, "uv")])
    python = os.path.join(TOOLS, "uv", "bin", "python")
    step("uv " + UV_VERSION, environment, [python, "-m", "pip", "install", "--quiet", "uv==" + UV_VERSION])
    step("Python packages", environment, [uv, "sync", "--frozen", "--quiet", "--python", sys.executable])
    step("Azurite", environment, [os.path.join(ROOT, ".venv", "bin", "localcloud"), "install"])


def install_checks(uv, environment):
    """Install what `make check` needs: linters, Terraform with its providers' schemas, and checkov by itself."""
    groups = ["--group", "check", "--group", "infra"]
    step("Linters and Terraform", environment, [uv, "sync", "--frozen", "--quiet"] + groups)
    checkov = "checkov==" + CHECKOV_VERSION
    step("checkov", environment, [uv, "tool", "install", "--quiet", "--python", sys.executable, checkov])


def is_newer(stamp, sources):
    """Whether the stamp is newer than every source, and the environment still exists."""
    if not (os.path.exists(stamp) and os.path.exists(os.path.join(ROOT, ".venv", "bin", "python"))):
        return False
    made = os.path.getmtime(stamp)
    return all(os.path.getmtime(os.path.join(ROOT, source)) <= made for source in sources)


def touch(stamp):
    with open(stamp, "w") as file:
        file.write(sys.executable)


def step(name, environment, command):
    """Run a command and print how long it took. If it fails, the program ends with the command's own words."""
    started = time.time()
    print("… " + name, flush=True)
    if subprocess.call(command, cwd=ROOT, env=environment) != 0:
        sys.exit(
            "✗ %s could not be installed: see above. Behind a proxy, set HTTPS_PROXY; with a company CA, SSL_CERT_FILE."
            % name
        )
    print("✓ %s (%.1f s)" % (name, time.time() - started), flush=True)


if __name__ == "__main__":
    main()
