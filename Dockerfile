# The server, on CPU. Build:  docker build -t tunesmith .
# A bundle is mounted at /bundle; /workspace is where the store lies unless a database is named.

FROM python:3.12.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/tunesmith
WORKDIR /source
COPY constraints.txt ./
# torch first and from its own index: PyPI's build carries gigabytes of CUDA
RUN /opt/tunesmith/bin/pip install --index-url https://download.pytorch.org/whl/cpu \
    "$(grep '^torch==' constraints.txt)"
COPY pyproject.toml README.md LICENSE ./
COPY src src
COPY recipes recipes
COPY examples examples
RUN /opt/tunesmith/bin/pip install --constraint constraints.txt ".[postgres,int8]"

FROM python:3.12.12-slim-bookworm
# the kernels are compiled at the first start, for the processor at hand; without a compiler torch computes the same
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ libc6-dev \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 tunesmith \
    && useradd --system --uid 10001 --gid tunesmith --create-home tunesmith \
    && mkdir /workspace /bundle \
    && chown tunesmith:tunesmith /workspace
COPY --from=build /opt/tunesmith /opt/tunesmith
RUN install --directory --owner tunesmith --group tunesmith \
    /opt/tunesmith/lib/python3.12/site-packages/tunesmith/model/kernels/__pycache__
ENV PATH=/opt/tunesmith/bin:$PATH HF_HUB_OFFLINE=1 XDG_CACHE_HOME=/workspace/.cache
USER 10001:10001
WORKDIR /workspace
VOLUME ["/workspace"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
ENTRYPOINT ["tunesmith"]
# reachable from outside its container, the server answers to nobody without an API key
CMD ["serve", "/bundle", "serve.host=0.0.0.0"]
