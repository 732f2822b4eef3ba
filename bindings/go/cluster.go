// SPDX-License-Identifier: Apache-2.0

package llmd

import (
	"context"
	"encoding/json"
	"iter"
	"runtime"

	"github.com/libllmd/libllmd/bindings/go/internal/raw"
)

// GKE is a project and location of Google Cloud. Any goroutine may use it; tasks and iterators
// outlive it.
type GKE struct {
	Cluster  *Clusters  // clusters
	NodePool *NodePools // node pools of a cluster
	Network  *Networks  // the network of a Gateway

	place
}

// OpenGKE opens a zone ("europe-west4-a") or region; it sends nothing. nil credentials are Google's
// Application Default Credentials; an empty project is theirs, or $GOOGLE_CLOUD_PROJECT.
func OpenGKE(ctx context.Context, credentials *Credentials, project, location string) (*GKE, error) {
	if credentials == nil {
		own, err := GoogleCredentials(ctx, "")
		if err != nil {
			return nil, err
		}
		defer own.Close()
		credentials = own
	}
	var t texts
	defer t.free()
	where, there := t.optional("project", project), t.add("location", location)
	var c uintptr
	if err := credentials.open(&t, func(object uintptr) uintptr {
		return raw.Gke_open(object, where, there, &c)
	}); err != nil {
		return nil, err
	}
	g := &GKE{place: place{newHandle(c, raw.Gke_free), "the handle of GKE"}}
	g.Cluster, g.NodePool, g.Network = &Clusters{g}, &NodePools{g}, &Networks{g}
	runtime.AddCleanup(g, func(h *handle) { h.close() }, g.handle)
	return g, nil
}

// Close drops the handle; closing twice is fine.
func (g *GKE) Close() error {
	g.handle.close()
	return nil
}

// Project is the project's id.
func (g *GKE) Project() string { return g.text(raw.Gke_project) }

// Location is the zone or region.
func (g *GKE) Location() string { return g.text(raw.Gke_location) }

// Cluster is what GKE said about a cluster.
type Cluster struct {
	Name     string
	Location string          // its zone or region
	Status   string          // "PROVISIONING", "RUNNING", "RECONCILING", "STOPPING", "ERROR", "DEGRADED", ...
	Version  string          // the control plane's Kubernetes version
	Endpoint string          // the control plane's address, or ""
	JSON     json.RawMessage // the cluster as GKE sent it, with its nodePools
}

func takeCluster(c uintptr) *Cluster {
	defer raw.Cluster_free(c)
	return &Cluster{
		Name:     raw.Text(raw.Cluster_name(c)),
		Location: raw.Text(raw.Cluster_location(c)),
		Status:   raw.Text(raw.Cluster_status(c)),
		Version:  raw.Text(raw.Cluster_version(c)),
		Endpoint: raw.Text(raw.Cluster_endpoint(c)),
		JSON:     json.RawMessage(raw.Text(raw.Cluster_json(c))),
	}
}

// Clusters are the verbs of GKE.Cluster.
type Clusters struct{ gke *GKE }

// Preflight looks whether the cluster can be had: rights, services, policies, quotas, machines,
// network. It reads only; each check is an event, and Task.Worst is the verdict. A nil spec is a
// look at the place: quotas in use, addresses, forwarding rules. Where Google, or whoever gives the
// token, cannot be reached it fails with ErrUnreachable.
func (v *Clusters) Preflight(ctx context.Context, spec ClusterSource) *Task {
	return v.gke.specTask(ctx, givenCluster(spec), raw.Cluster_preflight)
}

// Apply makes the cluster and its node pools match the spec and waits until they serve. It adopts
// what is there and goes on where another process stopped. A stock-out is told within two minutes, and
// the pool's fall-backs are tried in their order, the next one as soon as GKE lets go of the pool. The
// event of phase "serving" says that the control plane serves: Connect works from then on, while the
// node pools are made. No cluster is made for a pool whose machine type is not there, nor those of its
// fall-backs: ErrInvalid names those that are.
func (v *Clusters) Apply(ctx context.Context, spec ClusterSource) *Task {
	return v.gke.specTask(ctx, givenCluster(spec), raw.Cluster_apply)
}

