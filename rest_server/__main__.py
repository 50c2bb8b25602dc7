"""`python -m rest_server`."""

from rest_server.cli import main

if __name__ == "__main__":
    main()
