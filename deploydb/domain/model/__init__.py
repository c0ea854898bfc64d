"""The values of the domain: artifacts, deployments, facts, the catalog, evidence, overrides, commands, errors."""
