"""The form of an http address."""

import re

URL = re.compile(r"https?://[^\s/?#]+\S*")
"""http or https, with a host."""
