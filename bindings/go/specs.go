// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"encoding/json"
	"reflect"
	"runtime"
	"strings"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// YAML is a spec as YAML or JSON text, with the keys of docs/spec.md.
type YAML string

// File is the path of a spec's YAML or JSON.
type File string

// GatewaySource is what a gateway can be made from: *GatewaySpec, YAML or File.
type GatewaySource interface {
	// withGateway hands the raw spec to use.
	withGateway(use func(spec uintptr) error) error
}

// ServiceSource is what a service can be made from: *ServiceSpec, YAML or File.
type ServiceSource interface {
	withService(use func(spec uintptr) error) error
}

// ClusterSource is what a cluster can be made from: *ClusterSpec, YAML or File.
type ClusterSource interface {
	withCluster(use func(spec uintptr) error) error
}

// NetworkSource is what a network can be made from: *NetworkSpec, YAML or File.
type NetworkSource interface {
	withNetwork(use func(spec uintptr) error) error
}

// given hands the raw spec of a source to use.
type given func(use func(spec uintptr) error) error

func noSpec(use func(spec uintptr) error) error { return use(0) }

func missingSpec(func(spec uintptr) error) error { return invalid("spec is nil") }

func givenGateway(spec GatewaySource) given {
	if spec == nil {
		return missingSpec
	}
	return spec.withGateway
}

func givenService(spec ServiceSource) given {
	if spec == nil {
		return missingSpec
	}
	return spec.withService
}

func givenCluster(spec ClusterSource) given {
	if spec == nil {
		return noSpec
	}
	return spec.withCluster
}

func givenNetwork(spec NetworkSource) given {
	if spec == nil {
		return missingSpec
	}
	return spec.withNetwork
}

// GatewaySpec is the Gateway that inference traffic comes through; right by default for GKE. What
// is empty is not sent, so that the library's default holds.
type GatewaySpec struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace,omitempty"` // "": the kubeconfig's
	Class       string            `json:"class,omitempty"`     // by default GKE's regional external one
	Address     string            `json:"address,omitempty"`   // an IP, or the name of a static address
	TLS         *GatewayTLS       `json:"tls,omitempty"`       // an HTTPS listener on 443
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Overlay     json.RawMessage   `json:"overlay,omitempty"` // RFC 7396; has the last word

	loaded *loaded
}

// GatewayTLS is an HTTPS listener's certificate.
type GatewayTLS struct {
	Secret   string `json:"secret"`
	Hostname string `json:"hostname,omitempty"`
}

