"""App profiles: what each kind of program needs to log in, as data, one file each."""

from adminbot.apps.catalog import PLAIN, Catalog, load_catalog
from adminbot.apps.profile import Encryption, Identity, Profile, Takes

__all__ = ["PLAIN", "Catalog", "Encryption", "Identity", "Profile", "Takes", "load_catalog"]
