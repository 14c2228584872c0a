# The trainer on a GPU: vlgym and vlgym_agents with torch, transformers and Chromium.
#
#   docker build -f docker/trainer.Dockerfile -t vlgym:train .
#   docker run --gpus all --shm-size 4g -v runs:/srv/vlgym/runs vlgym:train vlgym-train --env webshop --algo grpo
#
# torch's wheels bring CUDA along, so the base needs only what the driver does not; any Debian or Ubuntu base with
# Python 3.11 to 3.14 works, one without CUDA too (BASE_IMAGE=debian:bookworm-slim and TORCH_INDEX for the CPU build).
ARG BASE_IMAGE=nvidia/cuda:12.8.1-base-ubuntu24.04

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS system
ENV DEBIAN_FRONTEND=noninteractive \
    PATH=/venv/bin:$PATH \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libegl1 libgl1 libx11-6 python3 python3-venv tini \
 && apt-get clean && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /venv \
 && useradd --uid 10001 --no-create-home --home-dir /tmp vlgym
WORKDIR /srv/vlgym

FROM system AS wheels
ARG TORCH_INDEX=
COPY pyproject.toml constraints-cpu.txt ./
COPY docker/requirements.py docker/
# torch first and alone: what needs it later then finds the build chosen here. Versions: constraints-cpu.txt.
# hadolint ignore=DL3013
RUN pip install -c constraints-cpu.txt ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch \
 && python docker/requirements.py all >requirements.txt \
 && pip install -c constraints-cpu.txt -r requirements.txt
# Playwright's Chromium rather than the distribution's: Ubuntu has it as a snap only, which no container can run.
ENV PLAYWRIGHT_BROWSERS_PATH=/srv/browsers
RUN python -m playwright install --with-deps chromium \
 && apt-get clean && rm -rf /var/lib/apt/lists/*

FROM system AS source
COPY . .
RUN pip wheel --no-deps --wheel-dir /wheels .

FROM wheels AS trainer
COPY --from=source /wheels /wheels
RUN pip install --no-deps /wheels/*.whl && install -d -o 10001 -g 10001 runs
USER 10001
VOLUME ["/srv/vlgym/runs"]
ENTRYPOINT ["tini", "--"]
CMD ["vlgym-train", "--list"]
