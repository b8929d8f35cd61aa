"""The README's picture of the architecture, drawn as SVG. `make pictures` writes it.

GitHub shows an SVG as an image, so it can load neither fonts nor styles: the picture of a light page and that of a dark
page are two files.
"""

from html import escape

TITLE = "How a token travels in Keyless"
DESCRIPTION = (
    "The cluster projects a token into each pod. Entra exchanges it for an access token. "
    "Key Vault, Service Bus, Cosmos DB and Blob Storage each decide by a role on one entity."
)
SCHEMES = {
    "light": {"page": "#ffffff", "text": "#1f2328", "quiet": "#59636e", "card": "#f6f8fa", "line": "#8c959f",
              "token": "#0a5cc4", "access": "#1a7f37"},
    "dark": {"page": "#0d1117", "text": "#e6edf3", "quiet": "#9da7b3", "card": "#161b22", "line": "#6e7681",
             "token": "#79b8ff", "access": "#56d364"},
}  # fmt: skip
WIDTH, HEIGHT = 1040, 640

# name, entity, then what the frontend does with it, and what the backend does
SERVICES = (
    ("Service Bus", "queue orders", "sends", "receives"),
    ("Cosmos DB", "container orders", "reads", "creates"),
    ("Blob Storage", "container receipts", "reads", "adds"),
    ("Key Vault", "one secret at a time", "reads two", "reads one"),
)
SERVICE_TOP, SERVICE_HEIGHT, SERVICE_STEP = 176, 62, 78
SERVICE_LEFT, SERVICE_RIGHT = 410, 630
POD_WIDTH, POD_TOP, POD_HEIGHT = 180, 200, 250
FRONTEND, BACKEND = 40, WIDTH - 40 - POD_WIDTH


def picture(scheme: str) -> str:
    """Return the picture as SVG, in the colours of `light` or `dark` pages."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="t d">',
        f'<title id="t">{escape(TITLE)}</title>',
        f'<desc id="d">{escape(DESCRIPTION)}</desc>',
        _style(SCHEMES[scheme]),
        f"<defs>{''.join(map(_head, ('token', 'access', 'keys')))}</defs>",
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}" rx="12"/>',
        *_entra(),
        *_pod(FRONTEND, "frontend", "Flask", "takes orders"),
        *_pod(BACKEND, "backend", "worker", "signs receipts"),
        *_services(),
        *_cluster(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _style(colours: dict[str, str]) -> str:
    rules = [
        "text{{font:15px system-ui,-apple-system,'Segoe UI',sans-serif;fill:{text};text-anchor:middle}}",
        ".name{{font-weight:600;font-size:17px}}.quiet{{fill:{quiet};font-size:14px}}",
        ".page{{fill:{page}}}.card{{fill:{card};stroke:{line}}}",
        ".step{{fill:{token};font-weight:600}}.act{{fill:{access};font-weight:600}}",
        "path{{fill:none;stroke-width:2}}.token{{stroke:{token}}}.access{{stroke:{access}}}",
        ".keys{{stroke:{line};stroke-dasharray:5 5}}",
        ".token-head{{fill:{token}}}.access-head{{fill:{access}}}.keys-head{{fill:{line}}}",
    ]
    return f"<style>{''.join(rules).format(**colours)}</style>"


def _entra() -> list[str]:
    """Entra at the top, and the exchange with each pod."""
    left, right = 330, 710
    return [
        _card(left, 30, right - left, 84),
        _text(520, 64, "Microsoft Entra ID", "name"),
        _text(520, 90, "trusts one issuer, subject and audience", "quiet"),
        _arrow(f"M{FRONTEND + 70} {POD_TOP} V72 H{left}", "token"),
        _text(230, 62, "2. exchange", "step"),
        _arrow(f"M{left} 98 H{FRONTEND + 130} V{POD_TOP}", "access"),
        _text(252, 122, "3. access token", "act"),
        _arrow(f"M{BACKEND + POD_WIDTH - 70} {POD_TOP} V72 H{right}", "token"),
        _text(810, 62, "2. exchange", "step"),
        _arrow(f"M{right} 98 H{BACKEND + POD_WIDTH - 130} V{POD_TOP}", "access"),
        _text(788, 122, "3. access token", "act"),
    ]


def _pod(left: int, name: str, kind: str, does: str) -> list[str]:
    centre = left + POD_WIDTH // 2
    return [
        _card(left, POD_TOP, POD_WIDTH, POD_HEIGHT),
        _text(centre, POD_TOP + 90, f"pod {name}", "name"),
        _text(centre, POD_TOP + 116, f"{kind}, {does}", "quiet"),
        _text(centre, POD_TOP + 152, "no credential", "quiet"),
        _arrow(f"M{centre} 520 V{POD_TOP + POD_HEIGHT}", "token"),
    ]


def _services() -> list[str]:
    parts = [_text(520, 160, "4. each looks for a role on the entity", "act")]
    for place, (name, entity, frontend, backend) in enumerate(SERVICES):
        top = SERVICE_TOP + place * SERVICE_STEP
        middle = top + SERVICE_HEIGHT // 2
        parts += [
            _card(SERVICE_LEFT, top, SERVICE_RIGHT - SERVICE_LEFT, SERVICE_HEIGHT),
            _text(520, top + 27, name, "name"),
            _text(520, top + 49, entity, "quiet"),
            _arrow(f"M{FRONTEND + POD_WIDTH} {middle} H{SERVICE_LEFT}", "access"),
            _text((FRONTEND + POD_WIDTH + SERVICE_LEFT) // 2, middle - 8, frontend, "act"),
            _arrow(f"M{BACKEND} {middle} H{SERVICE_RIGHT}", "access"),
            _text((BACKEND + SERVICE_RIGHT) // 2, middle - 8, backend, "act"),
        ]
    return parts


def _cluster() -> list[str]:
    """The cluster at the bottom: it projects the tokens, and publishes the keys that Entra verifies them with."""
    return [
        _card(FRONTEND, 520, WIDTH - 2 * FRONTEND, 90),
        _text(520, 554, "Kubernetes: AKS, EKS, kind, or the laptop", "name"),
        _text(520, 582, "webhook, service accounts, OIDC issuer", "quiet"),
        _text(FRONTEND + 174, 492, "1. projected token", "step"),
        _text(BACKEND + 6, 492, "1. projected token", "step"),
        _arrow("M1000 565 H1024 V14 H640 V30", "keys"),
        _text(872, 34, "the issuer's public keys", "quiet"),
    ]


def _card(left: int, top: int, width: int, height: int) -> str:
    return f'<rect class="card" x="{left}" y="{top}" width="{width}" height="{height}" rx="10"/>'


def _text(x: int, y: int, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(words)}</text>'


def _arrow(path: str, kind: str) -> str:
    """Return a line with a head at its end."""
    return f'<path class="{kind}" d="{path}" marker-end="url(#{kind})"/>'


def _head(kind: str) -> str:
    return (
        f'<marker id="{kind}" class="{kind}-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 10 5 0 10z" stroke="none" style="fill:inherit"/></marker>'
    )
