# SPDX-License-Identifier: Apache-2.0
# Google's published packages that hold its schemas and the control clients. shellcheck shell=sh
PYTHON_CLIENT=2.202.0     # google-api-python-client: discovery documents, control client
PYTHON_CONTAINER=2.67.0   # google-cloud-container: control client
PYTHON_PROTOC=1.85.1      # grpcio-tools: the protobuf compiler
NPM_PROTOS=6.0.1          # google-proto-files: the protos of all APIs
NPM_CONTAINER=26.0.0      # @googleapis/container
GO_API=v0.311.0           # google.golang.org/api