// Cost is what a spec would cost per hour and day by Google's catalogue of now, or by your prices
// (JSON, nil for the catalogue). A nil spec is what exists, and has cost since it was made. A
// reckoning, not a bill.
func (v *Clusters) Cost(ctx context.Context, spec ClusterSource, prices json.RawMessage) (json.RawMessage, error) {
	var t texts
	defer t.free()
	given := t.optional("prices", string(prices))
	var out uintptr
	err := givenCluster(spec)(func(spec uintptr) error {
		return v.gke.call(ctx, &t, func(ctx, gke uintptr) uintptr {
			return raw.Cluster_cost(ctx, gke, spec, given, &out)
		})
	})
	return json.RawMessage(takeText(out)), err
}

// Recommend is what GKE's inference quickstart has measured for a model; "": the models that it
// knows. ErrNotFound where it has nothing; the advice names the models.
func (v *Clusters) Recommend(ctx context.Context, model string) (json.RawMessage, error) {
	var t texts
	defer t.free()
	which := t.optional("model", model)
	var out uintptr
	err := v.gke.call(ctx, &t, func(ctx, gke uintptr) uintptr {
		return raw.Cluster_recommend(ctx, gke, which, &out)
	})
	return json.RawMessage(takeText(out)), err
}

// Wait follows a cluster until it is RUNNING and has no operation under way.
func (v *Clusters) Wait(ctx context.Context, name string) *Task {
	var t texts
	defer t.free()
	which := t.add("name", name)
	return v.gke.task(ctx, &t, func(gke uintptr, out *uintptr) uintptr {
		return raw.Cluster_wait(gke, which, out)
	})
}

// Get is one cluster; ErrNotFound when there is none.
func (v *Clusters) Get(ctx context.Context, name string) (*Cluster, error) {
	var t texts
	defer t.free()
	which := t.add("name", name)
	var out uintptr
	err := v.gke.call(ctx, &t, func(ctx, gke uintptr) uintptr {
		return raw.Cluster_get(ctx, gke, which, &out)
	})
	if err != nil {
		return nil, err
	}
	return takeCluster(out), nil
}

// List yields the clusters of the project, all locations. Zones that did not answer are an error at
// the end.
func (v *Clusters) List(ctx context.Context) iter.Seq2[*Cluster, error] {
	open := func(out *uintptr) error {
		return v.gke.open(&texts{}, func(gke uintptr) uintptr {
			return raw.Cluster_list_open(gke, out)
		})
	}
	return pull(ctx, open, raw.Cluster_list_free, raw.Cluster_list_next, takeCluster)
}

// Delete deletes a cluster and proves that nothing billable is left. drain first deletes what holds
// load balancers in it (LLMInferenceServices, Gateways, Ingresses, Services of type LoadBalancer);
// without it, their existence refuses the delete.
func (v *Clusters) Delete(ctx context.Context, name string, drain bool) *Task {
	var t texts
	defer t.free()
	which := t.add("name", name)
	return v.gke.task(ctx, &t, func(gke uintptr, out *uintptr) uintptr {
		return raw.Cluster_delete(gke, which, drain, out)
	})
}

// Connect is the cluster's Kubernetes, with the same credentials, refreshed as they age.
func (v *Clusters) Connect(ctx context.Context, name string) (*Kube, error) {
	var t texts
	defer t.free()
	which := t.add("name", name)
	var out uintptr
	err := v.gke.call(ctx, &t, func(ctx, gke uintptr) uintptr {
		return raw.Cluster_connect(ctx, gke, which, &out)
	})
	return newKube(err, func(c *uintptr) uintptr {
		*c = out
		return 0
	})
}

// NodePools are the verbs of GKE.NodePool.
type NodePools struct{ gke *GKE }

