package main

import (
	"context"
	"strings"
	"time"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/containers"
	"github.com/containerd/containerd/namespaces"
)

var refusedSteps = []step{
	{"an id that is taken", func(s *session) (interface{}, error) {
		if _, err := minimal(s, "debian"); err != nil {
			return nil, err
		}
		return minimal(s, "debian")
	}},
	{"an id that is none", func(s *session) (interface{}, error) { return minimal(s, "a b") }},
	{"no id", func(s *session) (interface{}, error) { return minimal(s, "") }},
	{"no spec", func(s *session) (interface{}, error) { return s.client.NewContainer(s.ctx, "no-spec") }},
	{"no runtime", func(s *session) (interface{}, error) {
		return s.client.NewContainer(s.ctx, "no-runtime", containerd.WithNewSpec(), containerd.WithRuntime("", nil))
	}},
	{"a label that is too long", func(s *session) (interface{}, error) {
		labels := containerd.WithContainerLabels(map[string]string{"a": strings.Repeat("x", 4096)})
		return s.client.NewContainer(s.ctx, "long-label", containerd.WithNewSpec(), labels)
	}},
	{"nothing to load", func(s *session) (interface{}, error) { return s.client.LoadContainer(s.ctx, "nosuch") }},
	{"a filter that does not parse", func(s *session) (interface{}, error) { return ids(s, "id=debian") }},
	{"a field that cannot be updated", func(s *session) (interface{}, error) {
		return s.client.ContainerService().Update(s.ctx, containers.Container{ID: "debian"}, "created_at")
	}},
	{"an update without a runtime", func(s *session) (interface{}, error) {
		return s.client.ContainerService().Update(s.ctx, containers.Container{ID: "debian"})
	}},
	{"an update of nothing", func(s *session) (interface{}, error) {
		return s.client.ContainerService().Update(s.ctx, containers.Container{ID: "nosuch"}, "labels")
	}},
	{"nothing to delete", func(s *session) (interface{}, error) {
		return nil, s.client.ContainerService().Delete(s.ctx, "nosuch")
	}},
	{"no namespace", func(s *session) (interface{}, error) {
		return s.client.Containers(namespaces.WithNamespace(s.ctx, ""))
	}},
	{"a namespace that is not one", func(s *session) (interface{}, error) {
		return s.client.Containers(namespaces.WithNamespace(s.ctx, "a b"))
	}},
	{"a namespace that is not empty", func(s *session) (interface{}, error) {
		return nil, s.client.NamespaceService().Delete(s.ctx, s.namespace)
	}},
	{"no time", func(s *session) (interface{}, error) {
		ctx, cancel := context.WithTimeout(s.ctx, time.Nanosecond)
		defer cancel()
		return s.client.Containers(ctx)
	}},
	{"cancelled", func(s *session) (interface{}, error) {
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		return s.client.LoadContainer(ctx, "debian")
	}},
	{"what is left", func(s *session) (interface{}, error) { return ids(s) }},
}
