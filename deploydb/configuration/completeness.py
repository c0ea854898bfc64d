"""What a service lacks to take releases: names of objects that have no file."""

from collections.abc import Iterator, Mapping

from deploydb.domain.gates import Promotion
from deploydb.domain.model.catalog import Environment, Pipeline, Service


def lacks(
    service: Service,
    environments: Mapping[str, Environment],
    pipelines: Mapping[str, Pipeline],
    promotions: Mapping[str, Promotion],
) -> tuple[str, ...]:
    """The objects that a service needs and that are not there, each once, such as `environment prod`."""

    def needed() -> Iterator[str]:
        if not service.artifacts:
            yield "an artifact"
        if not service.pipelines:
            yield "a pipeline"
        yield from _absent("promotion", service.promotions, promotions)
        yield from _absent("pipeline", service.pipelines, pipelines)
        for name in service.pipelines:
            for stage in pipelines[name].stages if name in pipelines else ():
                yield from _absent("environment", (stage.environment,), environments)
                entry = environments[stage.environment].entry if stage.environment in environments else ()
                yield from _absent("promotion", (*entry, *stage.promotions), promotions)

    return tuple(dict.fromkeys(needed()))


def _absent(kind: str, names: tuple[str, ...], known: Mapping[str, object]) -> Iterator[str]:
    return (f"{kind} {name}" for name in names if name not in known)
