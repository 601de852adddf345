# The base image may be another one with Python 3.11 or later.
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

FROM ${BASE}
# Papers are printed in Chinese.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends fonts-noto-cjk && rm -rf /var/lib/apt/lists/*
ENV PATH=/srv/bangfu/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SHOP_ENV=production
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin bangfu && install -d -o bangfu /srv/files
WORKDIR /srv/bangfu
COPY --from=build /srv/bangfu /srv/bangfu
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["shop", "serve", "--no-worker", "--host", "0.0.0.0", "--port", "8000"]
