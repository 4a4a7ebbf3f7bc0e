# The image of controller, agents and CLI: Node.js, one file of JavaScript, and the programs that
# change the network of pods. BuildKit is needed (buildx, or DOCKER_BUILDKIT=1 before Docker 23):
#   docker build --tag peerstorm:0.1.0 .
# JavaScript is the same for every architecture, so it is bundled once, on the machine that builds.
# A release pins both bases by digest.
ARG BUILD_BASE=node:24-trixie-slim
ARG BASE=node:24-trixie-slim
# built: here. prebuilt: outside, by `bin/node bin/bundle.ts peerstorm dist/image/peerstorm`.
ARG BUNDLE=built

FROM --platform=$BUILDPLATFORM ${BUILD_BASE} AS built
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN node bin/bundle.ts peerstorm /out

FROM scratch AS prebuilt
COPY dist/image/peerstorm /out

FROM ${BUNDLE} AS bundle

FROM ${BASE}
# tini reaps what the agent's children leave, and passes signals on. A base that has all of these
# is taken as it is, without a network.
RUN for program in nft ip tc nsenter tini; do \
      command -v "$program" >/dev/null || missing=yes; \
    done; \
    [ -z "${missing:-}" ] || { \
      apt-get update && \
      apt-get install --yes --no-install-recommends nftables iproute2 util-linux tini && \
      rm -rf /var/lib/apt/lists/*; \
    }
COPY --from=bundle /out /app
COPY LICENSE /app/LICENSE
RUN ln -s /app/dist/cli/main.js /usr/local/bin/peerstorm
ENV NODE_ENV=production
# Any number but 0: the chart gives agents root, and nobody else.
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["tini", "-s", "--", "node", "/app/dist/cli/main.js"]
CMD ["--help"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="peerstorm" \
      org.opencontainers.image.description="Controller, agent and command line of Peerstorm" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
