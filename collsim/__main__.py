"""`python -m collsim` is the program `collsim`."""

from collsim.cli.main import run

if __name__ == "__main__":
    run()
