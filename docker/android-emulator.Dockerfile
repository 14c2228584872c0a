# A real Android: SDK, emulator and one virtual device, driven by vlgym's phone environment. x86-64 only, 9 GB.
#
#   docker build -f docker/android-emulator.Dockerfile --build-arg ACCEPT_ANDROID_LICENSE=yes -t vlgym:emulator .
#   docker run --device /dev/kvm --group-add "$(stat -c %g /dev/kvm)" --memory 6g vlgym:emulator
#
# ACCEPT_ANDROID_LICENSE=yes says that you accept the licences of Google's SDK packages; nothing is downloaded without.
ARG BASE_IMAGE=debian:bookworm-slim

# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS system
ENV DEBIAN_FRONTEND=noninteractive \
    ANDROID_HOME=/srv/android \
    ANDROID_AVD_HOME=/srv/avd \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1
ENV PATH=/venv/bin:$ANDROID_HOME/cmdline-tools/latest/bin:$ANDROID_HOME/platform-tools:$ANDROID_HOME/emulator:$PATH
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates curl libegl1 libgl1 libnss3 libpulse0 libx11-6 libxcb1 \
    libxcomposite1 libxcursor1 libxdamage1 libxi6 libxkbfile1 libxtst6 openjdk-17-jre-headless python3 python3-venv \
    tini unzip \
 && apt-get clean && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /venv \
 && useradd --uid 10001 --no-create-home --home-dir /tmp vlgym
WORKDIR /srv/vlgym

FROM system AS sdk
ARG ACCEPT_ANDROID_LICENSE=no
ARG COMMANDLINE_TOOLS=11076708
ARG COMMANDLINE_TOOLS_SHA256=2d2d50857e4eb553af5a6dc3ad507a17adf43d115264b1afc116f95c92e5e258
ARG SYSTEM_IMAGE="system-images;android-34;google_apis;x86_64"
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN if [ "$ACCEPT_ANDROID_LICENSE" != yes ]; then \
      echo "Read the licences of the Android SDK and build again with --build-arg ACCEPT_ANDROID_LICENSE=yes." >&2; \
      exit 1; \
    fi \
 && curl -fsSL -o tools.zip \
      "https://dl.google.com/android/repository/commandlinetools-linux-${COMMANDLINE_TOOLS}_latest.zip" \
 && echo "$COMMANDLINE_TOOLS_SHA256  tools.zip" | sha256sum -c - \
 && mkdir -p "$ANDROID_HOME/cmdline-tools" \
 && unzip -q tools.zip && rm tools.zip && mv cmdline-tools "$ANDROID_HOME/cmdline-tools/latest" \
 && { yes || true; } | sdkmanager --licenses >/dev/null \
 && sdkmanager --install platform-tools emulator "$SYSTEM_IMAGE" >/dev/null \
 && echo no | avdmanager create avd --name vlgym --device pixel_6 --package "$SYSTEM_IMAGE" \
 && chown -R 10001:10001 "$ANDROID_AVD_HOME"

FROM sdk AS wheels
COPY pyproject.toml constraints-cpu.txt ./
COPY docker/requirements.py docker/
RUN python docker/requirements.py android >requirements.txt && pip install -c constraints-cpu.txt -r requirements.txt

FROM system AS source
COPY . .
RUN pip wheel --no-deps --wheel-dir /wheels .

FROM wheels AS emulator
COPY --from=source /wheels /wheels
COPY --chmod=755 docker/emulator.sh /usr/local/bin/with-emulator
RUN pip install --no-deps /wheels/*.whl
USER 10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=10m CMD ["adb", "shell", "getprop", "dev.bootcomplete"]
ENTRYPOINT ["/usr/bin/tini", "-g", "--", "with-emulator"]
CMD ["vlgym-rollout", "--env", "android-settings", "--set", "env.device=emulator-5554", "--episodes", "2"]
