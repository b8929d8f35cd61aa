"""What the operator does to the vault's secrets: set, delete, recover, purge, back up and restore."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from localcloud.keyvault.backup import Backups, NotABackup
from localcloud.keyvault.state import NameIsDeleted, NameIsTaken, SecretStore


def secret_routes(store: SecretStore, backups: Backups) -> Sequence[Route]:
    """Return the routes. An answer that is no success has an `error`, a sentence."""

    async def put(request: Request) -> Response:
        body, name = await request.json(), request.path_params["name"]
        try:
            version = store.put(name, body["value"], body.get("tags", {}), body.get("contentType"))
        except NameIsDeleted:
            error = f"the secret {name} is deleted. Recover or purge it first: until then its name can't be used"
            return JSONResponse({"error": error}, 409)
        return JSONResponse({"version": version})

    async def delete(request: Request) -> Response:
        name = request.path_params["name"]
        return Response(status_code=204) if store.delete(name) else _no(f"there is no secret {name}")

    async def recover(request: Request) -> Response:
        name = request.path_params["name"]
        return Response(status_code=204) if store.recover(name) else _no(f"there is no deleted secret {name}")

    async def purge(request: Request) -> Response:
        name = request.path_params["name"]
        return Response(status_code=204) if store.purge(name) else _no(f"there is no deleted secret {name}")

    async def back_up(request: Request) -> Response:
        name = request.path_params["name"]
        latest = store.get(name)
        if latest is None:
            return _no(f"there is no secret {name}")
        return JSONResponse({"value": backups.make(store.in_order(latest.name))})

    async def restore(request: Request) -> Response:
        try:
            restored = store.restore(backups.read((await request.json())["value"]))
        except NotABackup:
            return JSONResponse({"error": "this is no backup of this vault"}, 400)
        except (NameIsTaken, NameIsDeleted):
            return JSONResponse({"error": "the vault has a secret of this name, perhaps a deleted one"}, 409)
        return JSONResponse({"version": restored.version})

    return (
        Route("/secrets/restore", restore, methods=["POST"]),
        Route("/secrets/{name}", put, methods=["PUT"]),
        Route("/secrets/{name}", delete, methods=["DELETE"]),
        Route("/secrets/{name}/backup", back_up, methods=["POST"]),
        Route("/deletedsecrets/{name}", purge, methods=["DELETE"]),
        Route("/deletedsecrets/{name}/recover", recover, methods=["POST"]),
    )


def _no(error: str) -> Response:
    return JSONResponse({"error": error}, 404)
