"""What can become of a row of quarantine."""

OPEN, REPAIRED, ACCEPTED, REJECTED = STANDING = ("open", "repaired", "accepted", "rejected")
REPLAYED, REPLACED = PASSED = ("replayed", "replaced")
STATES = (*STANDING, *PASSED)
# Rows that a person may still mend.
REPAIRABLE = (OPEN, REPAIRED)
