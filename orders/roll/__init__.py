"""The distribution roll: who received what, signed; and the archive of a finished purchase."""
