"""Where the stages of a service are in a drawing, and the edges between them."""

from deploydb.query.pages.lane_graph import lane_graph


def test_a_stage_is_right_of_all_that_it_comes_after() -> None:
    graph = lane_graph({"dev": [], "qa": ["dev"], "staging": ["dev"], "prod": ["qa", "staging"]})
    assert graph.places == {"dev": (1, 1), "qa": (2, 1), "staging": (2, 2), "prod": (3, 1)}
    assert [(edge.before, edge.after) for edge in graph.edges] == [
        ("dev", "qa"),
        ("dev", "staging"),
        ("qa", "prod"),
        ("staging", "prod"),
    ]
    assert all(edge.x1 < edge.x2 for edge in graph.edges)


def test_an_edge_that_follows_from_others_is_not_drawn() -> None:
    graph = lane_graph({"dev": [], "qa": ["dev"], "prod": ["dev", "qa"]})
    assert [(edge.before, edge.after) for edge in graph.edges] == [("dev", "qa"), ("qa", "prod")]


def test_stages_of_one_region_are_in_one_row() -> None:
    after = {"dev": [], "eu": ["dev"], "us": ["dev"], "eu-prod": ["eu"], "us-prod": ["us"]}
    rows = {name: row for name, (_, row) in lane_graph(after).places.items()}
    assert rows == {"dev": 1, "eu": 1, "eu-prod": 1, "us": 2, "us-prod": 2}


def test_two_pipelines_are_two_rows_and_no_stages_take_no_room() -> None:
    assert lane_graph({"eu": [], "us": []}).places == {"eu": (1, 1), "us": (1, 2)}
    nothing = lane_graph({})
    assert (nothing.width, nothing.height, nothing.fits) == (0, 0, False)


def test_a_stage_after_one_that_is_not_drawn_is_among_the_first() -> None:
    assert lane_graph({"prod": ["gone"]}).places == {"prod": (1, 1)}


def test_few_columns_have_wide_cards_and_too_many_are_a_list() -> None:
    chain = [f"stage-{number}" for number in range(13)]

    def chained(length: int) -> dict[str, list[str]]:
        return {name: chain[index - 1 : index] if index else [] for index, name in enumerate(chain[:length])}

    assert lane_graph(chained(4)).card > lane_graph(chained(5)).card
    assert [lane_graph(chained(length)).fits for length in (12, 13)] == [True, False]


def test_a_list_has_no_edges_however_many_there_would_be() -> None:
    layers = [[f"{layer}-{number}" for number in range(100)] for layer in "abc"]
    regions = {name: above for above, here in zip([[], *layers], layers, strict=False) for name in here}
    chain = [f"stage-{number}" for number in range(300)]
    for after in (regions, {name: chain[:index] for index, name in enumerate(chain)}):
        graph = lane_graph(after)
        assert len(graph.places) == 300
        assert (graph.fits, graph.edges) == (False, [])
