package main

import (
	"strings"
	"time"

	"github.com/containerd/containerd/leases"
)

var daemonSteps = []step{
	{"serving", func(s *session) (interface{}, error) { return s.client.IsServing(s.ctx) }},
	{"version is told", func(s *session) (interface{}, error) {
		version, err := s.client.Version(s.ctx)
		return version.Version != "" && version.Revision != "", err
	}},
	{"identity lasts", func(s *session) (interface{}, error) {
		first, err := s.client.Server(s.ctx)
		if err != nil {
			return nil, err
		}
		second, err := s.client.Server(s.ctx)
		return len(first.UUID) == 36 && first == second, err
	}},
	{"runtime", func(s *session) (interface{}, error) { return s.client.Runtime(), nil }},
	{"plugins", func(s *session) (interface{}, error) {
		return s.client.IntrospectionService().Plugins(s.ctx, []string{"id==containers", "id==containers-service"})
	}},
	{"plugins by a bad filter", func(s *session) (interface{}, error) {
		return s.client.IntrospectionService().Plugins(s.ctx, []string{"id="})
	}},
	{"connect again", func(s *session) (interface{}, error) {
		if err := s.client.Reconnect(); err != nil {
			return nil, err
		}
		return s.client.IsServing(s.ctx)
	}},
}

var namespaceSteps = []step{
	{"new namespace", func(s *session) (interface{}, error) {
		labels := map[string]string{"a": "1", "containerd.io/defaults/runtime": "io.containerd.runsc.v1"}
		return nil, s.client.NamespaceService().Create(s.ctx, s.namespace+"-made", labels)
	}},
	{"the namespace again", func(s *session) (interface{}, error) {
		return nil, s.client.NamespaceService().Create(s.ctx, s.namespace+"-made", nil)
	}},
	{"a label of the namespace", func(s *session) (interface{}, error) {
		if err := s.client.NamespaceService().SetLabel(s.ctx, s.namespace+"-made", "b", "2"); err != nil {
			return nil, err
		}
		return s.client.NamespaceService().Labels(s.ctx, s.namespace+"-made")
	}},
	{"labels of no namespace", func(s *session) (interface{}, error) {
		return s.client.NamespaceService().Labels(s.ctx, s.namespace+"-nosuch")
	}},
	{"a default of the namespace", func(s *session) (interface{}, error) {
		return s.client.GetLabel(s.in("-made").ctx, "containerd.io/defaults/runtime")
	}},
	{"namespaces", own},
	{"a namespace that is none", func(s *session) (interface{}, error) {
		return nil, s.client.NamespaceService().Create(s.ctx, "a/b", nil)
	}},
	{"namespace deleted", func(s *session) (interface{}, error) {
		return nil, s.client.NamespaceService().Delete(s.ctx, s.namespace+"-made")
	}},
	{"namespace deleted again", func(s *session) (interface{}, error) {
		return nil, s.client.NamespaceService().Delete(s.ctx, s.namespace+"-made")
	}},
	{"namespaces left", own},
}

// own tells the namespaces of this session: a daemon may have others.
func own(s *session) (interface{}, error) {
	all, err := s.client.NamespaceService().List(s.ctx)
	names := []string{}
	for _, name := range all {
		if strings.HasPrefix(name, s.namespace) {
			names = append(names, name)
		}
	}
	return names, err
}

const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var leaseSteps = []step{
	{"new lease", func(s *session) (interface{}, error) {
		lease, err := s.client.LeasesService().Create(s.ctx, leases.WithID("one"), leases.WithLabels(map[string]string{"a": "1"}))
		return []interface{}{lease.ID, lease.Labels, !lease.CreatedAt.IsZero()}, err
	}},
	{"the lease again", func(s *session) (interface{}, error) {
		return s.client.LeasesService().Create(s.ctx, leases.WithID("one"))
	}},
	{"a lease with an id made up", func(s *session) (interface{}, error) {
		lease, err := s.client.LeasesService().Create(s.ctx, leases.WithRandomID(), leases.WithExpiration(time.Hour))
		return lease.ID != "" && lease.Labels["containerd.io/gc.expire"] != "", err
	}},
	{"leases by filter", func(s *session) (interface{}, error) {
		found, err := s.client.LeasesService().List(s.ctx, "labels.a==1", "id==nosuch")
		names := []string{}
		for _, lease := range found {
			names = append(names, lease.ID)
		}
		return names, err
	}},
	{"a bad filter of leases", func(s *session) (interface{}, error) {
		return s.client.LeasesService().List(s.ctx, "id=")
	}},
	{"resources", func(s *session) (interface{}, error) {
		lease := leases.Lease{ID: "one"}
		for _, resource := range []leases.Resource{
			{ID: "root", Type: "snapshots/native"}, {ID: digest, Type: "content"}, {ID: "upload", Type: "ingests"},
		} {
			if err := s.client.LeasesService().AddResource(s.ctx, lease, resource); err != nil {
				return nil, err
			}
		}
		upload := leases.Resource{ID: "upload", Type: "ingests"}
		if err := s.client.LeasesService().DeleteResource(s.ctx, lease, upload); err != nil {
			return nil, err
		}
		return s.client.LeasesService().ListResources(s.ctx, lease)
	}},
	{"a resource that is none", func(s *session) (interface{}, error) {
		resource := leases.Resource{ID: "x", Type: "images"}
		return nil, s.client.LeasesService().AddResource(s.ctx, leases.Lease{ID: "one"}, resource)
	}},
	{"resources of no lease", func(s *session) (interface{}, error) {
		return s.client.LeasesService().ListResources(s.ctx, leases.Lease{ID: "nosuch"})
	}},
	{"under a lease", func(s *session) (interface{}, error) {
		ctx, done, err := s.client.WithLease(s.ctx)
		if err != nil {
			return nil, err
		}
		id, _ := leases.FromContext(ctx)
		held, err := s.client.LeasesService().List(s.ctx, "id=="+id)
		if err != nil {
			return nil, err
		}
		if err := done(ctx); err != nil {
			return nil, err
		}
		left, err := s.client.LeasesService().List(s.ctx, "id=="+id)
		return []int{len(held), len(left)}, err
	}},
	{"lease deleted", func(s *session) (interface{}, error) {
		return nil, s.client.LeasesService().Delete(s.ctx, leases.Lease{ID: "one"}, leases.SynchronousDelete)
	}},
	{"lease deleted again", func(s *session) (interface{}, error) {
		return nil, s.client.LeasesService().Delete(s.ctx, leases.Lease{ID: "one"})
	}},
}
