"""Makers of files that ship with the project; not part of the installed package."""
