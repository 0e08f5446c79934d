#!/usr/bin/env bash
# Microsoft's storage emulator against this crate: what our tokens and signed requests grant it accepts, and what they
# do not grant it refuses. It listens on loopback, over HTTPS.
#
# usage: tests/interop/azurite.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$PWD/target/interop/azurite
mkdir -p "$tools"

if ! command -v npm > /dev/null || ! command -v openssl > /dev/null || ! command -v curl > /dev/null; then
    apt-get install -y --no-install-recommends nodejs npm openssl curl > /dev/null
fi
program=$tools/node_modules/azurite/dist/src/azurite.js
[ -f "$program" ] ||
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error azurite@3.35.0
[ -f "$tools/cert.pem" ] && openssl x509 -in "$tools/cert.pem" -noout -checkend 86400 > /dev/null ||
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout "$tools/key.pem" -out "$tools/cert.pem" \
        -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2> /dev/null

# Three free ports in a row, from 11000 on.
is_taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
port=11000
while is_taken $port || is_taken $((port + 1)) || is_taken $((port + 2)); do port=$((port + 10)); done

data=$(mktemp -d "$tools/data.XXXXXX")
node "$program" --location "$data" --silent --disableTelemetry --skipApiVersionCheck \
    --oauth basic --cert "$tools/cert.pem" --key "$tools/key.pem" --debug "$tools/debug.log" \
    --blobHost 127.0.0.1 --blobPort $port --queueHost 127.0.0.1 --queuePort $((port + 1)) \
    --tableHost 127.0.0.1 --tablePort $((port + 2)) > "$tools/log" 2>&1 < /dev/null &
server=$!
trap 'kill $server 2> /dev/null; wait $server 2> /dev/null || true; rm -rf "$data"' EXIT

for at in $port $((port + 1)) $((port + 2)); do
    tries=0
    until curl -s -o /dev/null --cacert "$tools/cert.pem" "https://127.0.0.1:$at/"; do
        tries=$((tries + 1))
        if [ $tries -gt 150 ] || ! kill -0 $server 2> /dev/null; then
            echo "Azurite did not start:" >&2
            cat "$tools/log" >&2
            exit 1
        fi
        sleep 0.2
    done
done

export VALET_KEY_AZURITE_BLOB=https://127.0.0.1:$port
export VALET_KEY_AZURITE_QUEUE=https://127.0.0.1:$((port + 1))
export VALET_KEY_AZURITE_TABLE=https://127.0.0.1:$((port + 2))
export VALET_KEY_AZURITE_CERT=$tools/cert.pem
cargo test --all-features --test azurite -- --nocapture
