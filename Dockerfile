# The base image may be another one with Python 3.11 or later. The last stage is the shop; `tools` adds PostgreSQL's own
# programs for `shop backup` and `shop restore`.
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /srv/bangfu
COPY requirements.lock ./
RUN python3 -m venv .venv && .venv/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml ./
COPY migrations migrations
COPY shop shop
COPY catalog catalog
COPY orders orders
RUN .venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation -e . && .venv/bin/python -m compileall -q shop catalog orders

FROM build AS build-tools
COPY embedded.lock ./
RUN .venv/bin/pip install --no-cache-dir --require-hashes -r embedded.lock

FROM ${BASE} AS run
# Papers are printed in Chinese.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends fonts-noto-cjk \
    && apt-get clean && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
ENV PATH=/srv/bangfu/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SHOP_ENV=production
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bangfu && install -d -o bangfu /srv/files /backups
WORKDIR /srv/bangfu
STOPSIGNAL SIGTERM
# Whether it is alive is asked by whoever runs it (compose.yaml): a HEALTHCHECK here is lost in the OCI format.
CMD ["shop", "serve", "--no-worker", "--host", "0.0.0.0", "--port", "8000"]

FROM run AS tools
COPY --from=build-tools /srv/bangfu /srv/bangfu
USER 10001

FROM run AS shop
COPY --from=build /srv/bangfu /srv/bangfu
USER 10001
EXPOSE 8000
