"""One module a tool, named as the `type` in `hooks/NAME.yml`. Each has a `TOOL`; a new module is a new type."""
