"""`python -m passerelle` is `passerelle`."""

from passerelle.cli import main

if __name__ == "__main__":
    main()
