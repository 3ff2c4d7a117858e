"""The documents that are sent are what gql makes of them, and the schema knows every word in them."""

from importlib.resources import files

import gql
import pytest
from graphql import build_schema, parse, print_ast, strip_ignored_characters, validate

from jobwidgets.transport import queries as documents

SCHEMA = build_schema((files("jobwidgets.emulator") / "aiware.graphql").read_text())
MANY = {
    f"{verb} {size}": documents.many(verb, size)
    for verb in ("cancelJob", "retryJob", "job", "jobTasks", "jobStatus")
    for size in (1, 3)
}


@pytest.mark.parametrize("name", [*documents.FIXED, *MANY])
def test_a_document_is_valid_against_the_schema_and_prints_as_it_is_sent(name):
    text = {**documents.FIXED, **MANY}[name]
    request = gql.gql(text)
    assert validate(SCHEMA, request.document) == []
    printed = print_ast(request.document)
    assert strip_ignored_characters(printed) == strip_ignored_characters(text)


def test_every_alias_takes_its_id_from_a_variable():
    document = parse(documents.many("cancelJob", 100)).definitions[0]
    aliases = [(field.alias.value, field.arguments[0].value.name.value) for field in document.selection_set.selections]
    assert aliases == [(f"a{i}", f"a{i}") for i in range(100)]
