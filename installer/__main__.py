"""``python -m installer``."""

from installer.cli import main

if __name__ == "__main__":
    main()
