// SPDX-License-Identifier: Apache-2.0
// The replaces and the exclude are those of KServe 0.19.0's own go.mod: Go ignores them in a dependency.
module llmd.rig/kserve-0.19.0

go 1.25.8

require github.com/kserve/kserve v0.19.0

exclude google.golang.org/grpc/stats/opentelemetry v0.0.0-00010101000000-000000000000

replace (
	github.com/expr-lang/expr => github.com/expr-lang/expr v1.17.7
	github.com/lyft/protoc-gen-validate => github.com/envoyproxy/protoc-gen-validate v1.0.4
	google.golang.org/grpc => google.golang.org/grpc v1.79.3
	sigs.k8s.io/controller-runtime => sigs.k8s.io/controller-runtime v0.19.7
)
