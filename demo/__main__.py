"""`python -m demo`: see `demo.commands`."""

import signal
import sys

# Until there is something to stop in order, Ctrl-C ends this at once, and not with an import's traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from demo.commands import main  # noqa: E402

sys.exit(main())
