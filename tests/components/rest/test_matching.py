"""Which route a path leads to."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubeflow_metadata.rest.v1alpha1.matching import BadPathError, Found, Matcher, NotFound, OtherVerb, decode_path
from kubeflow_metadata.rest.v1alpha1.routes import PREFIX, ROUTES

MATCHER = Matcher(ROUTES)


def match(verb, path):
    return MATCHER.match(verb, PREFIX + path)


def operation(verb, path):
    found = match(verb, path)
    assert isinstance(found, Found)
    return found.route.operation, found.parameters


class TestGreedyNames:
    def test_take_all_segments(self):
        assert operation("GET", "/artifact_types/kubeflow.org/alpha/model") == (
            "GetArtifactType",
            {"name": "kubeflow.org/alpha/model"},
        )
        assert operation("GET", "/artifact_types/a/b/c/artifacts/7") == ("GetArtifact", {"name": "a/b/c", "id": "7"})
        assert operation("POST", "/execution_types/a/b/executions") == ("CreateExecution", {"parent": "a/b"})

    def test_may_be_empty(self):
        assert operation("GET", "/artifact_types/artifacts") == ("ListArtifacts", {"name": ""})
        assert operation("GET", "/artifact_types/artifacts/7") == ("GetArtifact", {"name": "", "id": "7"})
        assert operation("DELETE", "/artifact_types") == ("DeleteArtifactType", {"name": ""})

    def test_keep_empty_segments(self):
        assert operation("GET", "/artifact_types/a//b/") == ("GetArtifactType", {"name": "a//b/"})

    def test_may_hold_the_words_of_the_api(self):
        assert operation("GET", "/artifact_types/artifacts/artifacts/artifacts") == (
            "GetArtifact",
            {"name": "artifacts", "id": "artifacts"},
        )


class TestFirstRouteWins:
    def test_for_names_that_end_like_a_list(self):
        assert operation("GET", "/artifact_types/a/artifacts")[0] == "ListArtifacts"

    def test_for_the_list_of_types(self):
        assert operation("GET", "/artifact_types")[0] == "ListArtifactTypes"


def test_a_trailing_slash_is_an_empty_last_segment():
    assert operation("GET", "/artifact_types/") == ("GetArtifactType", {"name": ""})
    assert operation("GET", "/artifact_types/a/artifacts/") == ("GetArtifact", {"name": "a", "id": ""})
    assert match("GET", "/artifacts/") == NotFound()


def test_a_colon_in_the_last_segment_matches_nothing():
    assert match("GET", "/artifact_types/a:b") == NotFound()
    assert match("GET", "/artifact_types/a/artifacts/5:cancel") == NotFound()
    assert match("POST", "/artifact_types:batch") == NotFound()
    assert operation("GET", "/artifact_types/a:b/artifacts")[1] == {"name": "a:b"}


@pytest.mark.parametrize("verb", ["PUT", "HEAD", "OPTIONS", "PURGE"])
def test_another_verb_is_told_apart_from_another_path(verb):
    assert match(verb, "/artifact_types") == OtherVerb(["DELETE", "GET", "PATCH", "POST"])
    assert match(verb, "/events") == OtherVerb(["POST"])
    assert match(verb, "/nothing") == NotFound()
    assert match("GET", "/events") == OtherVerb(["POST"])


@pytest.mark.parametrize(
    "path", ["", "/", "/nothing", "/artifact_typesx", "/events/contexts/1", "/events/artifacts/1/2"]
)
def test_other_paths_are_not_found(path):
    assert match("GET", path) == NotFound()


def test_the_prefix_is_needed():
    assert MATCHER.match("GET", "/artifact_types") == NotFound()
    assert MATCHER.match("GET", "/x/api/v1alpha1/artifact_types") == NotFound()


def oracle(verb, path):
    """The same rules, told as regular expressions."""
    if ":" in path.rsplit("/", 1)[-1]:
        return None
    for route in ROUTES:
        pattern = re.escape(PREFIX) + re.sub(
            r"/\{(\w+)(\*\*)?\}", lambda part: r"(/.*)?" if part[2] else r"/[^/]*", route.template
        )
        if route.verb == verb and re.fullmatch(pattern, path, re.DOTALL):
            return route.operation
    return None


SEGMENTS = st.one_of(
    st.sampled_from(["artifact_types", "execution_types", "artifacts", "executions", "events", "", "1", "a:b", ":"]),
    st.text(max_size=3),
)


@given(st.sampled_from(["GET", "POST", "PATCH", "DELETE"]), st.lists(SEGMENTS, max_size=7))
def test_any_path_leads_where_regular_expressions_lead(verb, segments):
    path = "/".join([PREFIX, *segments])
    found = MATCHER.match(verb, path)
    assert (found.route.operation if isinstance(found, Found) else None) == oracle(verb, path)


class TestEncodedNames:
    def find(self, verb, path):
        found = MATCHER.find(verb, (PREFIX + path).encode())
        assert isinstance(found, Found)
        return found.route.operation, found.parameters

    @pytest.mark.parametrize(
        ("path", "operation", "parameters"),
        [
            ("/artifact_types/a%2Fartifacts%2Fb", "GetArtifactType", {"name": "a/artifacts/b"}),
            ("/artifact_types/a%2Fartifacts", "GetArtifactType", {"name": "a/artifacts"}),
            ("/artifact_types/proj/v1/model%3Alatest", "GetArtifactType", {"name": "proj/v1/model:latest"}),
            ("/artifact_types/a%2Fartifacts%2Fb/artifacts", "ListArtifacts", {"name": "a/artifacts/b"}),
            ("/artifact_types/a%252Fb", "GetArtifactType", {"name": "a%2Fb"}),
        ],
    )
    def test_keep_their_slashes_and_colons(self, path, operation, parameters):
        assert self.find("GET", path) == (operation, parameters)

    def test_of_which_all_slashes_are_encoded_lead_where_they_always_led(self):
        assert self.find("GET", "%2Fartifact_types%2Fa%2Fartifacts") == ("ListArtifacts", {"name": "a"})
        assert self.find("POST", "/artifact_types/a%2Fartifacts") == ("CreateArtifact", {"parent": "a"})

    def test_a_plain_colon_in_the_last_segment_still_matches_nothing(self):
        assert MATCHER.find("GET", f"{PREFIX}/artifact_types/a:b".encode()) == NotFound()
        assert MATCHER.find("GET", f"{PREFIX}/artifact_types/%20:b".encode()) == NotFound()


@given(st.lists(st.text(min_size=1), min_size=1, max_size=3), st.integers(0, 9))
def test_any_encoded_name_comes_back(segments, number):
    name = "/".join(segments)
    encoded = quote(name, safe="")
    found = MATCHER.find("GET", f"{PREFIX}/artifact_types/{encoded}/artifacts/{number}".encode())
    assert found.parameters == {"name": name, "id": str(number)}
    found = MATCHER.find("GET", f"{PREFIX}/execution_types/{encoded}".encode())
    assert (found.route.operation, found.parameters) == ("GetExecutionType", {"name": name})


class TestDecoding:
    def test_an_encoded_slash_is_a_slash(self):
        assert decode_path(b"/a%2Fb%2fc/d") == "/a/b/c/d"

    def test_everything_is_decoded_once(self):
        assert decode_path(b"/a%20b+c%252F%C3%A9") == "/a b+c%2Fé"

    def test_bytes_that_are_not_utf8_are_replaced(self):
        assert decode_path(b"/%ff") == "/\ufffd"

    def test_the_absolute_form_is_understood(self):
        assert decode_path(b"http://host:80/a%2Fb") == "/a/b"

    @pytest.mark.parametrize("path", [b"/%", b"/%2", b"/%zz", b"/a%2Gb", b"/%%32"])
    def test_a_percent_sign_starts_an_escape(self, path):
        with pytest.raises(BadPathError, match="invalid URL escape"):
            decode_path(path)
