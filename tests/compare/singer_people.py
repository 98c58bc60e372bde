"""All people with a stream of singer-sdk, without comparing or storing them."""

import cost
from singer_sdk import RESTStream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import BearerTokenAuthenticator
from singer_sdk.pagination import JSONPathPaginator


class People(RESTStream):
    name = "people"
    path = "/people"
    primary_keys = ("id",)
    records_jsonpath = "$.data[*]"
    schema = th.PropertiesList(th.Property("id", th.IntegerType)).to_dict()

    @property
    def url_base(self):
        return self.config["base"]

    @property
    def authenticator(self):
        return BearerTokenAuthenticator(token=self.config["token"])

    def get_new_paginator(self):
        return JSONPathPaginator("$.metadata.paging.next_page")

    def get_url_params(self, context, next_page_token):
        asked = {"per_page": 100, "sort_by": "updated_at", "sort_direction": "asc"}
        return asked | ({"page": next_page_token} if next_page_token else {})


class Salesloft(Tap):
    name = "salesloft"
    config_jsonschema = th.PropertiesList(
        th.Property("base", th.StringType), th.Property("token", th.StringType)
    ).to_dict()

    def discover_streams(self):
        return [People(self)]


def read(base, token):
    tap = Salesloft(config={"base": base, "token": token})
    return tap.discover_streams()[0].get_records(None)


cost.of("singer-sdk", read)
