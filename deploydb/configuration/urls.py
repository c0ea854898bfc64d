"""What an address on the web looks like."""

import re

URL = re.compile(r"https?://[^\s/?#]+\S*")
"""http or https, with a host."""
