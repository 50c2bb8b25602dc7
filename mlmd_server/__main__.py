"""``python -m mlmd_server``."""

from mlmd_server.cli import main

if __name__ == "__main__":
    main(prog_name="python -m mlmd_server")
