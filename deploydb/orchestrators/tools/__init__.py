"""One module a tool, named as the `type` in `orchestrators/NAME.yml`. Each has a `TOOL`; a new module is a new type."""
