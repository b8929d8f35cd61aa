"""The Azurite process: its data outlive it, it is started again if it dies, and it never outlives the cloud."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from localcloud.blob.azurite import Azurite, AzuriteError

HEADERS = {b"content-length": b"1", b"x-ms-blob-type": b"BlockBlob"}

PROGRAM = """
import asyncio, sys
from pathlib import Path
from localcloud.blob.azurite import Azurite

async def main():
    azurite = Azurite(Path(sys.argv[1]), Path(sys.argv[2]), "localcloud")
    await azurite.start()
    await azurite.create_containers(["files"])
    print(azurite.url, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def one_byte() -> AsyncIterator[bytes]:
    yield b"x"


async def put(azurite: Azurite, path: str) -> int:
    async with azurite.request("PUT", path, "", HEADERS, one_byte()) as answer:
        return answer.status_code


async def get(azurite: Azurite, path: str) -> int:
    async with azurite.request("GET", path, "", {}, None) as answer:
        return answer.status_code


async def answers(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            await client.get(url)
        except httpx.ConnectError:
            return False
        except httpx.TransportError:
            return True
    return True


async def test_blobs_outlive_a_restart(tmp_path: Path, azurite: Path) -> None:
    """What was uploaded before an orderly end is there after the next start, under a new account key."""
    for round_ in (1, 2):
        process = Azurite(tmp_path, azurite, "localcloud")
        await process.start()
        try:
            await process.create_containers(["files"])
            if round_ == 1:
                assert await put(process, "/files/kept") == 201
            assert await get(process, "/files/kept") == 200
        finally:
            await process.close()


async def test_it_ends_at_once_with_clients_connected(tmp_path: Path, azurite: Path) -> None:
    """Neither an upload that is not over nor a kept connection delays the end, which takes 20 ms."""
    process = Azurite(tmp_path, azurite, "localcloud")
    await process.start()
    began, never = asyncio.Event(), asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        began.set()
        await never.wait()
        yield b"x"

    async def upload() -> None:
        async with process.request("PUT", "/files/stuck", "", HEADERS, stuck()):
            pass

    await process.create_containers(["files"])
    uploading = asyncio.create_task(upload())
    await began.wait()
    async with asyncio.timeout(3):
        await process.close()
    uploading.cancel()
    await asyncio.wait([uploading])


async def test_it_is_started_again_if_it_dies(tmp_path: Path, azurite: Path) -> None:
    """A killed Azurite is replaced, and requests reach the new one."""
    process = Azurite(tmp_path, azurite, "localcloud")
    await process.start()
    try:
        first = process.pid
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(20):
            while True:
                try:
                    await process.create_containers(["files"])
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        assert process.pid != first
        assert await put(process, "/files/after") == 201
    finally:
        await process.close()


async def test_its_containers_are_there_when_it_is_started_again(tmp_path: Path, azurite: Path) -> None:
    """An Azurite that is killed before it has saved its containers has them again, without being asked."""
    process = Azurite(tmp_path, azurite, "localcloud")
    await process.start()
    try:
        await process.create_containers(["files"])
        os.kill(process.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            while await put_again(process) != 201:  # noqa: ASYNC110 - nothing tells when it is there again
                await asyncio.sleep(0.05)
    finally:
        await process.close()


async def put_again(azurite: Azurite) -> int | None:
    """The status of the answer; None while there is no Azurite."""
    try:
        return await put(azurite, "/files/after")
    except httpx.TransportError:
        return None


async def test_it_ends_with_a_parent_that_is_killed(tmp_path: Path, azurite: Path) -> None:
    """A local cloud that is killed without a chance to tidy up leaves no Azurite behind, and loses nothing."""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, tmp_path, azurite, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    url = (await parent.stdout.readline()).decode().strip()
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(20):
        while await answers(url):  # noqa: ASYNC110 - nothing tells when another's child has ended
            await asyncio.sleep(0.05)

    process = Azurite(tmp_path, azurite, "localcloud")
    await process.start()
    try:
        async with process.request("GET", "/files", "restype=container", {}, None) as answer:
            assert answer.status_code == 200
    finally:
        await process.close()


async def test_missing_installation_is_said(tmp_path: Path) -> None:
    """A folder without Azurite is named in the error."""
    process = Azurite(tmp_path / "data", tmp_path / "nothing", "localcloud")
    with pytest.raises(AzuriteError, match=r"not installed in .*nothing"):
        await process.start()
    await process.close()


async def test_environment_is_not_inherited(tmp_path: Path, azurite: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set in a developer's shell for other Node programs does not reach Azurite."""
    monkeypatch.setenv("NODE_OPTIONS", "--no-such-option")
    monkeypatch.setenv("AZURITE_ACCOUNTS", "other:a2V5")
    process = Azurite(tmp_path, azurite, "localcloud")
    await process.start()
    try:
        await process.create_containers(["files"])
    finally:
        await process.close()
