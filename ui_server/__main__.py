from ui_server.cli import main

if __name__ == "__main__":
    main(prog_name="python -m ui_server")
