// Signed URLs and POST policies by @google-cloud/storage, for random names and options.
//
// usage: gcs_clients.mjs KEY_FILE FOLDER SEED COUNT

import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [keyFile, folder, seed, count] = process.argv.slice(2);
// The package lies in the folder that this is run from.
const { Storage } = createRequire(process.cwd() + '/')('@google-cloud/storage');
const { client_email, private_key } = JSON.parse(readFileSync(keyFile, 'utf8'));
const storage = new Storage({ projectId: 'interop', credentials: { client_email, private_key } });

// Mulberry32: small, seeded, good enough to choose.
let state = Number(seed) >>> 0;
const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const pick = (list) => list[Math.floor(random() * list.length)];
const some = (chance) => random() < chance;
const LETTERS = [...'abcXYZ019-_.~ /+%&=?#;:@!$\'()*,[]{}|\\"<>^`éü日本😀'];
const text = (most) => Array.from({ length: Math.floor(random() * (most + 1)) }, () => pick(LETTERS)).join('');
const name = () => {
    for (;;) {
        const made = text(40);
        // Clients fold such segments, so that nobody signs them without asking for it.
        const folds = made.split('/').some((part) => part === '.' || part === '..');
        if (made && !folds && !made.startsWith('.well-known/')) return made;
    }
};
const iso = (basic) => basic.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5');
const BUCKETS = ['test-bucket', 'bkt', 'my_bucket.example.com'];

async function signedUrl(at) {
    const params = { version: 'v4', action: pick(['read', 'write', 'delete', 'resumable']) };
    if (some(0.3)) params.responseDisposition = 'attachment; filename="a b.txt"';
    if (some(0.3)) params.responseType = 'image/png';
    if (some(0.3)) params.contentType = 'text/plain';
    if (some(0.2)) params.contentMd5 = 'rmYdCNHKFXam78uCt7xQLw==';
    if (some(0.4)) params.extensionHeaders = { 'X-Goog-Acl': 'public-read', 'x-goog-meta-b': '  two   spaces ' };
    if (some(0.4)) params.queryParams = { a: text(10), userProject: text(10) };
    const style = pick(['path', 'virtual', 'bound']);
    if (style === 'virtual') params.virtualHostedStyle = true;
    if (style === 'bound') params.cname = 'https://cdn.example.com';
    const [bucket, object] = [pick(BUCKETS), name()];
    const [url] = await storage
        .bucket(bucket)
        .file(object)
        .getSignedUrl({ ...params, expires: Date.now() + pick([60, 900, 3600, 604000]) * 1000 });
    const query = new URL(url).searchParams;
    return {
        id: `javascript-url-${at}`, timestamp: iso(query.get('X-Goog-Date')),
        expires_in: Number(query.get('X-Goog-Expires')), bucket, object, params, expected: { url },
    };
}

async function postPolicy(at) {
    // Fields in the order of their names: the library writes them as they come, the comparison sorts them.
    const [fields, conditions, params, options] = [{}, [], {}, {}];
    if (some(0.4)) fields.acl = 'public-read';
    if (some(0.4)) fields.success_action_status = '201';
    if (some(0.5)) fields['x-goog-meta-note'] = text(20);
    if (some(0.5)) conditions.push(['content-length-range', 1, 1048576]);
    if (some(0.5)) conditions.push(['starts-with', '$Content-Type', pick(['', 'image/'])]);
    const style = pick(['path', 'virtual', 'bound']);
    if (style === 'virtual') options.virtualHostedStyle = params.virtual_hosted_style = true;
    if (style === 'bound') options.bucketBoundHostname = params.bucket_bound_hostname = 'https://cdn.example.com';
    const [bucket, object] = [pick(BUCKETS), name()];
    const [form] = await storage
        .bucket(bucket)
        .file(object)
        .generateSignedPostPolicyV4({
            ...options,
            expires: Date.now() + pick([60, 900, 3600, 604000]) * 1000,
            conditions: structuredClone(conditions),
            fields: { ...fields },
        });
    const timestamp = iso(form.fields['x-goog-date']);
    const { expiration } = JSON.parse(Buffer.from(form.fields.policy, 'base64').toString());
    return {
        id: `javascript-post-${at}`, timestamp, expires_in: (Date.parse(expiration) - Date.parse(timestamp)) / 1000,
        bucket, object, url_params: params, fields, conditions, expected: form,
    };
}

for (const [kind, make] of [['signed-urls', signedUrl], ['post-policies', postPolicy]]) {
    const cases = [];
    for (let at = 0; at < Number(count); at++) cases.push(await make(at));
    writeFileSync(`${folder}/javascript-${kind}.json`, JSON.stringify({ cases }));
}
