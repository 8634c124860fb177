"""Other libraries that make training sets, each in an environment of its own: nothing of Aurify is here."""
