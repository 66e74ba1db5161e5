"""What the documentation makes of the code at build time; every file but `hook.py` works without MkDocs."""
