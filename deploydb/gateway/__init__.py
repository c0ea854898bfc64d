"""HTTP in, facts out: what people do in a browser, and programs that do not speak the broker's language.

The gateway decides nothing and writes nothing to the database. It finds out who asks, makes what they say a fact,
publishes it, and answers once the broker has confirmed it and ingest has stored it. Where it dies in between, either
the broker has the fact, or nobody was told that it had.

Who a fact is by comes from the token, or from the proxy that has asked the person; never from the request's body. What
a browser sends by itself (a session's cookie, a proxy's word) counts only on a request of our own pages: by the form's
secret, and by what the browser says of the request's origin.
"""
