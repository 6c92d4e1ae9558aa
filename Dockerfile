# enact-factory in a container: the binary and git, run by an ordinary user.
#
#   docker build -t enact-factory .
#   docker run --rm enact-factory demo
#   docker run -d -v factory-state:/var/lib/enact-factory -v "$PWD:/projects" \
#       enact-factory start --config /projects/config.toml
#
# The agent CLIs that you want to drive (claude, codex) are not in it: install them in an image built on this one.

FROM rust:1-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin enact-factory

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 factory \
    && install -d -m 0700 -o factory -g factory /var/lib/enact-factory
COPY --from=build /src/target/release/enact-factory /usr/local/bin/enact-factory
COPY LICENSE NOTICE /usr/share/doc/enact-factory/
USER factory
WORKDIR /home/factory
ENV XDG_STATE_HOME=/var/lib
VOLUME /var/lib/enact-factory
STOPSIGNAL SIGTERM
ENTRYPOINT ["enact-factory"]
CMD ["start"]
