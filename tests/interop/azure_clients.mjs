// Azure's client for JavaScript against the example gateway.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";

// The package is where the script runs, not where this file is.
const {
  BlobSASPermissions, BlockBlobClient, AnonymousCredential, ContainerClient, ContainerSASPermissions,
  StorageSharedKeyCredential, generateBlobSASQueryParameters,
} = createRequire(process.cwd() + "/")("@azure/storage-blob");

const [account, container] = ["devstoreaccount1", "media-uploads"];
const { AZURE_STORAGE_KEY: key, GATEWAY: gateway, SAS_MAKER: maker } = process.env;
let [cases, surprises] = [0, 0];

const ours = (right, blob) =>
  execFileSync(maker, [account, right, container, blob, gateway], { encoding: "utf8" }).trim();
const client = (url) => new BlockBlobClient(url, new AnonymousCredential(), { retryOptions: { maxTries: 1 } });
const text = async (url) => (await client(url).downloadToBuffer()).toString("latin1");

async function run(name, accepted, call) {
  cases += 1;
  let right, what;
  try {
    const found = await call();
    [right, what] = [accepted && found !== false, "accepted"];
  } catch (error) {
    [right, what] = [!accepted && [401, 403, 409].includes(error.statusCode), `refused with ${error.statusCode} ${error.code}`];
  }
  if (!right) surprises += 1;
  console.log(`${right ? "ok  " : "BAD "} javascript: ${name}: ${what}`);
}

const blob = "js/a b+\u00fc.txt";
const [small, large] = [Buffer.from("one request"), Buffer.alloc(20000, "abcdefg")];
const [upload, read] = [ours("upload", blob), ours("read", blob)];
const blocks = { maxSingleShotSize: 1024, blockSize: 1024 };
await run("our token uploads in one request", true, () => client(upload).uploadData(small));
await run("our token reads it", true, async () => (await text(read)) === small.toString());
await run("our token uploads in many blocks", true, () => client(upload).uploadData(large, blocks));
await run("our token reads them", true, async () => (await text(read)) === large.toString());
await run("our token for reading uploads", false, () => client(read).uploadData(small));
await run("our token for reading deletes", false, () => client(read).delete());
await run("our token for uploading reads", false, () => text(upload));
await run("our token for another blob", false, () => text(read.replace("js/a", "js/b")));
await run("our token with other permissions", false, () => client(read.replace("sp=r", "sp=d")).delete());
await run("our token without its signature", false, () => text(read.split("&sig=")[0]));
const create = ours("create", "js/new.txt");
await run("our token creates", true, () => client(create).uploadData(small));
await run("our token for creating overwrites", false, () => client(create).uploadData(large));
await run("our token deletes", true, () => client(ours("delete", "js/new.txt")).delete());

const own = (secret, values) => {
  const query = generateBlobSASQueryParameters(
    { containerName: container, expiresOn: new Date(Date.now() + 600000), ...values },
    new StorageSharedKeyCredential(account, secret),
  );
  return (name) => `${gateway}/${account}/${container}/${name.split("/").map(encodeURIComponent).join("/")}?${query}`;
};
const one = own(key, { blobName: blob, permissions: BlobSASPermissions.parse("rcw") });
await run("its own blob token writes", true, () => client(one(blob)).uploadData(small));
await run("its own blob token reads", true, async () => (await text(one(blob))) === small.toString());
await run("its own blob token deletes", false, () => client(one(blob)).delete());
await run("its own blob token on another blob", false, () => text(one("js/other")));
const over = own(key, { blobName: blob, permissions: BlobSASPermissions.parse("r"), expiresOn: new Date(Date.now() - 60000) });
await run("its own blob token that is over", false, () => text(over(blob)));
const wrong = own("b3RoZXI=", { blobName: blob, permissions: BlobSASPermissions.parse("r") });
await run("its own blob token with another key", false, () => text(wrong(blob)));
const every = own(key, { permissions: ContainerSASPermissions.parse("rd") });
await run("its own container token reads", true, async () => (await text(every(blob))) === small.toString());
await run("its own container token writes", false, () => client(every(blob)).uploadData(small));
// A client of a container writes the slashes of a name as `%2F`.
const inside = (permissions) => {
  const query = generateBlobSASQueryParameters(
    { containerName: container, expiresOn: new Date(Date.now() + 600000), permissions: ContainerSASPermissions.parse(permissions) },
    new StorageSharedKeyCredential(account, key),
  );
  const options = { retryOptions: { maxTries: 1 } };
  return new ContainerClient(`${gateway}/${account}/${container}?${query}`, new AnonymousCredential(), options);
};
const listed = async (of, prefix) => {
  const names = [];
  for await (const found of of.listBlobsFlat({ prefix })) names.push(found.name);
  return names;
};
await run("its own container client reads", true, async () =>
  (await inside("r").getBlockBlobClient(blob).downloadToBuffer()).toString() === small.toString());
await run("its own container client lists", true, async () => (await listed(inside("l"), "js/")).join() === blob);
await run("its own container client lists with r", false, () => listed(inside("r"), "js/"));
await run("its own container token deletes", true, () => client(every(blob)).delete());
console.log(`javascript: ${cases - surprises} of ${cases} as expected`);
process.exit(surprises > 0 ? 1 : 0);
