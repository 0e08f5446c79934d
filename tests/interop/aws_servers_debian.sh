# Two more servers, of Debian and as root: read by aws_servers.sh when it is asked for all of them.

debian() { # debian COMMAND PACKAGE...: installs the packages unless the command is there
    command -v "$1" > /dev/null || apt-get install -y --no-install-recommends "${@:2}" > /dev/null
}

start_radosgw() { # start_radosgw PORT: one monitor, one store in memory, one gateway
    debian radosgw radosgw ceph-mon ceph-osd
    local at=$1 home=$data/radosgw cluster store
    mkdir -p "$home/mon" "$home/osd"
    cluster=$(cat /proc/sys/kernel/random/uuid)
    store=$(cat /proc/sys/kernel/random/uuid)
    {
        printf '[global]\nfsid = %s\nmon host = [v2:127.0.0.1:%s/0,v1:127.0.0.1:%s/0]\nmon initial members = a\n' "$cluster" $((at + 1)) $((at + 2))
        printf 'auth %s required = none\n' cluster service client
        printf 'auth supported = none\nms mon client mode = crc\npublic addr = 127.0.0.1\ncluster addr = 127.0.0.1\n'
        printf 'osd pool default size = 1\nosd pool default min size = 1\nosd pool default pg num = 4\nosd pool default pgp num = 4\n'
        printf 'osd pool default pg autoscale mode = off\nosd crush chooseleaf type = 0\nmon allow pool size one = true\n'
        printf 'mon max pg per osd = 1000\nmon data avail crit = 1\nrun dir = %s\nlog file = %s/$name.log\n' "$home" "$home"
        printf 'admin socket = %s/$name.asok\npid file = %s/$name.pid\n' "$home" "$home"
        printf '[mon.a]\nhost = localhost\nmon data = %s/mon\n[osd.0]\nhost = localhost\nosd data = %s/osd\n' "$home" "$home"
        printf 'osd objectstore = memstore\nmemstore device bytes = 1073741824\nosd class load list = *\nosd class default list = *\n'
        printf '[client.rgw]\nrgw frontends = beast endpoint=127.0.0.1:%s\nrgw data = %s\n' "$at" "$home"
        printf 'rgw dynamic resharding = false\nrgw enable gc threads = false\nrgw enable lc threads = false\n'
    } > "$home/ceph.conf"
    local conf=$home/ceph.conf
    monmaptool --create --addv a "[v2:127.0.0.1:$((at + 1)),v1:127.0.0.1:$((at + 2))]" --fsid "$cluster" --clobber "$home/monmap" > /dev/null
    ceph-mon -c "$conf" --mkfs -i a --monmap "$home/monmap"
    ceph-mon -c "$conf" -i a -f --setuser root --setgroup root > "$tools/ceph-mon.log" 2>&1 < /dev/null &
    servers+=($!)
    await ceph-mon $! ceph -c "$conf" --connect-timeout 5 -s
    ceph -c "$conf" osd new "$store" 0 > /dev/null
    ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$store" --setuser root --setgroup root > "$tools/ceph-mkfs.log" 2>&1
    ceph-osd -c "$conf" -i 0 -f --setuser root --setgroup root > "$tools/ceph-osd.log" 2>&1 < /dev/null &
    servers+=($!)
    await ceph-osd $! sh -c "ceph -c '$conf' osd stat | grep -q '1 up'"
    radosgw -c "$conf" -n client.rgw -f --setuser root --setgroup root > "$tools/radosgw.log" 2>&1 < /dev/null &
    servers+=($!)
    await radosgw $! curl -s "http://127.0.0.1:$at/"
    radosgw-admin -c "$conf" user create --uid=interop --display-name=interop --access-key="$VALET_KEY_AWS_ACCESS_KEY" \
        --secret-key="$VALET_KEY_AWS_SECRET_KEY" > /dev/null 2>&1
    curl -sf -o /dev/null --aws-sigv4 "aws:amz:$VALET_KEY_AWS_REGION:s3" -u "$VALET_KEY_AWS_ACCESS_KEY:$VALET_KEY_AWS_SECRET_KEY" \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' -X PUT "http://127.0.0.1:$at/$VALET_KEY_AWS_BUCKET"
    export VALET_KEY_RADOSGW=http://127.0.0.1:$at
}

