"""Which random examples the tests draw: the same at every run (`make test`), or new ones (`make explore`)."""

from __future__ import annotations

import os

from hypothesis import settings

# A gate must not fail at random for what is on main already; whoever explores wants new layers each time, and keeps what was
# found as an @example.
settings.register_profile("gate", derandomize=True, database=None, print_blob=True)
settings.register_profile("explore", max_examples=int(os.environ.get("EXAMPLES", "300")), print_blob=True)
settings.load_profile("explore" if "EXAMPLES" in os.environ else "gate")
