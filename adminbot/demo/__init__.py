"""A throw-away Synapse and a person on it: what `adminbot demo` shows and the tests stand on."""
