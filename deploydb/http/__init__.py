"""HTTP for every process that speaks it: the query service, the gateway, and the health ports of the workers.

`server` serves an application on a socket and bounds its clients (`connections`); `hosts` refuses other names.
`application` puts one together: `middleware` gives each answer its headers, its id, its place in the metrics
(`metrics`) and an end in good order (`errors`); `authentication` knows the person, `csrf` tells a page of ours from one
of another site. `health` answers probes. Nothing here knows the store, the broker or a resource.
"""
