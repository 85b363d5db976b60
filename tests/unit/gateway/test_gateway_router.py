from dataclasses import replace

import pytest
from gateway_schema import ODD
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool

from task_server.gateway.path_template import parse
from task_server.gateway.router import Router
from task_server.gateway.routes import Route, UnsupportedRuleError, load_routes, routes_of

ROUTES = {route.rpc.rpartition("/")[2]: route for route in routes_of([ODD])}


def route(template: str, name: str = "") -> Route:
    return replace(ROUTES["Get"], template=parse(template), rpc=name or template)


def found(templates: list[str], path: str) -> str | None:
    match = Router([route(template) for template in templates]).match("GET", path)
    return None if match is None else match.route.rpc


@pytest.mark.parametrize("order", [1, -1])
def test_literals_win_whatever_the_order_of_declaration(order: int) -> None:
    templates = ["/t/{id}", "/t/stats", "/t/{id}/logs", "/t/by/{id}", "/t/{id=**}"][::order]

    assert found(templates, "/t/stats") == "/t/stats"
    assert found(templates, "/t/x") == "/t/{id}"
    assert found(templates, "/t/by/logs") == "/t/by/{id}"
    assert found(templates, "/t/x/logs") == "/t/{id}/logs"
    assert found(templates, "/t/x/y/z") == "/t/{id=**}"


def test_among_equals_the_last_declared_wins() -> None:
    router = Router([route("/t/{a}", "first"), route("/t/{b}", "second")])

    match = router.match("GET", "/t/x")

    assert match is not None
    assert match.route.rpc == "second"


def test_a_verb_is_cut_off_only_where_a_route_has_it() -> None:
    templates = ["/t/{id}", "/t/{id}:stop"]

    assert found(templates, "/t/x:stop") == "/t/{id}:stop"
    assert found(templates, "/t/x:go") == "/t/{id}"
    assert found(templates, "/t/:stop") is None


def test_the_methods_of_a_path_are_told() -> None:
    router = Router([route("/t/{id}"), replace(route("/t/{id}"), http_method="POST"), route("/t")])

    assert router.allowed("/t/x") == ["GET", "POST"]
    assert router.allowed("/t") == ["GET"]
    assert router.allowed("/u") == []


def test_every_binding_of_the_api_is_a_route_and_an_additional_one_too() -> None:
    paths = {(route.http_method, route.template.text) for route in load_routes()}

    assert ("GET", "/api/tasks/{task_id}/watch") in paths
    assert ("GET", "/api/tasks/watch") in paths
    assert ("PATCH", "/api/tasks/{task.task_id}") in paths


def test_rules_are_read_from_the_annotations() -> None:
    assert "Hidden" not in ROUTES
    assert ROUTES["Custom"].http_method == "REPORT"
    assert ROUTES["Verb"].body == "inner"
    assert ROUTES["Part"].response_body == "inner"
    assert ROUTES["Raw"].streaming


def test_two_rpcs_on_one_path_are_refused() -> None:
    file = descriptor_pb2.FileDescriptorProto(
        name="gateway/test/twice.proto",
        package="gateway.twice",
        dependency=["google/api/annotations.proto", "google/protobuf/empty.proto"],
    )
    service = file.service.add(name="Twice")
    for name in ("One", "Two"):
        method = service.method.add(
            name=name, input_type=".google.protobuf.Empty", output_type=".google.protobuf.Empty"
        )
        method.options.Extensions[annotations_pb2.http].get = "/same"
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())

    with pytest.raises(UnsupportedRuleError, match="GET /same is bound to both /gateway"):
        routes_of([pool.FindServiceByName("gateway.twice.Twice")])
