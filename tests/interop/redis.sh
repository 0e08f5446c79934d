#!/usr/bin/env bash
# Two edge gateways in front of one real Redis, for each cloud: one use is one use on whichever of them, what is revoked on one is
# refused by the other, a lost Redis refuses, and one that comes back has forgotten nothing. All of it is on loopback.
#
# usage: tests/interop/redis.sh
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$PWD/target/interop/redis
mkdir -p "$tools"
command -v redis-server > /dev/null || apt-get install -y --no-install-recommends redis-server > /dev/null
cargo build --all-features --example edge_gateway
cargo test --all-features --test edge_gateways --no-run

# Five free ports in a row, from 11300 on.
is_taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
port=11300
while is_taken $port || is_taken $((port + 1)) || is_taken $((port + 2)) || is_taken $((port + 3)) || is_taken $((port + 4)); do
    port=$((port + 5))
done
redis=127.0.0.1:$port
gateways=127.0.0.1:$((port + 1)),127.0.0.1:$((port + 2))
admins=127.0.0.1:$((port + 3)),127.0.0.1:$((port + 4))

data=$(mktemp -d "$tools/data.XXXXXX")
started=()
stop() {
    for process in "${started[@]}"; do kill "$process" 2> /dev/null || true; done
    wait 2> /dev/null || true
    started=()
}
trap 'stop; rm -rf "$data"' EXIT

await() { # await NAME PORT PID
    local tries=0
    until is_taken "$2"; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ] || ! kill -0 "$3" 2> /dev/null; then
            echo "$1 did not start:" >&2
            tail -20 "$tools/$1.log" >&2
            exit 1
        fi
        sleep 0.1
    done
}

start_redis() {
    redis-server --bind 127.0.0.1 --port $port --dir "$data" --save '' --appendonly yes --appendfsync always \
        --maxmemory 64mb --maxmemory-policy noeviction >> "$tools/redis.log" 2>&1 < /dev/null &
    server=$!
    started+=("$server")
    await redis $port $server
}

stage() { # stage CLOUD NAME TEST
    VALET_KEY_EDGE_STAGE=$2 VALET_KEY_EDGE_CLOUD=$1 VALET_KEY_EDGE_GATEWAYS=$gateways VALET_KEY_EDGE_ADMINS=$admins \
        VALET_KEY_EDGE_REDIS=$redis VALET_KEY_EDGE_STATE=$data/state.json \
        cargo test -q --all-features --test edge_gateways "$3" -- --exact --nocapture > "$tools/said" 2>&1 || {
        cat "$tools/said"
        return 1
    }
    # A stage that did not run would pass too.
    grep "cases as expected" "$tools/said"
}

for cloud in s3 gcs azure; do
    start_redis
    for at in 1 2; do
        target/debug/examples/edge_gateway --cloud $cloud --redis "redis://$redis/" --rate 200/3600 \
            --listen 127.0.0.1:$((port + at)) --admin 127.0.0.1:$((port + at + 2)) > "$tools/$cloud-$at.log" 2>&1 < /dev/null &
        started+=("$!")
        await $cloud-$at $((port + at)) $!
    done
    stage $cloud up while_the_redis_is_there
    kill -9 "$server"
    wait "$server" 2> /dev/null || true
    stage $cloud lost while_the_redis_is_lost
    start_redis
    stage $cloud back when_the_redis_is_back
    stop
    rm -rf "${data:?}"/*

    for at in 1 2; do
        log=$tools/$cloud-$at.log
        grep -q 'the Redis failed, so requests are refused' "$log" || { echo "$log does not say that the Redis was lost"; exit 1; }
        grep -q 'refused, store_lost' "$log" || { echo "$log does not say why requests were refused"; exit 1; }
        if grep -E -q 'Signature=|sig=|wJalrXUtnFEMI|Eby8vdM02xNO' "$log"; then
            echo "$log holds a token or a secret"
            exit 1
        fi
    done
done
