"""The README's pictures are those that `make pictures` makes, and say in words what they show."""

import re
from xml.etree import ElementTree

import pytest
import yaml

from docs.images.architecture import SCHEMES, picture
from tests.docs.pages import ROOT

README = (ROOT / "README.md").read_text()
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_architecture_is_drawn_as_the_script_draws_it(scheme: str) -> None:
    """The file is what `make pictures` writes today, and has a title and a description for who can't see it."""
    file = ROOT / f"docs/images/architecture-{scheme}.svg"
    assert file.read_text() == picture(scheme)
    drawing = ElementTree.fromstring(picture(scheme))  # noqa: S314 - our own drawing
    assert all(drawing.findtext(f"{SVG}{element}") for element in ("title", "desc"))


def test_the_architecture_shows_who_does_what() -> None:
    """The services and entities of the access model are in it, with the workloads that a customer's order passes."""
    model = yaml.safe_load((ROOT / "infra/access.yaml").read_text())
    words = " ".join(ElementTree.fromstring(picture("light")).itertext())  # noqa: S314 - our own drawing
    entities = [name for service in ("serviceBus", "cosmos", "blob") for name in model["entities"][service]]
    names = [*entities, "frontend", "backend", "Key Vault", "Service Bus", "Cosmos DB", "Blob Storage", "Entra"]
    assert [name for name in names if name not in words] == []


def test_each_picture_of_the_readme_is_described_and_there_for_light_and_dark_pages() -> None:
    """A `picture` has a dark source, a light image and words in their place."""
    pictures = re.findall(r"<picture>(.*?)</picture>", README, re.DOTALL)
    assert len(pictures) == 2
    for one in pictures:
        dark, light = re.findall(r'src(?:set)?="([^"]+)"', one)
        assert (ROOT / dark).stat().st_size > 0
        assert light == dark.replace("-dark", "-light")
        assert re.search(r'alt="[^"]{20,}"', one)


def test_the_readme_is_read_in_a_minute() -> None:
    """It has under 120 lines."""
    assert len(README.splitlines()) < 120
