"""`python -m docs.play FOLDER`."""

from docs.play.build import main

if __name__ == "__main__":
    main()
