#!/usr/bin/env bash
# Google's own libraries against this crate: for random names and options, what they sign is what we sign, byte for
# byte, and what they sign is accepted for as long as it is good and refused after every change.
#
# usage: tests/interop/gcs_clients.sh [SEED [COUNT]]
set -euo pipefail
cd "$(dirname "$0")/../.."

seed=${1:-$RANDOM$RANDOM}
count=${2:-60}
here=$PWD/tests/interop
key=$PWD/tests/vectors/gcs/keys/dummy-service-account.json
tools=$PWD/target/interop/gcs
made=$tools/made
mkdir -p "$tools"
rm -rf "$made"
mkdir "$made"
echo "seed $seed, $count cases of each kind from each library"

if ! command -v npm > /dev/null || ! python3 -c 'import venv, ensurepip' 2> /dev/null; then
    apt-get install -y --no-install-recommends nodejs npm python3 python3-venv > /dev/null
fi
[ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" -q install google-cloud-storage==3.17.1
[ -d "$tools/node_modules/@google-cloud/storage" ] ||
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error @google-cloud/storage@7.22.0

"$tools/venv/bin/python" "$here/gcs_clients.py" "$key" "$made" "$seed" "$count"
(cd "$tools" && node "$here/gcs_clients.mjs" "$key" "$made" "$seed" "$count")
VALET_KEY_INTEROP=$made cargo test --all-features --test gcs_vectors on_the_spot -- --nocapture