// ServiceSpec is a served LLM: KServe's LLMInferenceService. What is empty or nil is not sent, so
// that the library's default holds. Every key is explained in docs/spec.md.
type ServiceSpec struct {
	Name            string            `json:"name"`
	Model           string            `json:"model"`               // "hf://...", "pvc://claim/path", "oci://..."
	Namespace       string            `json:"namespace,omitempty"` // "": the kubeconfig's
	Preset          string            `json:"preset,omitempty"`    // "tpu-v6e-4t", "nvidia-l4", "cpu", "simulator", ...
	Replicas        *int              `json:"replicas,omitempty"`
	ModelName       string            `json:"modelName,omitempty"` // what clients use in "model"
	Image           string            `json:"image,omitempty"`
	ImagePullPolicy string            `json:"imagePullPolicy,omitempty"`
	Args            []string          `json:"args,omitempty"` // more arguments for the model server
	Env             map[string]string `json:"env,omitempty"`
	MaxModelLen     int               `json:"maxModelLen,omitempty"`
	TensorParallel  int               `json:"tensorParallel,omitempty"`
	Download        *bool             `json:"download,omitempty"`
	Gateway         *ObjectRef        `json:"gateway,omitempty"`    // the Gateway to attach to
	HFToken         string            `json:"hfToken,omitempty"`    // the library makes the Secret
	PullSecret      *PullSecret       `json:"pullSecret,omitempty"` // the library makes the Secret
	Scheduler       json.RawMessage   `json:"scheduler,omitempty"`
	Resources       json.RawMessage   `json:"resources,omitempty"`
	NodeSelector    map[string]string `json:"nodeSelector,omitempty"`
	Tolerations     json.RawMessage   `json:"tolerations,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Annotations     map[string]string `json:"annotations,omitempty"`
	Warmup          *int              `json:"warmup,omitempty"` // requests that end the wait, timed apart
	TLS             *bool             `json:"tls,omitempty"`
	Route           json.RawMessage   `json:"route,omitempty"`
	Container       json.RawMessage   `json:"container,omitempty"`
	Overlay         json.RawMessage   `json:"overlay,omitempty"` // RFC 7396; has the last word

	loaded *loaded
}

// ObjectRef names an object.
type ObjectRef struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// PullSecret is a registry login.
type PullSecret struct {
	Registry string `json:"registry"`
	User     string `json:"user"`
	Password string `json:"password"`
}

// loaded is the C spec that a Go spec was read from. Its secrets are not in the Go spec ("***"),
// so it is used as long as the Go spec is not changed.
type loaded struct {
	handle *handle
	as     any // a copy of the Go spec as it was read
}

const hidden = `"***"`

// kind is what differs between the two specs in C.
type kind struct {
	parse, parseFile func(text uintptr, out *uintptr) uintptr
	json, manifest   func(spec uintptr, out *uintptr) uintptr
	free             func(spec uintptr)
}

var (
	gatewayKind = kind{raw.Gateway_spec_parse, raw.Gateway_spec_parse_file, raw.Gateway_spec_json,
		raw.Gateway_spec_manifest, raw.Gateway_spec_free}
	serviceKind = kind{raw.Service_spec_parse, raw.Service_spec_parse_file, raw.Service_spec_json,
		raw.Service_spec_manifest, raw.Service_spec_free}
)

// read makes the C spec of a text or path and hands it to use.
func (k kind) read(name, text string, use func(spec uintptr) error) error {
	var t texts
	defer t.free()
	c := t.add(name, text)
	if t.err != nil {
		return t.err
	}
	read := k.parse
	if name == "path" {
		read = k.parseFile
	}
	var spec uintptr
	if err := takeError(read(c, &spec)); err != nil {
		return err
	}
	defer k.free(spec)
	return use(spec)
}

// with hands the C spec of a Go spec to use: the loaded one while nothing was changed.
func (k kind) with(from *loaded, now any, use func(spec uintptr) error) error {
	if from != nil && reflect.DeepEqual(from.as, now) {
		spec, err := from.handle.use("the spec")
		if err != nil {
			return err
		}
		defer from.handle.done()
		return use(spec)
	}
	text, err := json.Marshal(now)
	if err != nil {
		return invalid("spec: %v", err)
	}
	if strings.Contains(string(text), hidden) {
		return &Error{Code: CodeInvalid, Message: "the spec was read from a text with a secret and then changed",
			Advice: "Set the secret again in Go, or change the text."}
	}
	return k.read("spec", string(text), use)
}

// load fills a Go spec from a text or path and keeps the C spec.
func (k kind) load(name, text string, into any) (*handle, error) {
	var t texts
	defer t.free()
	c := t.add(name, text)
	if t.err != nil {
		return nil, t.err
	}
	read := k.parse
	if name == "path" {
		read = k.parseFile
	}
	var spec, out uintptr
	if err := takeError(read(c, &spec)); err != nil {
		return nil, err
	}
	h := newHandle(spec, k.free)
	if err := takeError(k.json(spec, &out)); err != nil {
		h.close()
		return nil, err
	}
	return h, json.Unmarshal([]byte(takeText(out)), into)
}

// output is the text that a pure function makes of a spec.
func output(make func(spec uintptr, out *uintptr) uintptr, text *json.RawMessage) func(uintptr) error {
	return func(spec uintptr) error {
		var out uintptr
		err := takeError(make(spec, &out))
		*text = json.RawMessage(takeText(out))
		return plain(err)
	}
}

func (y YAML) withGateway(use func(uintptr) error) error {
	return gatewayKind.read("spec", string(y), use)
}
func (y YAML) withService(use func(uintptr) error) error {
	return serviceKind.read("spec", string(y), use)
}
func (f File) withGateway(use func(uintptr) error) error {
	return gatewayKind.read("path", string(f), use)
}
func (f File) withService(use func(uintptr) error) error {
	return serviceKind.read("path", string(f), use)
}

func (s *GatewaySpec) withGateway(use func(uintptr) error) error {
	now := *s
	now.loaded = nil
	return gatewayKind.with(s.loaded, now, use)
}

func (s *ServiceSpec) withService(use func(uintptr) error) error {
	now := *s
	now.loaded = nil
	return serviceKind.with(s.loaded, now, use)
}

// ReadGatewaySpec reads YAML or JSON text; the error tells key and line of what is wrong.
func ReadGatewaySpec(text string) (*GatewaySpec, error) { return loadGateway("spec", text) }

// ReadGatewaySpecFile is ReadGatewaySpec from a file.
func ReadGatewaySpecFile(path string) (*GatewaySpec, error) { return loadGateway("path", path) }

func loadGateway(name, text string) (*GatewaySpec, error) {
	s := &GatewaySpec{}
	h, err := gatewayKind.load(name, text, s)
	if err != nil {
		return nil, err
	}
	s.loaded = &loaded{handle: h, as: *s}
	runtime.AddCleanup(s.loaded, func(h *handle) { h.close() }, h)
	return s, nil
}

// ReadServiceSpec reads YAML or JSON text; the error tells key and line of what is wrong. Secrets
// are kept and show as "***".
func ReadServiceSpec(text string) (*ServiceSpec, error) { return loadService("spec", text) }

// ReadServiceSpecFile is ReadServiceSpec from a file.
func ReadServiceSpecFile(path string) (*ServiceSpec, error) { return loadService("path", path) }

func loadService(name, text string) (*ServiceSpec, error) {
	s := &ServiceSpec{}
	h, err := serviceKind.load(name, text, s)
	if err != nil {
		return nil, err
	}
	s.loaded = &loaded{handle: h, as: *s}
	runtime.AddCleanup(s.loaded, func(h *handle) { h.close() }, h)
	return s, nil
}

// Manifest is the objects that Apply would write, as a List; nothing is sent.
func (s *GatewaySpec) Manifest() (json.RawMessage, error) {
	var text json.RawMessage
	err := s.withGateway(output(raw.Gateway_spec_manifest, &text))
	return text, err
}

// Manifest is the objects that Apply would write on a cluster with KServe 0.20, as a List, secrets
// as "***"; nothing is sent.
func (s *ServiceSpec) Manifest() (json.RawMessage, error) {
	var text json.RawMessage
	err := s.withService(output(raw.Service_spec_manifest, &text))
	return text, err
}
