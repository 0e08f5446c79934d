#!/usr/bin/env bash
# Azurite, over HTTPS on loopback, takes our tokens for what they grant and refuses them for the rest.
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$PWD/target/interop/azurite
mkdir -p "$tools"
if ! command -v npm > /dev/null || ! command -v openssl > /dev/null || ! command -v curl > /dev/null; then
    apt-get install -y --no-install-recommends nodejs npm openssl curl > /dev/null
fi
[ -d "$tools/node_modules/azurite" ] ||
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error azurite@3.35.0
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$tools/key.pem" -out "$tools/cert.pem" -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2> /dev/null

data=$(mktemp -d)
blob=${VALET_KEY_AZURITE_PORT:-11000}
node "$tools/node_modules/azurite/dist/src/azurite.js" --location "$data" --silent --disableTelemetry --skipApiVersionCheck \
    --blobHost 127.0.0.1 --blobPort "$blob" --queueHost 127.0.0.1 --queuePort $((blob + 1)) \
    --tableHost 127.0.0.1 --tablePort $((blob + 2)) --oauth basic --cert "$tools/cert.pem" --key "$tools/key.pem" \
    > "$tools/log" 2>&1 < /dev/null &
server=$!
trap 'kill "$server"; rm -rf "$data"' EXIT
for port in "$blob" $((blob + 1)) $((blob + 2)); do
    until curl -s -o /dev/null --cacert "$tools/cert.pem" "https://127.0.0.1:$port/"; do
        kill -0 "$server" || { cat "$tools/log"; exit 1; }
        sleep 0.2
    done
done

VALET_KEY_AZURITE=$blob VALET_KEY_AZURITE_CERT=$tools/cert.pem \
    cargo test --all-features --test azurite -- --nocapture
