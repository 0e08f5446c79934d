#!/usr/bin/env bash
# Azure's own clients for Python and JavaScript against the example gateway: with tokens of ours, and with their own.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=$PWD/tests/interop
tools=$PWD/target/interop/azure
mkdir -p "$tools"
if ! command -v npm > /dev/null || ! python3 -c 'import venv, ensurepip' 2> /dev/null; then
    apt-get install -y --no-install-recommends nodejs npm python3 python3-venv > /dev/null
fi
[ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" -q install azure-storage-blob==12.31.1
[ -d "$tools/node_modules/@azure/storage-blob" ] ||
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error @azure/storage-blob@12.32.0

cargo build --example upload_service --example azure_sas
log=$tools/log
port=${VALET_KEY_GATEWAY_PORT:-11090}
target/debug/examples/upload_service --cloud azure --listen 127.0.0.1:$((port + 1)) --gateway "127.0.0.1:$port" > "$log" 2>&1 < /dev/null &
gateway=$!
trap 'kill "$gateway"' EXIT
until curl -s -o /dev/null "http://127.0.0.1:$port/"; do
    kill -0 "$gateway" || { cat "$log"; exit 1; }
    sleep 0.1
done

export AZURE_STORAGE_KEY='Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='
export SAS_MAKER=$PWD/target/debug/examples/azure_sas GATEWAY=http://127.0.0.1:$port
"$tools/venv/bin/python" "$here/azure_clients.py"
(cd "$tools" && node "$here/azure_clients.mjs")
