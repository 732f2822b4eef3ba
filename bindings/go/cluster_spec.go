// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"encoding/json"
	"runtime"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// ClusterSpec is a GKE cluster and its node pools. What is empty or nil is not sent, so that the
// library's default holds. Every key is explained in docs/spec.md.
type ClusterSpec struct {
	Name               string            `json:"name"`
	Version            string            `json:"version,omitempty"`
	ReleaseChannel     string            `json:"releaseChannel,omitempty"`
	Network            string            `json:"network,omitempty"`
	Subnetwork         string            `json:"subnetwork,omitempty"`
	Zones              []string          `json:"zones,omitempty"` // of the nodes
	DataplaneV2        *bool             `json:"dataplaneV2,omitempty"`
	NetworkPolicy      bool              `json:"networkPolicy,omitempty"`
	GatewayAPI         *bool             `json:"gatewayApi,omitempty"`
	WorkloadIdentity   *bool             `json:"workloadIdentity,omitempty"`
	ShieldedNodes      *bool             `json:"shieldedNodes,omitempty"`
	PrivateNodes       bool              `json:"privateNodes,omitempty"`
	DNSEndpoint        bool              `json:"dnsEndpoint,omitempty"`
	AuthorizedNetworks []string          `json:"authorizedNetworks,omitempty"`
	Monitoring         string            `json:"monitoring,omitempty"`
	Labels             map[string]string `json:"labels,omitempty"`
	NodePools          []NodePool        `json:"nodePools,omitempty"`
	EnableMissing      bool              `json:"enableMissing,omitempty"` // switches on what is off and needed
	Adopt              bool              `json:"adopt,omitempty"`         // takes a cluster that the library did not make
	Overlay            json.RawMessage   `json:"overlay,omitempty"`       // RFC 7396; has the last word

	loaded *loaded
}

// NodePool is a node pool of a cluster: single hosts, or one slice of several.
type NodePool struct {
	Name           string            `json:"name,omitempty"`
	Preset         string            `json:"preset,omitempty"` // "tpu-v6e-4t", "tpu-v6e-4x4", "nvidia-l4", "cpu", ...
	Machine        string            `json:"machine,omitempty"`
	Accelerator    *Accelerator      `json:"accelerator,omitempty"`
	Topology       string            `json:"topology,omitempty"` // TPUs of several hosts only: "4x4"
	Nodes          *int              `json:"nodes,omitempty"`    // per zone, with autoscaling at first
	MinNodes       *int              `json:"minNodes,omitempty"`
	MaxNodes       *int              `json:"maxNodes,omitempty"`
	Zones          []string          `json:"zones,omitempty"`
	LocationPolicy string            `json:"locationPolicy,omitempty"`
	Spot           *bool             `json:"spot,omitempty"`
	FlexStart      *bool             `json:"flexStart,omitempty"`
	MaxRunDuration string            `json:"maxRunDuration,omitempty"` // "2h"
	Reservation    *string           `json:"reservation,omitempty"`    // "" in a fall-back: without
	DiskType       string            `json:"diskType,omitempty"`
	DiskGB         int               `json:"diskGb,omitempty"`
	ServiceAccount string            `json:"serviceAccount,omitempty"`
	Labels         map[string]string `json:"labels,omitempty"`
	Taints         []string          `json:"taints,omitempty"` // "key=value:NoSchedule"
	MaxPodsPerNode int               `json:"maxPodsPerNode,omitempty"`
	Version        string            `json:"version,omitempty"`
	SecureBoot     *bool             `json:"secureBoot,omitempty"`
	Overlay        json.RawMessage   `json:"overlay,omitempty"`
	Fallbacks      []NodePool        `json:"fallbacks,omitempty"` // with only what is different
}

// Accelerator is the GPUs of machine types that do not say theirs.
type Accelerator struct {
	Type  string `json:"type"`
	Count int    `json:"count,omitempty"`
}

// NetworkSpec is what a GKE Gateway needs of the network.
type NetworkSpec struct {
	Network      string `json:"network,omitempty"`
	Subnet       string `json:"subnet,omitempty"` // of proxies, where it is to be made
	Range        string `json:"range,omitempty"`
	Address      string `json:"address,omitempty"`     // a static address to reserve
	AddressType  string `json:"addressType,omitempty"` // "external" or "internal"
	Subnetwork   string `json:"subnetwork,omitempty"`
	PrivateNodes bool   `json:"privateNodes,omitempty"`
}

var (
	clusterKind = kind{parse: raw.Cluster_spec_parse, parseFile: raw.Cluster_spec_parse_file,
		json: raw.Cluster_spec_json, free: raw.Cluster_spec_free}
	networkKind = kind{parse: raw.Network_spec_parse, parseFile: raw.Network_spec_parse_file,
		free: raw.Network_spec_free}
)

func (y YAML) withCluster(use func(uintptr) error) error {
	return clusterKind.read("spec", string(y), use)
}

func (f File) withCluster(use func(uintptr) error) error {
	return clusterKind.read("path", string(f), use)
}

func (s *ClusterSpec) withCluster(use func(uintptr) error) error {
	now := *s
	now.loaded = nil
	return clusterKind.with(s.loaded, now, use)
}

func (y YAML) withNetwork(use func(uintptr) error) error {
	return networkKind.read("spec", string(y), use)
}

func (f File) withNetwork(use func(uintptr) error) error {
	return networkKind.read("path", string(f), use)
}

func (s *NetworkSpec) withNetwork(use func(uintptr) error) error {
	return networkKind.with(nil, *s, use)
}

// ReadClusterSpec reads YAML or JSON text; the error tells key and line of what is wrong.
func ReadClusterSpec(text string) (*ClusterSpec, error) { return loadCluster("spec", text) }

// ReadClusterSpecFile is ReadClusterSpec from a file.
func ReadClusterSpecFile(path string) (*ClusterSpec, error) { return loadCluster("path", path) }

func loadCluster(name, text string) (*ClusterSpec, error) {
	s := &ClusterSpec{}
	h, err := clusterKind.load(name, text, s)
	if err != nil {
		return nil, err
	}
	s.loaded = &loaded{handle: h, as: *s}
	runtime.AddCleanup(s.loaded, func(h *handle) { h.close() }, h)
	return s, nil
}

// Manifest is the bodies that Apply would send to GKE; nothing is sent.
func (s *ClusterSpec) Manifest(project, location string) (json.RawMessage, error) {
	var t texts
	defer t.free()
	where, there := t.add("project", project), t.add("location", location)
	if t.err != nil {
		return nil, t.err
	}
	var text json.RawMessage
	err := s.withCluster(output(func(spec uintptr, out *uintptr) uintptr {
		return raw.Cluster_spec_manifest(spec, where, there, out)
	}, &text))
	return text, err
}
