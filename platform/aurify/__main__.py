"""`python -m aurify`: the command line."""

from aurify.cli.main import main

if __name__ == "__main__":
    main(prog_name="aurify")
