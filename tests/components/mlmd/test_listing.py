"""Lists: pages in each order hold every node once, also while others are written."""

from __future__ import annotations

import pytest

from kubeflow_metadata.mlmd.errors import InvalidArgumentError

ORDERS = [
    "",
    "order_by_field { field: ID is_asc: false }",
    "order_by_field { field: CREATE_TIME }",
    "order_by_field { field: CREATE_TIME is_asc: false }",
    "order_by_field { field: LAST_UPDATE_TIME is_asc: false }",
]


def put(call, type_ids, count):
    text = f"artifacts {{ type_id: {type_ids['artifact']} }}"
    return list(call("PutArtifacts", text * count).artifact_ids)


def pages(call, options, method="GetArtifacts", request=""):
    token = ""
    while True:
        page = call(method, f'{request} options {{ {options} next_page_token: "{token}" }}')
        yield [artifact.id for artifact in page.artifacts]
        token = page.next_page_token
        if not token:
            return


@pytest.mark.parametrize("order", ORDERS)
def test_pages_hold_each_artifact_once_in_order(call, type_ids, order):
    ids = put(call, type_ids, 3) + put(call, type_ids, 4)
    found = list(pages(call, f"max_result_size: 3 {order}"))
    assert [len(page) for page in found] == [3, 3, 1]
    listed = [artifact_id for page in found for artifact_id in page]
    assert listed == (sorted(ids, reverse=True) if "false" in order else ids)


def test_artifacts_put_between_two_pages_do_not_shift_them(call, type_ids):
    ids = put(call, type_ids, 4)
    walk = pages(call, "max_result_size: 2 order_by_field { field: CREATE_TIME is_asc: false }")
    assert next(walk) == [ids[3], ids[2]]
    put(call, type_ids, 3)
    assert next(walk) == [ids[1], ids[0]]


def test_a_page_that_ends_the_list_has_no_token(call, type_ids):
    put(call, type_ids, 2)
    assert not call("GetArtifacts", "options { max_result_size: 2 }").next_page_token


def test_without_options_everything_comes_at_once(call, type_ids):
    ids = put(call, type_ids, 150)
    assert [artifact.id for artifact in call("GetArtifacts").artifacts] == ids


def test_without_a_size_a_page_has_20_and_never_more_than_100(call, type_ids):
    put(call, type_ids, 150)
    assert len(call("GetArtifacts", "options { }").artifacts) == 20
    largest = call("GetArtifacts", "options { max_result_size: 1000 }")
    assert len(largest.artifacts) == 100
    assert largest.next_page_token


def test_lists_of_a_type_and_of_a_context_are_paged_too(call, type_ids):
    ids = put(call, type_ids, 5)
    (context_id,) = call("PutContexts", f'contexts {{ type_id: {type_ids["context"]} name: "c" }}').context_ids
    links = "".join(f"attributions {{ artifact_id: {i} context_id: {context_id} }}" for i in ids[:3])
    call("PutAttributionsAndAssociations", links)
    of_type = list(pages(call, "max_result_size: 4", "GetArtifactsByType", 'type_name: "DataSet"'))
    of_context = list(pages(call, "max_result_size: 2", "GetArtifactsByContext", f"context_id: {context_id}"))
    assert of_type == [ids[:4], ids[4:]]
    assert of_context == [ids[:2], ids[2:3]]


@pytest.mark.parametrize("size", [0, -1])
def test_a_page_holds_at_least_one(call, size):
    with pytest.raises(InvalidArgumentError, match="max_result_size"):
        call("GetArtifacts", f"options {{ max_result_size: {size} }}")


@pytest.mark.parametrize("token", ["garbage", "!", "====", "AAAA", "CAI=CAI="])
def test_a_foreign_token_is_refused(call, token):
    with pytest.raises(InvalidArgumentError, match="next_page_token"):
        call("GetArtifacts", f'options {{ next_page_token: "{token}" }}')


def test_a_token_of_a_list_in_another_order_is_refused(call, type_ids):
    put(call, type_ids, 3)
    token = call("GetArtifacts", "options { max_result_size: 1 }").next_page_token
    with pytest.raises(InvalidArgumentError, match="a different order"):
        call("GetArtifacts", f'options {{ next_page_token: "{token}" order_by_field {{ field: CREATE_TIME }} }}')
