"""``python -m tests.golden`` writes the golden files that are missing, and names them."""

import sys

from tests.golden.files import write_missing

for path in write_missing():
    sys.stdout.write(f"{path.name}\n")
