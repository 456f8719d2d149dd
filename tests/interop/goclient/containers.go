package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"sync"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/api/events"
	"github.com/containerd/containerd/containers"
	"github.com/containerd/containerd/oci"
	"github.com/containerd/containerd/runtime/v2/runc/options"
	"github.com/gogo/protobuf/types"
)

var containerSteps = []step{
	{"new container", func(s *session) (interface{}, error) {
		created, err := s.client.NewContainer(s.ctx, "debian",
			containerd.WithNewSpec(oci.WithProcessArgs("sleep", "100"), oci.WithHostname("box")),
			containerd.WithContainerLabels(map[string]string{"a": "1"}),
			containerd.WithAdditionalContainerLabels(map[string]string{"b": "2", "empty": ""}),
			containerd.WithImageName("docker.io/library/debian:latest"),
			containerd.WithSnapshotter("native"),
			containerd.WithRuntime("io.containerd.runc.v2", &options.Options{Root: "/run/runc", NoPivotRoot: true}),
			containerd.WithContainerExtension("example.com/extension", &events.TaskStart{ContainerID: "x", Pid: 42}),
		)
		if err != nil {
			return nil, err
		}
		record, err := created.Info(s.ctx, containerd.WithoutRefreshedMetadata)
		return describe(record), err
	}},
	{"info", func(s *session) (interface{}, error) {
		return loaded(s, "debian", func(c containerd.Container) (interface{}, error) {
			record, err := c.Info(s.ctx)
			return describe(record), err
		})
	}},
	{"spec", func(s *session) (interface{}, error) {
		return loaded(s, "debian", func(c containerd.Container) (interface{}, error) { return c.Spec(s.ctx) })
	}},
	{"extensions", func(s *session) (interface{}, error) {
		return loaded(s, "debian", func(c containerd.Container) (interface{}, error) { return c.Extensions(s.ctx) })
	}},
	{"set labels", func(s *session) (interface{}, error) {
		return loaded(s, "debian", func(c containerd.Container) (interface{}, error) {
			return c.SetLabels(s.ctx, map[string]string{"a": "9", "b": "", "c": "3"})
		})
	}},
	{"labels", func(s *session) (interface{}, error) {
		return loaded(s, "debian", func(c containerd.Container) (interface{}, error) { return c.Labels(s.ctx) })
	}},
	{"update", func(s *session) (interface{}, error) {
		return loaded(s, "debian", func(c containerd.Container) (interface{}, error) {
			image := func(_ context.Context, _ *containerd.Client, record *containers.Container) error {
				record.Image = "docker.io/library/debian:12"
				return nil
			}
			extension := containerd.WithContainerExtension("example.com/other", &events.TaskOOM{ContainerID: "y"})
			err := c.Update(s.ctx, image, containerd.UpdateContainerOpts(extension))
			if err != nil {
				return nil, err
			}
			record, err := c.Info(s.ctx)
			return describe(record), err
		})
	}},
	{"image of a container", func(s *session) (interface{}, error) {
		c, err := minimal(s, "no-image")
		if err != nil {
			return nil, err
		}
		_, err = c.Image(s.ctx)
		return nil, err
	}},
	{"task", func(s *session) (interface{}, error) {
		return loaded(s, "debian", func(c containerd.Container) (interface{}, error) { return c.Task(s.ctx, nil) })
	}},
	{"several at a time", func(s *session) (interface{}, error) {
		parallel := s.in("-parallel") // its events come in no order
		var all sync.WaitGroup
		failed := make(chan error, 40)
		for i := 0; i < cap(failed); i++ {
			all.Add(1)
			go func(id string) {
				defer all.Done()
				if _, err := minimal(parallel, id); err != nil {
					failed <- err
				}
			}(fmt.Sprintf("container-%02d", i))
		}
		all.Wait()
		close(failed)
		for err := range failed {
			return nil, err
		}
		return ids(parallel)
	}},
	{"list", func(s *session) (interface{}, error) { return ids(s) }},
	{"list by label", func(s *session) (interface{}, error) { return ids(s, "labels.a==9", "labels.nosuch") }},
	{"list by runtime", func(s *session) (interface{}, error) { return ids(s, "runtime.name~=runc,id!=debian") }},
	{"list of nothing", func(s *session) (interface{}, error) { return ids(s, "id==nosuch") }},
	{"another namespace", func(s *session) (interface{}, error) {
		other := s.in("-other")
		if _, err := minimal(other, "debian"); err != nil {
			return nil, err
		}
		return ids(other)
	}},
	{"a large spec", func(s *session) (interface{}, error) {
		large := oci.WithAnnotations(map[string]string{"large": strings.Repeat("0123456789abcdef", 1<<18)})
		created, err := s.client.NewContainer(s.ctx, "large", containerd.WithNewSpec(large))
		if err != nil {
			return nil, err
		}
		spec, err := created.Spec(s.ctx)
		if err != nil {
			return nil, err
		}
		return fmt.Sprintf("%x", sha256.Sum256([]byte(spec.Annotations["large"]))), nil
	}},
	{"delete", func(s *session) (interface{}, error) {
		return loaded(s, "debian", func(c containerd.Container) (interface{}, error) { return nil, c.Delete(s.ctx) })
	}},
	{"load what is gone", func(s *session) (interface{}, error) { return s.client.LoadContainer(s.ctx, "debian") }},
	{"delete all", func(s *session) (interface{}, error) {
		all, err := s.client.Containers(s.ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			if err := c.Delete(s.ctx); err != nil {
				return nil, err
			}
		}
		return ids(s)
	}},
}

func minimal(s *session, id string) (containerd.Container, error) {
	return s.client.NewContainer(s.ctx, id, containerd.WithNewSpec())
}

func loaded(s *session, id string, use func(containerd.Container) (interface{}, error)) (interface{}, error) {
	c, err := s.client.LoadContainer(s.ctx, id)
	if err != nil {
		return nil, err
	}
	return use(c)
}

func ids(s *session, filters ...string) ([]string, error) {
	found, err := s.client.Containers(s.ctx, filters...)
	names := []string{}
	for _, c := range found {
		names = append(names, c.ID())
	}
	return names, err
}

// describe tells all of a record but its times, of which only the relation is the same on every run.
func describe(record containers.Container) interface{} {
	return map[string]interface{}{
		"id": record.ID, "labels": record.Labels, "image": record.Image, "runtime": record.Runtime.Name,
		"options": text(record.Runtime.Options), "spec": text(record.Spec), "snapshotter": record.Snapshotter,
		"key": record.SnapshotKey, "extensions": record.Extensions, "created": !record.CreatedAt.IsZero(),
		"updated": record.UpdatedAt.After(record.CreatedAt),
	}
}

func text(any *types.Any) string {
	if any == nil {
		return ""
	}
	return fmt.Sprintf("%s %q", any.TypeUrl, any.Value)
}