start_swift() { # start_swift PORT: one of each kind of server behind a proxy that speaks S3
    debian swift-proxy-server swift-proxy swift-account swift-container swift-object memcached
    local at=$1 home=$data/swift kind next token=
    mkdir -p "$home/disks/d1" "$home/etc"
    printf '[swift-hash]\nswift_hash_path_suffix = interop\n' > "$home/etc/swift.conf"
    next=$((at + 1))
    for kind in account container object; do
        (
            cd "$home/etc"
            swift-ring-builder $kind.builder create 2 1 1
            swift-ring-builder $kind.builder add --region 1 --zone 1 --ip 127.0.0.1 --port $next --device d1 --weight 1
            swift-ring-builder $kind.builder rebalance
        ) > "$tools/swift-ring.log" 2>&1
        {
            printf '[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = %s\nuser = root\nswift_dir = %s/etc\ndevices = %s/disks\n' $next "$home" "$home"
            printf 'mount_check = false\nworkers = 0\n[pipeline:main]\npipeline = %s-server\n[app:%s-server]\nuse = egg:swift#%s\n' $kind $kind $kind
        } > "$home/etc/$kind.conf"
        swift-$kind-server "$home/etc/$kind.conf" -v > "$tools/swift-$kind.log" 2>&1 < /dev/null &
        servers+=($!)
        next=$((next + 1))
    done
    local layers='catch_errors proxy-logging cache listing_formats s3api tempauth copy slo dlo versioned_writes'
    {
        printf '[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = %s\nuser = root\nswift_dir = %s/etc\nworkers = 0\n' "$at" "$home"
        printf '[pipeline:main]\npipeline = %s proxy-server\n' "$layers"
        printf '[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\naccount_autocreate = true\n'
        printf '[filter:catch_errors]\nuse = egg:swift#catch_errors\n[filter:proxy-logging]\nuse = egg:swift#proxy_logging\n'
        printf '[filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:%s\n' $next
        printf '[filter:listing_formats]\nuse = egg:swift#listing_formats\n[filter:s3api]\nuse = egg:swift#s3api\nlocation = %s\n' "$VALET_KEY_AWS_REGION"
        printf '[filter:tempauth]\nuse = egg:swift#tempauth\nuser_test_tester = testing .admin\n'
        printf '[filter:%s]\nuse = egg:swift#%s\n' copy copy slo slo dlo dlo versioned_writes versioned_writes
        printf 'allow_versioned_writes = true\n'
    } > "$home/etc/proxy.conf"
    memcached -u root -l 127.0.0.1 -p $next > "$tools/memcached.log" 2>&1 < /dev/null &
    servers+=($!)
    swift-proxy-server "$home/etc/proxy.conf" -v > "$tools/swift.log" 2>&1 < /dev/null &
    servers+=($!)
    local auth="http://127.0.0.1:$at/auth/v1.0"
    await swift $! curl -sf -H 'X-Storage-User: test:tester' -H 'X-Storage-Pass: testing' "$auth"
    token=$(curl -s -i -H 'X-Storage-User: test:tester' -H 'X-Storage-Pass: testing' "$auth" | tr -d '\r' | sed -n 's/^X-Auth-Token: //p')
    curl -sf -o /dev/null -X PUT -H "X-Auth-Token: $token" "http://127.0.0.1:$at/v1/AUTH_test/$VALET_KEY_AWS_BUCKET"
    export VALET_KEY_SWIFT=http://127.0.0.1:$at VALET_KEY_SWIFT_ACCESS_KEY=test:tester VALET_KEY_SWIFT_SECRET_KEY=testing
}
