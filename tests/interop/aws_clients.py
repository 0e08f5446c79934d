"""boto3 and MinIO's client for Python against the example gateway, with their default settings."""

import datetime
import io
import os
import sys

import boto3
import minio
import urllib3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError

GATEWAY, BUCKET, WORK = os.environ["GATEWAY"], os.environ["BUCKET"], os.environ["WORK"]
ACCESS_KEY, SECRET_KEY, WRONG = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], sys.argv[1]
SMALL, LARGE = open(f"{WORK}/small", "rb").read(), open(f"{WORK}/large", "rb").read()


class Unseekable(io.RawIOBase):
    """Bytes that come as from a pipe."""

    def __init__(self, data):
        self.inner = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self.inner.readinto(buffer)


def case(client, name, call, code=None):
    try:
        found = call()
        right, what = code is None and found is not False, "" if found is not False else "another answer"
    except (ClientError, minio.S3Error) as error:
        refused = error.code if isinstance(error, minio.S3Error) else error.response["Error"]["Code"]
        right, what = code is not None and refused in (code, "403"), refused
    print(f"{'ok  ' if right else 'BAD '} {client}: {name} {what}".rstrip())


def with_boto(secret):
    return boto3.client("s3", endpoint_url=GATEWAY, region_name="us-east-1", aws_access_key_id=ACCESS_KEY, aws_secret_access_key=secret)


s3 = with_boto(SECRET_KEY)
name = "boto/a b+c/\u00fc%41~*'()!"
case("boto3", "put, small", lambda: s3.put_object(Bucket=BUCKET, Key=name, Body=SMALL, ContentType="text/plain", Metadata={"a": "1"}))
case("boto3", "get, small", lambda: s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() == SMALL)
case("boto3", "head", lambda: s3.head_object(Bucket=BUCKET, Key=name)["Metadata"] == {"a": "1"})
case("boto3", "put, in parts", lambda: s3.upload_fileobj(io.BytesIO(LARGE), BUCKET, "boto/large"))
case("boto3", "get, in ranges", lambda: (lambda into: (s3.download_fileobj(BUCKET, "boto/large", into), into.getvalue() == LARGE)[1])(io.BytesIO()))
case("boto3", "put, unknown length", lambda: s3.upload_fileobj(Unseekable(LARGE), BUCKET, "boto/piped", Config=TransferConfig(use_threads=False)))
case("boto3", "get, unknown length", lambda: s3.get_object(Bucket=BUCKET, Key="boto/piped")["Body"].read() == LARGE)
case("boto3", "list", lambda: [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix="boto/")["Contents"]] == sorted([name, "boto/large", "boto/piped"]))
pages = s3.get_paginator("list_objects_v2")
case("boto3", "list, in pages", lambda: sum(len(page.get("Contents", [])) for page in pages.paginate(Bucket=BUCKET, Prefix="boto/", PaginationConfig={"PageSize": 1})) == 3)
case("boto3", "delete", lambda: s3.delete_object(Bucket=BUCKET, Key="boto/large"))
case("boto3", "get after it", lambda: s3.get_object(Bucket=BUCKET, Key="boto/large"), "NoSuchKey")
wrong = with_boto(WRONG)
case("boto3", "put with a wrong secret", lambda: wrong.put_object(Bucket=BUCKET, Key="x", Body=SMALL), "SignatureDoesNotMatch")
case("boto3", "get with a wrong secret", lambda: wrong.get_object(Bucket=BUCKET, Key=name), "SignatureDoesNotMatch")


http = urllib3.PoolManager()


def post(url, fields, data):
    """Sends a form as a browser does, and reads the error that it is answered with."""
    answer = http.request("POST", url, fields=[*fields.items(), ("file", ("a picture.png", data))])
    if answer.status < 300:
        return True
    said = answer.data.decode()
    raise ClientError({"Error": {"Code": said[said.index("<Code>") + 6:said.index("</Code>")]}}, "POST")


