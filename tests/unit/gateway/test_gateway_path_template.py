import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_server.gateway.path_template import InvalidTemplateError, parse


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("/a", "a", {}),
        ("/", "", {}),
        ("/a/{x}", "a/1", {"x": "1"}),
        ("/a/{x}", "a/", {"x": ""}),
        ("/a/{x.y}/b", "a/1/b", {"x.y": "1"}),
        ("/{x=a/*/b/*}/c", "a/1/b/2/c", {"x": "a/1/b/2"}),
        ("/{x=**}", "a/b/c", {"x": "a/b/c"}),
        ("/a/{x=**}", "a", {"x": ""}),
        ("/a/{x=**}/z/{y}", "a/b/c/z/d", {"x": "b/c", "y": "d"}),
        ("/a/{x=b/**}", "a/b/c/d", {"x": "b/c/d"}),
        ("/a/*/b", "a/anything/b", {}),
    ],
)
def test_a_template_takes_its_paths(template: str, path: str, values: dict[str, str]) -> None:
    found = parse(template).match(path.split("/"))

    assert found == {tuple(name.split(".")): value for name, value in values.items()}


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/a", "b"),
        ("/a", "a/"),
        ("/a/{x}", "a"),
        ("/a/{x}", "a/b/c"),
        ("/a/{x=**}/z", "a/b"),
        ("/a/b/{x=**}/z", "a/b"),
        ("/{x=a/*}", "b/1"),
    ],
)
def test_a_template_leaves_other_paths(template: str, path: str) -> None:
    assert parse(template).match(path.split("/")) is None


@pytest.mark.parametrize(
    ("template", "verb"),
    [("/a:stop", "stop"), ("/a/{x}:stop", "stop"), ("/{x=a/*}:s", "s"), ("/a:b/c", ""), ("/a/{x}:s:t", "s:t")],
)
def test_the_verb_is_what_follows_the_colon_of_the_last_segment(template: str, verb: str) -> None:
    assert parse(template).verb == verb


@pytest.mark.parametrize(
    "template",
    [
        "",
        "a",
        "/a/",
        "//a",
        "/{}",
        "/{x",
        "/x}",
        "/{x=}",
        "/{x={y}}",
        "/{1x}",
        "/{x}{y}",
        "/a b",
        "/**/**",
        "/{x}/{x}",
        "/a:",
        "/{x=a//b}",
    ],
)
def test_a_broken_template_is_refused_with_its_text(template: str) -> None:
    with pytest.raises(InvalidTemplateError) as caught:
        parse(template)

    assert str(caught.value).startswith(f"{template}:")


@given(st.lists(st.text(alphabet="ab*:", min_size=0, max_size=3), min_size=1, max_size=5))
def test_a_deep_variable_gives_back_the_whole_path(components: list[str]) -> None:
    assert parse("/{x=**}").match(components) == {("x",): "/".join(components)}


@given(st.text(alphabet="/{}=*:.ab", max_size=12))
def test_any_text_is_a_template_or_an_invalid_one(text: str) -> None:
    try:
        template = parse(text)
    except InvalidTemplateError:
        return
    concrete = ["x" if not isinstance(part, str) else part for part in template.segments]
    assert template.match(concrete) is not None
