package main

import (
	"os"
	"path/filepath"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/diff"
	"github.com/containerd/containerd/leases"
	"github.com/containerd/containerd/mount"
	"github.com/containerd/containerd/oci"
	"github.com/containerd/containerd/rootfs"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

var unpackedSteps = []step{
	{"new container of an image", func(s *session) (interface{}, error) { return onSnapshot(s, "one", "one") }},
	{"the snapshot of a container", func(s *session) (interface{}, error) {
		info, err := s.client.SnapshotService(s.snapshotter).Stat(s.ctx, "one")
		return []interface{}{info.Name, info.Parent, info.Kind, info.Labels}, err
	}},
	{"new container on the snapshot of another", func(s *session) (interface{}, error) { return onSnapshot(s, "two", "one") }},
	{"new container with an id that is taken", func(s *session) (interface{}, error) { return onSnapshot(s, "one", "two") }},
	{"new container to look at", func(s *session) (interface{}, error) {
		return newContainer(s, "view", func(image containerd.Image) containerd.NewContainerOpts {
			return containerd.WithNewSnapshotView("view", image)
		})
	}},
	{"image of the container", func(s *session) (interface{}, error) {
		return loaded(s, "one", func(c containerd.Container) (interface{}, error) {
			image, err := c.Image(s.ctx)
			if err != nil {
				return nil, err
			}
			return told(s, image)
		})
	}},
	{"labels of the container", func(s *session) (interface{}, error) {
		return loaded(s, "one", func(c containerd.Container) (interface{}, error) {
			return c.SetLabels(s.ctx, map[string]string{"a": "1"})
		})
	}},
	{"the container updated", func(s *session) (interface{}, error) {
		return loaded(s, "one", func(c containerd.Container) (interface{}, error) {
			if err := c.Update(s.ctx, containerd.UpdateContainerOpts(containerd.WithContainerLabels(nil))); err != nil {
				return nil, err
			}
			record, err := c.Info(s.ctx)
			return describe(record), err
		})
	}},
	{"containers", func(s *session) (interface{}, error) { return ids(s) }},
	{"containers of the image", func(s *session) (interface{}, error) { return ids(s, "image~=odd") }},
	{"snapshots in use", snapshotsOf},
	{"what a snapshot has changed", func(s *session) (interface{}, error) {
		snapshotter := s.client.SnapshotService(s.snapshotter)
		// Compressed it depends on the library of the daemon.
		plain := diff.WithMediaType(ocispec.MediaTypeImageLayer)
		return rootfs.CreateDiff(s.ctx, "one", snapshotter, s.client.DiffService(), plain)
	}},
	{"a file in a snapshot", func(s *session) (interface{}, error) {
		mounts, err := s.client.SnapshotService(s.snapshotter).Mounts(s.ctx, "one")
		if err != nil {
			return nil, err
		}
		read := ""
		err = mount.WithTempMount(s.ctx, mounts, func(root string) error {
			data, err := os.ReadFile(filepath.Join(root, "etc/hostname"))
			read = string(data)
			return err
		})
		return read, err
	}},
	{"containers deleted with their snapshots", func(s *session) (interface{}, error) {
		for _, id := range []string{"one", "view"} {
			_, err := loaded(s, id, func(c containerd.Container) (interface{}, error) {
				return nil, c.Delete(s.ctx, containerd.WithSnapshotCleanup)
			})
			if err != nil {
				return nil, err
			}
		}
		return ids(s)
	}},
	{"a container deleted again", func(s *session) (interface{}, error) { return s.client.LoadContainer(s.ctx, "one") }},
	{"snapshots after that", snapshotsOf},
}

// onSnapshot makes a container of an image, on a new snapshot.
func onSnapshot(s *session, id, key string) (interface{}, error) {
	return newContainer(s, id, func(image containerd.Image) containerd.NewContainerOpts {
		return containerd.WithNewSnapshot(key, image)
	})
}

func newContainer(s *session, id string, snapshot func(containerd.Image) containerd.NewContainerOpts) (interface{}, error) {
	image, err := s.client.GetImage(s.ctx, s.registry+"/odd:latest")
	if err != nil {
		return nil, err
	}
	created, err := s.client.NewContainer(s.ctx, id,
		containerd.WithImage(image),
		containerd.WithImageConfigLabels(image),
		containerd.WithSnapshotter(s.snapshotter),
		snapshot(image),
		containerd.WithNewSpec(oci.WithImageConfig(image), oci.WithHostname("box")),
	)
	if err != nil {
		return nil, err
	}
	record, err := created.Info(s.ctx)
	return describe(record), err
}

// collect returns after a collection of garbage.
func collect(s *session) error {
	lease, err := s.client.LeasesService().Create(s.ctx, leases.WithRandomID())
	if err != nil {
		return err
	}
	return s.client.LeasesService().Delete(s.ctx, lease, leases.SynchronousDelete)
}
