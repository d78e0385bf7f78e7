# syntax=docker/dockerfile:1
# A static executable on an empty image, for linux/amd64 and linux/arm64:
#   docker buildx build --platform linux/amd64,linux/arm64 -t REGISTRY/vpc-cni-operator:0.1.0 --push .
# The compiler runs on the machine that builds and makes code for the one that runs: nothing is emulated.
FROM --platform=$BUILDPLATFORM rust:1.95-alpine AS build
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
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build,id=build-$TARGETARCH \
    if [ "$BUILDARCH" != "$TARGETARCH" ]; then \
      name=$(tr a-z- A-Z_ < /target); lower=$(tr - _ < /target); \
      export "CARGO_TARGET_${name}_LINKER=rust-lld" "CC_${lower}=clang" "AR_${lower}=llvm-ar"; \
    fi; \
    CARGO_TARGET_DIR=/build cargo build --release --locked --package vpc-cni-operator --target "$(cat /target)" \
    && install -D -m 0755 "/build/$(cat /target)/release/vpc-cni-operator" /out/vpc-cni-operator

FROM scratch
# The roots that the TLS of the AWS endpoints is checked against; the API server's comes with the service account.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/vpc-cni-operator /vpc-cni-operator
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
ENTRYPOINT ["/vpc-cni-operator"]
CMD ["run"]