// Apply makes one node pool of a cluster match: makes it, or changes size, autoscaling and version.
func (v *NodePools) Apply(ctx context.Context, cluster string, pool *NodePool) *Task {
	text, err := json.Marshal(pool)
	if err != nil {
		return newTask(ctx, func(*uintptr) error { return invalid("pool: %v", err) })
	}
	return v.task(ctx, cluster, string(text), raw.Node_pool_apply)
}

// Delete deletes a node pool and waits; one that is gone is no error.
func (v *NodePools) Delete(ctx context.Context, cluster, pool string) *Task {
	return v.task(ctx, cluster, pool, raw.Node_pool_delete)
}

// Wait follows a node pool until it is RUNNING, or RUNNING_WITH_ERROR, and has no operation under way.
func (v *NodePools) Wait(ctx context.Context, cluster, pool string) *Task {
	return v.task(ctx, cluster, pool, raw.Node_pool_wait)
}

// Get is one node pool as GKE sends it; ErrNotFound when there is none.
func (v *NodePools) Get(ctx context.Context, cluster, pool string) (json.RawMessage, error) {
	var t texts
	defer t.free()
	where, which := t.add("cluster", cluster), t.add("pool", pool)
	var out uintptr
	err := v.gke.call(ctx, &t, func(ctx, gke uintptr) uintptr {
		return raw.Node_pool_get(ctx, gke, where, which, &out)
	})
	return json.RawMessage(takeText(out)), err
}

// List are the node pools of a cluster as GKE sends them.
func (v *NodePools) List(ctx context.Context, cluster string) ([]json.RawMessage, error) {
	var t texts
	defer t.free()
	where := t.add("cluster", cluster)
	var out uintptr
	err := v.gke.call(ctx, &t, func(ctx, gke uintptr) uintptr {
		return raw.Node_pool_list(ctx, gke, where, &out)
	})
	if err != nil {
		return nil, err
	}
	var pools []json.RawMessage
	return pools, json.Unmarshal([]byte(takeText(out)), &pools)
}

func (v *NodePools) task(ctx context.Context, cluster, pool string,
	open func(gke, cluster, pool uintptr, out *uintptr) uintptr,
) *Task {
	var t texts
	defer t.free()
	where, which := t.add("cluster", cluster), t.add("pool", pool)
	return v.gke.task(ctx, &t, func(gke uintptr, out *uintptr) uintptr {
		return open(gke, where, which, out)
	})
}

// Networks are the verbs of GKE.Network.
type Networks struct{ gke *GKE }

// Apply makes what regional Gateway classes need: a proxy-only subnet, found or made in a free range,
// and the static address that the spec names.
func (v *Networks) Apply(ctx context.Context, spec NetworkSource) *Task {
	return v.gke.specTask(ctx, givenNetwork(spec), raw.Network_apply)
}

// Delete removes the subnet and address if libllmd made them and nothing uses them.
func (v *Networks) Delete(ctx context.Context, spec NetworkSource) *Task {
	return v.gke.specTask(ctx, givenNetwork(spec), raw.Network_delete)
}

// Health looks whether the load balancer of a service's Gateways can reach its pods, as Compute
// Engine sees it; one event a finding, Worst is the verdict. A HealthCheckPolicy of libllmd that GKE
// does not follow for 90 s (it asks for another path) is deleted and made anew, once: unlike the other
// Health verbs this one may write. If making it anew fails, the error names the policy that is gone,
// and Service.Apply makes it again. An empty ns is the kubeconfig's.
func (v *Networks) Health(ctx context.Context, kube *Kube, ns, service string) *Task {
	var t texts
	defer t.free()
	where, which := t.optional("ns", ns), t.add("service", service)
	return newTask(ctx, func(out *uintptr) error {
		if kube == nil {
			return invalid("kube: want a cluster, got nil")
		}
		c, err := kube.handle.use(kube.what)
		if err != nil {
			return err
		}
		defer kube.handle.done()
		return v.gke.open(&t, func(gke uintptr) uintptr {
			return raw.Network_health(gke, c, where, which, out)
		})
	})
}
