"""Our gateway answers every request of the corpus as the corpus says."""

import pytest
from gateway_corpus import CORPUS, Entry, described, send


@pytest.mark.parametrize("entry", CORPUS, ids=lambda entry: entry["name"])
def test_the_gateway_answers_as_the_corpus_says(gateway: int, entry: Entry) -> None:
    answer = described(send(gateway, entry))

    assert {key: answer.get(key) for key in entry["expect"]} == entry["expect"]


def test_names_in_the_corpus_are_unique() -> None:
    names = [entry["name"] for entry in CORPUS]

    assert len(names) == len(set(names))
