#!/usr/bin/env python3
"""Writes cases.json: bodies in chunks, signed with nothing but hashlib, hmac and two CRC loops."""
import base64, hashlib, hmac, json, os, zlib

ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EMPTY = hashlib.sha256(b"").hexdigest()


def crc(data, width, poly):
    """A reflected CRC that begins and ends with all ones, bit by bit; `poly` is reflected already."""
    ones = (1 << width) - 1
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (poly if byte & 1 else 0)
        table.append(byte)
    state = ones
    for byte in data:
        state = state >> 8 ^ table[(state ^ byte) & 255]
    return (state ^ ones).to_bytes(width // 8, "big")


CHECKSUMS = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "crc32c": lambda data: crc(data, 32, 0x82F63B78),
    "crc64nvme": lambda data: crc(data, 64, 0x9A6C9329AC4BC9B5),
    "sha1": lambda data: hashlib.sha1(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
}


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def case(name, length, chunk=65536, signed=True, checksum=None, step=0, headers=(), region="us-east-1",
         time="20130524T000000Z", host="s3.amazonaws.com", path="/examplebucket/chunkObject.txt"):
    body = bytes((97 + at * step) % 256 for at in range(length))
    literal = {(True, False): "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
               (True, True): "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
               (False, True): "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}[signed, checksum is not None]
    sent = dict(headers)
    encoding = sent.get("content-encoding")
    sent.update({"content-encoding": f"{encoding},aws-chunked" if encoding else "aws-chunked", "host": host,
                 "x-amz-content-sha256": literal, "x-amz-date": time, "x-amz-decoded-content-length": str(length)})
    if checksum:
        sent["x-amz-trailer"] = f"x-amz-checksum-{checksum}"
    names = ";".join(sorted(sent))
    lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    canonical = f"PUT\n{path}\n\n{lines}\n{names}\n{literal}"
    scope = f"{time[:8]}/{region}/s3/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = mac(mac(mac(mac(("AWS4" + SECRET).encode(), time[:8]), region), "s3"), "aws4_request")
    seed = previous = mac(key, to_sign).hex()
    framed, chunks = b"", []
    for data in [body[at:at + chunk] for at in range(0, length, chunk)] + [b""]:
        head = f"{len(data):x}"
        if signed:
            text = f"AWS4-HMAC-SHA256-PAYLOAD\n{time}\n{scope}\n{previous}\n{EMPTY}\n{hashlib.sha256(data).hexdigest()}"
            previous = mac(key, text).hex()
            chunks.append({"string_to_sign": text, "signature": previous})
            head += f";chunk-signature={previous}"
        framed += head.encode() + b"\r\n" + data + (b"\r\n" if data else b"")
    trailer = None
    if checksum:
        line = f"x-amz-checksum-{checksum}:{base64.b64encode(CHECKSUMS[checksum](body)).decode()}"
        framed += line.encode() + b"\r\n"
        if signed:
            digest = hashlib.sha256(line.encode() + b"\n").hexdigest()
            text = f"AWS4-HMAC-SHA256-TRAILER\n{time}\n{scope}\n{previous}\n{digest}"
            signature = mac(key, text).hex()
            trailer = {"string_to_sign": text, "signature": signature}
            framed += f"x-amz-trailer-signature:{signature}\r\n".encode()
    framed += b"\r\n"
    return {"name": name, "access_key_id": ID, "secret": SECRET, "region": region, "time": time, "host": host,
            "path": path, "headers": [list(pair) for pair in headers], "signed": signed, "checksum": checksum,
            "chunk_size": chunk, "length": length, "step": step, "canonical_request": canonical,
            "string_to_sign": to_sign, "seed": seed, "chunks": chunks, "trailer": trailer,
            "framed_length": len(framed), "framed_sha256": hashlib.sha256(framed).hexdigest()}


gzip, own = ("content-encoding", "gzip"), ("x-amz-meta-user", "42")
cases = [
    case("documented-chunks", 66560, headers=(("content-length", "66824"), ("x-amz-storage-class", "REDUCED_REDUNDANCY"))),
    case("documented-trailer", 66560, checksum="crc32c", headers=(("x-amz-storage-class", "REDUCED_REDUNDANCY"),)),
    case("empty", 0),
    case("one-byte", 1, step=7),
    case("one-chunk-to-the-byte", 8192, chunk=8192, step=7),
    case("one-byte-more", 8193, chunk=8192, step=7),
    case("one-byte-less", 16383, chunk=8192, step=7),
    case("several-chunks-to-the-byte", 24576, chunk=8192, step=7),
    case("odd-chunks", 50000, chunk=9999, step=11, headers=(gzip, own)),
    case("a-large-chunk", 1100000, chunk=1048576, step=3, region="eu-west-1", time="20261124T120000Z",
         host="photos.s3.eu-west-1.amazonaws.com", path="/2026/a%20name%20%C3%BC.jpg"),
    case("empty-with-trailer", 0, checksum="sha256"),
    case("empty-unsigned", 0, signed=False, checksum="sha256"),
]
for algorithm in CHECKSUMS:
    cases.append(case(f"signed-{algorithm}", 20000, chunk=8192, checksum=algorithm, step=5, headers=(own,)))
    cases.append(case(f"unsigned-{algorithm}", 20000, chunk=8192, signed=False, checksum=algorithm, step=5))
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.json"), "w") as out:
    json.dump(cases, out, indent=1)
    out.write("\n")
