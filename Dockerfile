# syntax=docker/dockerfile:1
# Static executables on empty images, for linux/amd64 and linux/arm64: the operator, and with `--target node` the node agent.
#   docker buildx build --platform linux/amd64,linux/arm64 -t REGISTRY/vpc-cni-operator:0.1.0 --push .
#   docker buildx build --platform linux/amd64,linux/arm64 --target node -t REGISTRY/vpc-cni-node:v1.23.1-vpccni.0.1.0 --push .
# The compiler runs on the machine that builds and makes code for the one that runs: nothing is emulated.
FROM --platform=$BUILDPLATFORM rust:1.95-alpine AS source
ARG BUILDARCH
ARG TARGETARCH
# clang makes the C and assembly of `ring` for either target; the static C library comes with the Rust target.
RUN apk add --no-cache clang llvm musl-dev ca-certificates
WORKDIR /source
COPY rust-toolchain.toml ./
RUN case "$TARGETARCH" in \
      amd64) echo x86_64-unknown-linux-musl ;; \
      arm64) echo aarch64-unknown-linux-musl ;; \
      *) echo "no target for $TARGETARCH" >&2; exit 1 ;; \
    esac > /target && rustup target add "$(cat /target)"
COPY . .
# The machine's own target keeps its own linker, because build scripts and macros are linked with it too.
COPY <<'SCRIPT' /usr/local/bin/build-static
#!/bin/sh
set -eu
if [ "$BUILDARCH" != "$TARGETARCH" ]; then
  name=$(tr a-z- A-Z_ < /target); lower=$(tr - _ < /target)
  export "CARGO_TARGET_${name}_LINKER=rust-lld" "CC_${lower}=clang" "AR_${lower}=llvm-ar"
fi
CARGO_TARGET_DIR=/build cargo build --locked --target "$(cat /target)" "$@"
SCRIPT
RUN chmod 0755 /usr/local/bin/build-static

FROM source AS operator-build
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build,id=build-$TARGETARCH \
    build-static --release --package vpc-cni-operator \
    && install -D -m 0755 "/build/$(cat /target)/release/vpc-cni-operator" /out/vpc-cni-operator

FROM source AS node-build
# The plugin is built by itself: built together with the agent it would carry what only the agent needs.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build,id=build-$TARGETARCH \
    build-static --profile node --package vpccni-ipamd \
    && install -D -m 0755 "/build/$(cat /target)/node/ipamd" /out/ipamd \
    && build-static --profile plugin --package vpccni-cni \
    && install -D -m 0755 "/build/$(cat /target)/plugin/aws-cni" /out/plugins/aws-cni \
    && ln -s aws-cni /out/plugins/egress-cni

# Rules that the stock agent left in iptables, of either flavour, are read and removed once, at the first start, with these
# two programs alone.
FROM alpine:3.22 AS legacy
RUN apk add --no-cache iptables iptables-legacy \
    && mkdir -p /out/lib /out/usr/lib /out/usr/sbin \
    && cp -a /lib/ld-musl-*.so.1 /out/lib/ \
    && cp -a /usr/lib/libxtables.so.* /usr/lib/libip4tc.so.* /usr/lib/libip6tc.so.* /usr/lib/libmnl.so.* /usr/lib/libnftnl.so.* \
        /usr/lib/xtables /out/usr/lib/ \
    && cp -a /usr/sbin/xtables-legacy-multi /usr/sbin/xtables-nft-multi /out/usr/sbin/

# The node agent. Root with NET_ADMIN: links, routes and rules of the node are its work.
FROM scratch AS node
COPY --from=source /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=legacy /out/ /
COPY --from=node-build /out/ipamd /ipamd
COPY --from=node-build /out/plugins/ /plugins/
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
ENTRYPOINT ["/ipamd"]
CMD ["run"]

FROM scratch AS operator
# The roots that the TLS of the AWS endpoints is checked against; the API server's comes with the service account.
COPY --from=source /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=operator-build /out/vpc-cni-operator /vpc-cni-operator
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/vpc-cni-operator"]
CMD ["run"]
