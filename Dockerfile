# Parlor with the programs of a private PostgreSQL, so that it runs by itself:
#
#     docker build --tag parlor .
#     docker run --init --publish 127.0.0.1:8000:8000 --volume parlor:/var/lib/parlor parlor
#
# With DATABASE_URL set it uses that database and starts none of its own. compose.yaml is that.

# --- The web pages
FROM node:22-trixie-slim AS pages
WORKDIR /parlor
COPY scripts/build-web scripts/get-node scripts/
COPY web web
RUN scripts/build-web --force

# --- The server, with the pages in it
FROM rust:1.95-slim-trixie AS server
WORKDIR /parlor
COPY . .
COPY --from=pages /parlor/web/dist web/dist
# What was compiled before is kept beside the image, not in it.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/parlor/target \
    cargo build --release --locked \
    && cp target/release/parlor /usr/local/bin/parlor

# --- What runs
FROM debian:trixie-slim
# Debian's package would make and own a cluster at once; Parlor makes its own in its data directory. Versions are not
# pinned: an image built anew should have the security fixes of the day.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl postgresql-common \
    && sed -ri 's/^#?(create_main_cluster) .*$/\1 = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install --yes --no-install-recommends postgresql-17 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 parlor \
    && useradd --uid 10001 --gid parlor --home-dir /var/lib/parlor --no-create-home --shell /usr/sbin/nologin parlor \
    && install --directory --owner parlor --group parlor --mode 700 /var/lib/parlor
COPY --from=server /usr/local/bin/parlor /usr/local/bin/parlor

# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/parlor
ENV PARLOR_LISTEN=0.0.0.0:8000 \
    PARLOR_DATA_DIR=/var/lib/parlor/data
VOLUME /var/lib/parlor
EXPOSE 8000
# The port follows PARLOR_LISTEN, so this is a shell's work.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["sh", "-c", "curl --silent --fail --output /dev/null http://127.0.0.1:${PARLOR_LISTEN##*:}/health/ready"]
ENTRYPOINT ["parlor"]
CMD ["serve"]
