# The server as an image: built with the C compiler of the Rust image, run as an ordinary user on plain Debian.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p api

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/rollcall rollcall
COPY --from=build /src/target/release/rollcall /usr/local/bin/rollcall
USER rollcall
# A SQLite database is made here unless DATABASE_URL names another one.
WORKDIR /var/lib/rollcall
VOLUME /var/lib/rollcall
# Loopback inside a container reaches nobody. ROLLCALL__SERVER__PUBLIC_URL has to be given with it.
ENV ROLLCALL__SERVER__LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["rollcall"]
CMD ["serve"]
