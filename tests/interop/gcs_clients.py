"""Signed URLs and POST policies by google-cloud-storage, for random names and options.

usage: gcs_clients.py KEY_FILE FOLDER SEED COUNT
"""

import base64
import copy
import datetime
import json
import random
import sys
from urllib.parse import parse_qs, urlsplit

import google.cloud.storage.client
from google.cloud import storage
from google.oauth2 import service_account

key_file, folder, seed, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
rng = random.Random(seed)
info = json.load(open(key_file))
info["token_uri"] = "https://oauth2.googleapis.com/token"
credentials = service_account.Credentials.from_service_account_info(info)
client = storage.Client(project="interop", credentials=credentials)

LETTERS = "abcXYZ019-_.~ /+%&=?#;:@!$'()*,[]{}|\\\"<>^`\u00e9\u00fc\u65e5\u672c\U0001f600"


def name(least, most):
    while True:
        text = "".join(rng.choice(LETTERS) for _ in range(rng.randint(least, most)))
        # Clients fold such segments, so that nobody signs them without asking for it.
        if not any(part in (".", "..") for part in text.split("/")) and not text.startswith(".well-known/"):
            return text


def text(most):
    return "".join(rng.choice(LETTERS) for _ in range(rng.randint(0, most)))


def some(chance):
    return rng.random() < chance


def iso(basic):
    return datetime.datetime.strptime(basic, "%Y%m%dT%H%M%SZ").strftime("%Y-%m-%dT%H:%M:%SZ")


def lifetime(fields):
    """In whole seconds: the library looks at the clock more than once."""
    end = json.loads(base64.b64decode(fields["policy"]))["expiration"][:19]
    end = datetime.datetime.strptime(end, "%Y-%m-%dT%H:%M:%S")
    return int((end - datetime.datetime.strptime(fields["x-goog-date"], "%Y%m%dT%H%M%SZ")).total_seconds())


def signed_url(at):
    bucket, blob = rng.choice(["test-bucket", "bkt", "my_bucket.example.com"]), name(1, 40)
    params = {"version": "v4", "method": rng.choice(["GET", "PUT", "DELETE", "HEAD", "RESUMABLE"])}
    if some(0.3):
        params["response_disposition"] = "attachment; filename=\"%s\"" % name(1, 8).replace('"', "")
    if some(0.3):
        params["response_type"] = "text/html; charset=utf-8"
    if some(0.3):
        params["content_type"] = rng.choice(["image/png", "text/plain; charset=utf-8"])
    if some(0.2):
        params["content_md5"] = base64.b64encode(rng.randbytes(16)).decode()
    if some(0.2):
        params["generation"] = rng.randint(1, 10**16)
    if some(0.4):
        values = ["  two   words ", "a,b", "x" * rng.randint(1, 30), "tab\there"]
        params["headers"] = {"X-Goog-Meta-%s" % letter: rng.choice(values) for letter in rng.sample("abcd", 2)}
    if some(0.4):
        # The library sorts whole `name=value` texts, so that no name may begin like another.
        names = rng.sample(["userProject", "a", "b", "Z", "prefix", "X-Goog-Meta-Foo"], 2)
        params["query_parameters"] = {query: text(10) for query in names}
    style = rng.choice(["path", "virtual", "bound"])
    if style == "virtual":
        params["virtual_hosted_style"] = True
    if style == "bound":
        params["bucket_bound_hostname"] = rng.choice(["https://cdn.example.com", "cdn.example.com"])
        params["scheme"] = "https"
    expires_in = rng.choice([1, 60, 900, 3600, 604800])
    # The library adds `Host` to the headers that it is given.
    url = client.bucket(bucket).blob(blob).generate_signed_url(
        expiration=datetime.timedelta(seconds=expires_in), credentials=credentials, **copy.deepcopy(params)
    )
    date = parse_qs(urlsplit(url).query)["X-Goog-Date"][0]
    return {
        "id": "python-url-%d" % at, "timestamp": iso(date), "expires_in": expires_in, "bucket": bucket,
        "object": blob, "params": params, "expected": {"url": url},
    }


def post_policy(at):
    bucket, blob = rng.choice(["test-bucket", "bkt", "my_bucket.example.com"]), name(1, 40)
    fields, conditions, params = {}, [], {}
    if some(0.4):
        fields["acl"] = "public-read"
    if some(0.4):
        fields["success_action_status"] = "201"
    if some(0.4):
        fields["content-type"] = "image/png"
    if some(0.5):
        fields["x-goog-meta-note"] = text(20)
    if some(0.5):
        conditions.append(["content-length-range", rng.randint(0, 9), rng.randint(10, 10**12)])
    if some(0.5):
        conditions.append(["starts-with", "$Content-Type", rng.choice(["", "image/"])])
    style = rng.choice(["path", "virtual", "bound"])
    if style == "virtual":
        params["virtual_hosted_style"] = True
    if style == "bound":
        params["bucket_bound_hostname"], params["scheme"] = "cdn.example.com", "https"
    if style == "virtual":
        params["scheme"] = "https"
    # Short of a week, in case the library's clock moves between its two looks.
    expiration = datetime.timedelta(seconds=rng.choice([2, 60, 900, 3600, 604799]))
    # The library writes a fraction of a second, which we read but do not write; without it the bytes are equal.
    fraction = some(0.3)
    clock = google.cloud.storage.client._NOW
    if not fraction:
        google.cloud.storage.client._NOW = lambda zone: datetime.datetime.now(zone).replace(microsecond=0)
    form = client.generate_signed_post_policy_v4(
        bucket, blob, expiration=expiration, conditions=list(conditions), fields=dict(fields), credentials=credentials, **params
    )
    google.cloud.storage.client._NOW = clock
    return {
        "id": "python-post-%d" % at, "fraction": fraction, "timestamp": iso(form["fields"]["x-goog-date"]),
        "expires_in": lifetime(form["fields"]), "bucket": bucket, "object": blob, "url_params": params,
        "fields": fields, "conditions": conditions, "expected": form,
    }


for kind, make in [("signed-urls", signed_url), ("post-policies", post_policy)]:
    with open("%s/python-%s.json" % (folder, kind), "w") as out:
        json.dump({"cases": [make(at) for at in range(count)]}, out)
