"""The entry point. Ctrl-C during the imports ends the program without a traceback."""

import sys


def main() -> int:
    try:
        from localcloud.operator import cli
    except KeyboardInterrupt:
        return 130
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
