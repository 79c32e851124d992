"""Each fault that `adminbot doctor` has to find, provoked for real: `make doctor` prints them."""
