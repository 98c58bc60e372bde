"""All people with dlt's REST client, without comparing or storing them."""

import cost
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator


def read(base, token):
    client = RESTClient(
        base_url=base,
        auth=BearerTokenAuth(token=token),
        paginator=JSONResponseCursorPaginator(
            cursor_path="metadata.paging.next_page", cursor_param="page"
        ),
        data_selector="data",
    )
    asked = {"per_page": 100, "sort_by": "updated_at", "sort_direction": "asc"}
    for page in client.paginate("people", params=asked):
        yield from page


cost.of("dlt", read)
