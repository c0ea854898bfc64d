"""HTTP in, facts out: for people in a browser, and for programs that do not speak the broker's protocol.

The gateway decides nothing and writes nothing to the database. It authenticates the person, makes a fact of the
request, publishes it, and answers once the broker has confirmed it and ingest has stored it. If it dies in between,
either the broker has the fact, or the client has no answer.

The author of a fact comes from the token or from the authenticating proxy; never from the request's body. A browser
sends cookies and a proxy adds its header to any request. So both count only on a request of our own pages: by the
form's secret, and by the origin that the browser reports.
"""
