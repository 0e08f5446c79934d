// The AWS SDK for JavaScript against the example gateway, with its default settings.

import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import {
  DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

const { GATEWAY, BUCKET: Bucket, WORK } = process.env;
const small = readFileSync(`${WORK}/small`);
const large = readFileSync(`${WORK}/large`);
const withSecret = (secretAccessKey) =>
  new S3Client({
    endpoint: GATEWAY, region: "us-east-1", forcePathStyle: true, maxAttempts: 1,
    credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey },
  });

async function test(name, call, code) {
  let right, what = "";
  try {
    const found = await call();
    right = code === undefined && found !== false;
    if (found === false) what = "another answer";
  } catch (error) {
    what = error.name === "403" ? "403" : error.Code ?? error.name;
    right = code !== undefined && (what === code || error.$metadata?.httpStatusCode === 403 && code === "SignatureDoesNotMatch");
    if (!right) what = `${what} ${error.message}`;
  }
  console.log(`${right ? "ok  " : "BAD "} javascript: ${name} ${what}`.trimEnd());
}

const s3 = withSecret(process.env.AWS_SECRET_ACCESS_KEY);
const Key = "js/a b+c/\u00fc%41~*'()!";
const read = async (Key) => Buffer.from(await (await s3.send(new GetObjectCommand({ Bucket, Key }))).Body.transformToByteArray());
await test("put, small", () => s3.send(new PutObjectCommand({ Bucket, Key, Body: small, ContentType: "text/plain" })));
await test("get, small", async () => small.equals(await read(Key)));
await test("head", async () => (await s3.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength === small.length);
await test("put, a stream of known length", () =>
  s3.send(new PutObjectCommand({ Bucket, Key: "js/stream", Body: Readable.from([large.subarray(0, 100000)]), ContentLength: 100000 })));
await test("get, a stream of known length", async () => large.subarray(0, 100000).equals(await read("js/stream")));
await test("put, in parts of unknown length", () =>
  new Upload({ client: s3, params: { Bucket, Key: "js/large", Body: Readable.from([large]) } }).done());
await test("get, in parts of unknown length", async () => large.equals(await read("js/large")));
await test("list", async () => {
  const list = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: "js/" }));
  return JSON.stringify(list.Contents.map((entry) => entry.Key)) === JSON.stringify([Key, "js/large", "js/stream"]);
});
await test("delete", () => s3.send(new DeleteObjectCommand({ Bucket, Key: "js/large" })));
await test("get after it", () => read("js/large"), "NoSuchKey");
const wrong = withSecret(process.argv[2]);
await test("put with a wrong secret", () => wrong.send(new PutObjectCommand({ Bucket, Key: "x", Body: small })), "SignatureDoesNotMatch");
await test("stream with a wrong secret", () =>
  wrong.send(new PutObjectCommand({ Bucket, Key: "x", Body: Readable.from([small]), ContentLength: small.length })), "SignatureDoesNotMatch");
console.log("done");
