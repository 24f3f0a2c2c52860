"""What a served model leaves behind: exchanges, feedback, versions and keys, in one database. No torch here."""
