"""`python -m demo`: see `demo.commands`."""

import signal
import sys

# During the imports there is nothing to stop in order, so Ctrl-C ends the program without a traceback.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from demo.commands import main  # noqa: E402

sys.exit(main())
