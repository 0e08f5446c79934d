"""Azure's client for Python against the example gateway."""

import datetime
import os
import subprocess
import sys

from azure.core.exceptions import HttpResponseError
from azure.storage.blob import (
    AccountSasPermissions, BlobClient, BlobSasPermissions, ContainerClient, ContainerSasPermissions, ResourceTypes,
    generate_account_sas, generate_blob_sas, generate_container_sas,
)

ACCOUNT, CONTAINER = "devstoreaccount1", "media-uploads"
KEY, GATEWAY, MAKER = os.environ["AZURE_STORAGE_KEY"], os.environ["GATEWAY"], os.environ["SAS_MAKER"]
cases, surprises = 0, 0


def ours(right, blob):
    """A URL that this crate made."""
    made = subprocess.run([MAKER, ACCOUNT, right, CONTAINER, blob, GATEWAY], capture_output=True, text=True, check=True)
    return made.stdout.strip()


def client(url, **options):
    return BlobClient.from_blob_url(url, retry_total=0, **options)


def case(name, accepted, call):
    global cases, surprises
    cases += 1
    try:
        found = call()
        right, what = accepted and found is not False, "accepted"
    except HttpResponseError as error:
        right, what = not accepted and error.status_code in (401, 403, 409), f"refused with {error.status_code} {error.error_code}"
    surprises += not right
    print(f"{'ok  ' if right else 'BAD '} python: {name}: {what}")


def at(token, blob="py/a b+\u00fc.txt", container=CONTAINER):
    return BlobClient(f"{GATEWAY}/{ACCOUNT}", container, blob, credential=token, retry_total=0)


def end(minutes=10):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=minutes)


blob = "py/a b+\u00fc.txt"
small, large = b"one request", bytes(range(256)) * 64
upload, read = ours("upload", blob), ours("read", blob)
case("our token uploads in one request", True, lambda: client(upload).upload_blob(small, overwrite=True))
case("our token reads it", True, lambda: client(read).download_blob().readall() == small)
blocks = {"max_single_put_size": 1024, "max_block_size": 1024}
case("our token uploads in many blocks", True, lambda: client(upload, **blocks).upload_blob(large, overwrite=True))
case("our token reads them", True, lambda: client(read, max_single_get_size=2048, max_chunk_get_size=2048).download_blob().readall() == large)
case("our token for reading uploads", False, lambda: client(read).upload_blob(small, overwrite=True))
case("our token for reading deletes", False, lambda: client(read).delete_blob())
case("our token for uploading reads", False, lambda: client(upload).download_blob().readall())
case("our token for another blob", False, lambda: client(read.replace("py/a", "py/b")).download_blob().readall())
case("our token with other permissions", False, lambda: client(read.replace("sp=r", "sp=d")).delete_blob())
case("our token with a later end", False, lambda: client(read.replace("se=20", "se=21")).download_blob().readall())
create = ours("create", "py/new.txt")
case("our token creates", True, lambda: client(create).upload_blob(small, overwrite=True))
case("our token for creating overwrites", False, lambda: client(create).upload_blob(large, overwrite=True))
case("our token deletes", True, lambda: client(ours("delete", "py/new.txt")).delete_blob() is None)

one = lambda **rights: generate_blob_sas(ACCOUNT, CONTAINER, blob, account_key=KEY, permission=BlobSasPermissions(**rights), expiry=end())
case("its own blob token reads", True, lambda: at(one(read=True)).download_blob().readall() == large)
case("its own blob token writes", True, lambda: at(one(create=True, write=True)).upload_blob(small, overwrite=True))
case("its own blob token for reading writes", False, lambda: at(one(read=True)).upload_blob(small, overwrite=True))
case("its own blob token on another blob", False, lambda: at(one(read=True), "py/other").download_blob().readall())
over = generate_blob_sas(ACCOUNT, CONTAINER, blob, account_key=KEY, permission=BlobSasPermissions(read=True), expiry=end(-1))
case("its own blob token that is over", False, lambda: at(over).download_blob().readall())
wrong = generate_blob_sas(ACCOUNT, CONTAINER, blob, account_key="b3RoZXI=", permission=BlobSasPermissions(read=True), expiry=end())
case("its own blob token with another key", False, lambda: at(wrong).download_blob().readall())
bound = generate_blob_sas(ACCOUNT, CONTAINER, blob, account_key=KEY, permission=BlobSasPermissions(read=True), expiry=end(), protocol="https")
case("its own blob token for HTTPS only", False, lambda: at(bound).download_blob().readall())
every = generate_container_sas(ACCOUNT, CONTAINER, account_key=KEY, permission=ContainerSasPermissions(read=True), expiry=end())
case("its own container token reads", True, lambda: at(every).download_blob().readall() == small)
case("its own container token deletes", False, lambda: at(every).delete_blob())
case("its own container token elsewhere", False, lambda: at(every, container="user-profiles").download_blob().readall())
listed = lambda token, prefix=None: [
    found.name for found in ContainerClient(f"{GATEWAY}/{ACCOUNT}", CONTAINER, credential=token, retry_total=0).list_blobs(name_starts_with=prefix)
]
case("its own container token for reading lists", False, lambda: listed(every))
lists = generate_container_sas(ACCOUNT, CONTAINER, account_key=KEY, permission=ContainerSasPermissions(list=True), expiry=end())
case("its own container token lists", True, lambda: blob in listed(lists))
case("its own container token lists what has a prefix", True, lambda: listed(lists, "py/a b+") == [blob])
case("its own container token lists what has another", True, lambda: listed(lists, "py/b") == [])
case("its own container token for listing reads", False, lambda: at(lists).download_blob().readall())
here = lambda address: generate_blob_sas(ACCOUNT, CONTAINER, blob, account_key=KEY, permission=BlobSasPermissions(read=True), expiry=end(), ip=address)
case("its own blob token for this address", True, lambda: at(here("127.0.0.1")).download_blob().readall() == small)
case("its own blob token for other addresses", False, lambda: at(here("192.0.2.1-192.0.2.9")).download_blob().readall())
account = generate_account_sas(ACCOUNT, KEY, ResourceTypes(object=True), AccountSasPermissions(read=True), end())
case("its own account token reads", True, lambda: at(account).download_blob().readall() == small)
case("its own account token deletes", False, lambda: at(account).delete_blob())
level = generate_account_sas(ACCOUNT, KEY, ResourceTypes(container=True), AccountSasPermissions(read=True), end())
case("its own account token for containers", False, lambda: at(level).download_blob().readall())
print(f"python: {cases - surprises} of {cases} as expected")
sys.exit(surprises > 0)
