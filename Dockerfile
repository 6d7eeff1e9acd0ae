# docker build --tag featlib . && docker run --rm --publish 8888:8888 featlib
# It prints an address with a token: open it in your browser. See docs/install.md.
FROM python:3.13-slim

RUN useradd --create-home learner && pip install --no-cache-dir uv
COPY . /opt/featlib
# PyTorch's builds for the processor alone: a container has no NVIDIA GPU unless you give it one.
RUN uv pip install --system --no-cache --torch-backend cpu /opt/featlib

USER learner
WORKDIR /home/learner
EXPOSE 8888
HEALTHCHECK --start-period=60s CMD python -c \
  "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8888/api', timeout=3)"
# Inside a container, 127.0.0.1 would be the container alone.
CMD ["featlib", "lab", "--no-browser", "--ip=0.0.0.0"]
