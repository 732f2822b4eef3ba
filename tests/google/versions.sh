# SPDX-License-Identifier: Apache-2.0
# Google's published packages that hold its schemas and the control clients. shellcheck shell=sh
PYTHON_CLIENT=2.202.0     # google-api-python-client: discovery documents, control client
PYTHON_QUOTAS=0.6.3       # google-cloud-quotas: Cloud Quotas has no discovery document there
PYTHON_RECOMMENDER=0.3.2  # google-cloud-gkerecommender: nor has the inference quickstart
NPM_CONTAINER=26.0.0      # @googleapis/container
GO_API=v0.311.0           # google.golang.org/api
