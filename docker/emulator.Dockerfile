# An emulator of AWS for docker-compose.yml, with the resources that the services need.
FROM debian:12-slim
WORKDIR /opt/emulator
# hadolint ignore=DL3008
RUN apt-get update -qq && \
    apt-get install -y -qq --no-install-recommends ca-certificates curl python3 python3-venv socat && \
    rm -rf /var/lib/apt/lists/*
COPY scripts/lib.sh scripts/emulator.py scripts/init-localstack.sh scripts/dynamodb-table.json scripts/requirements-aws.txt scripts/
RUN bash -c '. scripts/lib.sh && pip_install aws scripts/requirements-aws.txt' && \
    useradd --system --uid 10001 emulator
COPY docker/emulator.sh docker/
USER 10001
EXPOSE 4566
HEALTHCHECK --interval=2s --timeout=5s --retries=60 CMD ["test", "-e", "/tmp/ready"]
CMD ["docker/emulator.sh"]
