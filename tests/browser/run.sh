#!/usr/bin/env bash
# The page of the example upload service in Debian's Chromium, without a window: a file goes up on each cloud, comes
# back the same, and its link is revoked. What the page shows, what the browser sent and what the servers logged is
# compared. Leaves a picture of the page: target/browser/upload_service.png
set -euo pipefail
cd "$(dirname "$0")/../.."

here=$PWD/tests/browser
tools=$PWD/target/browser
mkdir -p "$tools"
if ! command -v chromium > /dev/null || ! command -v npm > /dev/null || ! fc-list 2> /dev/null | grep -q -i dejavu; then
    apt-get install -y --no-install-recommends chromium fontconfig fonts-dejavu-core nodejs npm > /dev/null
fi
# Only what drives a browser: this package fetches none.
[ -d "$tools/node_modules/playwright-core" ] ||
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error playwright-core@1.65.1

cargo build --example upload_service
work=$(mktemp -d "$tools/work.XXXXXX")
log=$work/log
target/debug/examples/upload_service --cloud all --listen 127.0.0.1:0 --gateway 127.0.0.1:0 > "$work/said" 2> "$log" < /dev/null &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null || true; rm -rf "$work"' EXIT
tries=0
until grep -q '^open ' "$work/said"; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ] || ! kill -0 $server; then
        echo 'the upload service did not start:' >&2
        cat "$work/said" "$log" >&2
        exit 1
    fi
    sleep 0.1
done

page=$(sed -n 's/^open \([^ ]*\) .*/\1/p' "$work/said")
picture=$tools/upload_service.png
rm -f "$picture"
# Libraries are found beside the script that is run.
cp "$here"/*.mjs "$tools/"
PAGE=$page LOG=$log WORK=$work PICTURE=$picture CHROMIUM=$(command -v chromium) timeout 240 node "$tools/page.mjs"
[ -s "$picture" ]
