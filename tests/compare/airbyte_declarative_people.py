"""All people with a declarative source of airbyte-cdk, as Airbyte's connectors are; nothing is compared or stored."""

import logging

import cost
from airbyte_cdk.models import (
    AirbyteStream,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.declarative.concurrent_declarative_source import (
    ConcurrentDeclarativeSource,
)

NEXT_PAGE = "response['metadata']['paging']['next_page']"


def of_query(name):
    return {"type": "RequestOption", "inject_into": "request_parameter", "field_name": name}


PEOPLE = {
    "type": "DeclarativeStream",
    "name": "people",
    "primary_key": ["id"],
    "schema_loader": {
        "type": "InlineSchemaLoader",
        "schema": {"type": "object", "properties": {"id": {"type": "integer"}}},
    },
    "retriever": {
        "type": "SimpleRetriever",
        "requester": {
            "type": "HttpRequester",
            "url_base": "{{ config['base'] }}",
            "path": "people",
            "authenticator": {
                "type": "BearerAuthenticator",
                "api_token": "{{ config['token'] }}",
            },
            "request_parameters": {"sort_by": "updated_at", "sort_direction": "asc"},
        },
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
        },
        "paginator": {
            "type": "DefaultPaginator",
            "page_size_option": of_query("per_page"),
            "page_token_option": of_query("page"),
            "pagination_strategy": {
                "type": "CursorPagination",
                "page_size": 100,
                "cursor_value": "{{ " + NEXT_PAGE + " }}",
                "stop_condition": "{{ not " + NEXT_PAGE + " }}",
            },
        },
    },
}
MANIFEST = {
    "version": "6.0.0",
    "type": "DeclarativeSource",
    "check": {"type": "CheckStream", "stream_names": ["people"]},
    "streams": [PEOPLE],
}


def read(base, token):
    stream = AirbyteStream(
        name="people", json_schema={}, supported_sync_modes=[SyncMode.full_refresh]
    )
    wanted = ConfiguredAirbyteStream(
        stream=stream,
        sync_mode=SyncMode.full_refresh,
        destination_sync_mode=DestinationSyncMode.append,
    )
    catalog, config = ConfiguredAirbyteCatalog(streams=[wanted]), {"base": base, "token": token}
    source = ConcurrentDeclarativeSource(
        catalog=catalog, config=config, state=None, source_config=MANIFEST
    )
    messages = source.read(logging.getLogger("people"), config, catalog)
    return (message for message in messages if message.type == Type.RECORD)


cost.of("airbyte-cdk", read)
