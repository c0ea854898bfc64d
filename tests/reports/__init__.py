"""Reports of deployments to the code hosts of their commits."""