def with_forms(secret):
    """At an endpoint that is not Amazon's boto3 signs forms by Signature Version 2 unless it is told."""
    config = Config(signature_version="s3v4")
    return boto3.client("s3", endpoint_url=GATEWAY, region_name="us-east-1", aws_access_key_id=ACCESS_KEY, aws_secret_access_key=secret, config=config)


def form(client, key="boto/form", conditions=(), fields=None, changes=None):
    conditions = [["content-length-range", 1, 100], *conditions]
    made = client.generate_presigned_post(BUCKET, key, Fields=dict(fields or {}), Conditions=conditions)
    return lambda: post(made["url"], {**made["fields"], **(changes or {})}, SMALL)


case("boto3", "form by Signature Version 2", form(s3), "InvalidArgument")
forms = with_forms(SECRET_KEY)
case("boto3", "form", form(forms))
case("boto3", "get what the form put", lambda: s3.get_object(Bucket=BUCKET, Key="boto/form")["Body"].read() == SMALL)
case("boto3", "form with a type", form(forms, fields={"Content-Type": "text/plain"}, conditions=[{"Content-Type": "text/plain"}]))
case("boto3", "form for the name of the file", form(forms, key="boto/${filename}"))
case("boto3", "head what that form put", lambda: s3.head_object(Bucket=BUCKET, Key="boto/a picture.png")["ContentLength"] == len(SMALL))
case("boto3", "form for another key", form(forms, changes={"key": "boto/other"}), "AccessDenied")
case("boto3", "form with a further field", form(forms, changes={"x-amz-meta-mine": "1"}), "AccessDenied")
case("boto3", "form that is too large", lambda: post(*(lambda made: (made["url"], made["fields"]))(forms.generate_presigned_post(BUCKET, "x", Conditions=[["content-length-range", 1, 5]])), SMALL), "EntityTooLarge")
case("boto3", "form that is over", lambda: post(*(lambda made: (made["url"], made["fields"]))(forms.generate_presigned_post(BUCKET, "x", ExpiresIn=-5)), SMALL), "AccessDenied")
case("boto3", "form with a wrong secret", form(with_forms(WRONG)), "SignatureDoesNotMatch")


def with_minio(secret):
    return minio.Minio(GATEWAY.removeprefix("http://"), ACCESS_KEY, secret, secure=False)


s3 = with_minio(SECRET_KEY)
case("minio", "put, small", lambda: s3.put_object(BUCKET, "minio/a b+\u00fc", io.BytesIO(SMALL), len(SMALL)))
case("minio", "get, small", lambda: s3.get_object(BUCKET, "minio/a b+\u00fc").read() == SMALL)
case("minio", "put, in parts", lambda: s3.put_object(BUCKET, "minio/large", io.BytesIO(LARGE), len(LARGE), part_size=5 << 20))
case("minio", "put, unknown length", lambda: s3.put_object(BUCKET, "minio/piped", Unseekable(LARGE), -1, part_size=5 << 20))
case("minio", "get, unknown length", lambda: s3.get_object(BUCKET, "minio/piped").read() == LARGE)
case("minio", "head", lambda: s3.stat_object(BUCKET, "minio/large").size == len(LARGE))
case("minio", "list", lambda: [entry.object_name for entry in s3.list_objects(BUCKET, "minio/", recursive=True)] == ["minio/a b+\u00fc", "minio/large", "minio/piped"])
case("minio", "delete", lambda: s3.remove_object(BUCKET, "minio/large"))
case("minio", "get after it", lambda: s3.get_object(BUCKET, "minio/large"), "NoSuchKey")
policy = minio.datatypes.PostPolicy(BUCKET, datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5))
policy.add_equals_condition("key", "minio/form")
policy.add_content_length_range_condition(1, 100)
case("minio", "form", lambda: post(f"{GATEWAY}/{BUCKET}", {**s3.presigned_post_policy(policy), "key": "minio/form"}, SMALL))
case("minio", "a wrong secret", lambda: with_minio(WRONG).put_object(BUCKET, "x", io.BytesIO(SMALL), len(SMALL)), "SignatureDoesNotMatch")
print("done")
