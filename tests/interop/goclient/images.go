package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"io/ioutil"
	"sort"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/content"
	"github.com/containerd/containerd/images"
	"github.com/containerd/containerd/images/archive"
	"github.com/containerd/containerd/platforms"
	"github.com/containerd/containerd/remotes/docker"
	"github.com/containerd/containerd/snapshots"
)

var imageSteps = []step{
	{"pull", func(s *session) (interface{}, error) {
		return pull(s, "odd:latest", containerd.WithPullLabel("a", "1"))
	}},
	{"pull again", func(s *session) (interface{}, error) { return pull(s, "odd:latest") }},
	{"pull docker's media types", func(s *session) (interface{}, error) { return pull(s, "odd:docker") }},
	{"pull for another platform", func(s *session) (interface{}, error) {
		return pull(s, "many:latest", containerd.WithPlatform("linux/arm64"))
	}},
	{"pull for no platform", func(s *session) (interface{}, error) {
		return pull(s, "many:latest", containerd.WithPlatform("linux/s390x"))
	}},
	{"pull what is not there", func(s *session) (interface{}, error) { return pull(s, "odd:nosuch") }},
	{"fetch", func(s *session) (interface{}, error) {
		fetched, err := s.client.Fetch(s.ctx, s.registry+"/many:latest", plainHTTP())
		return fetched.Target, err
	}},
	{"unpack", func(s *session) (interface{}, error) {
		image, err := s.client.GetImage(s.ctx, s.registry+"/many:latest")
		if err != nil {
			return nil, err
		}
		if err := image.Unpack(s.ctx, s.snapshotter); err != nil {
			return nil, err
		}
		return told(s, image)
	}},
	{"images", func(s *session) (interface{}, error) { return names(s) }},
	{"images by filter", func(s *session) (interface{}, error) { return names(s, "name~=odd", "labels.nosuch") }},
	{"images by a bad filter", func(s *session) (interface{}, error) { return names(s, "name=") }},
	{"an image that is not there", func(s *session) (interface{}, error) { return s.client.GetImage(s.ctx, "nosuch") }},
	{"an image made", func(s *session) (interface{}, error) {
		image, err := s.client.ImageService().Get(s.ctx, s.registry+"/odd:latest")
		if err != nil {
			return nil, err
		}
		image.Name = "other"
		made, err := s.client.ImageService().Create(s.ctx, image)
		return []interface{}{made.Name, made.Labels, made.Target, !made.CreatedAt.IsZero()}, err
	}},
	{"an image made again", func(s *session) (interface{}, error) {
		return s.client.ImageService().Create(s.ctx, images.Image{Name: "other"})
	}},
	{"labels of an image", func(s *session) (interface{}, error) {
		image := images.Image{Name: "other", Labels: map[string]string{"a": "9", "b": "2"}}
		updated, err := s.client.ImageService().Update(s.ctx, image, "labels.a", "labels.b")
		return []interface{}{updated.Labels, updated.Target}, err
	}},
	{"an update of no image", func(s *session) (interface{}, error) {
		return s.client.ImageService().Update(s.ctx, images.Image{Name: "nosuch"}, "labels")
	}},
	{"size of an image", func(s *session) (interface{}, error) {
		image, err := s.client.GetImage(s.ctx, "other")
		if err != nil {
			return nil, err
		}
		return image.Usage(s.ctx, containerd.WithUsageManifestLimit(0))
	}},
	{"blobs", blobs},
	{"a blob read", func(s *session) (interface{}, error) {
		image, err := s.client.GetImage(s.ctx, "other")
		if err != nil {
			return nil, err
		}
		reader, err := s.client.ContentStore().ReaderAt(s.ctx, image.Target())
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		data, err := ioutil.ReadAll(io.NewSectionReader(reader, 0, reader.Size()))
		return string(data), err
	}},
	{"uploads", func(s *session) (interface{}, error) { return s.client.ContentStore().ListStatuses(s.ctx) }},
	{"snapshots", snapshotsOf},
	{"export, delete and import", func(s *session) (interface{}, error) {
		var file bytes.Buffer
		name := s.registry + "/odd:docker"
		store := s.client.ImageService()
		if err := s.client.Export(s.ctx, &file, archive.WithImage(store, name)); err != nil {
			return nil, err
		}
		sum := fmt.Sprintf("%x", sha256.Sum256(file.Bytes()))
		if err := store.Delete(s.ctx, name, images.SynchronousDelete()); err != nil {
			return nil, err
		}
		imported, err := s.client.Import(s.ctx, &file)
		if err != nil {
			return nil, err
		}
		image := containerd.NewImage(s.client, imported[0])
		if err := image.Unpack(s.ctx, s.snapshotter); err != nil {
			return nil, err
		}
		description, err := told(s, image)
		return []interface{}{sum, description}, err
	}},
}

var imagesGoneSteps = []step{
	{"images deleted", func(s *session) (interface{}, error) {
		all, err := s.client.ImageService().List(s.ctx)
		if err != nil {
			return nil, err
		}
		for _, image := range all {
			if err := s.client.ImageService().Delete(s.ctx, image.Name, images.SynchronousDelete()); err != nil {
				return nil, err
			}
		}
		return names(s)
	}},
	{"an image deleted again", func(s *session) (interface{}, error) {
		return nil, s.client.ImageService().Delete(s.ctx, "other", images.SynchronousDelete())
	}},
	{"blobs left", blobs},
	{"snapshots left", snapshotsOf},
}

// plainHTTP makes the client speak to a registry without TLS.
func plainHTTP() containerd.RemoteOpt {
	hosts := docker.ConfigureDefaultRegistries(docker.WithPlainHTTP(docker.MatchLocalhost))
	return containerd.WithResolver(docker.NewResolver(docker.ResolverOptions{Hosts: hosts}))
}

func pull(s *session, name string, options ...containerd.RemoteOpt) (interface{}, error) {
	options = append(options, plainHTTP(), containerd.WithPullUnpack, containerd.WithPullSnapshotter(s.snapshotter))
	image, err := s.client.Pull(s.ctx, s.registry+"/"+name, options...)
	if err != nil {
		return nil, err
	}
	return told(s, image)
}

// told tells all that a client can ask of an image.
func told(s *session, image containerd.Image) (interface{}, error) {
	root, err := image.RootFS(s.ctx)
	if err != nil {
		return nil, err
	}
	config, err := image.Config(s.ctx)
	if err != nil {
		return nil, err
	}
	size, err := image.Size(s.ctx)
	if err != nil {
		return nil, err
	}
	unpacked, err := image.IsUnpacked(s.ctx, s.snapshotter)
	if err != nil {
		return nil, err
	}
	available, required, present, missing, err := images.Check(
		s.ctx, image.ContentStore(), image.Target(), platforms.OnlyStrict(platforms.MustParse("linux/arm64")))
	return []interface{}{
		image.Name(), image.Target(), image.Labels(), root, config, size, unpacked,
		available, len(required), len(present), len(missing),
	}, err
}

func names(s *session, filters ...string) (interface{}, error) {
	found, err := s.client.ListImages(s.ctx, filters...)
	names := []string{}
	for _, image := range found {
		names = append(names, image.Name())
	}
	return names, err
}

// blobs tells the blobs that are there after a collection.
func blobs(s *session) (interface{}, error) {
	if err := collect(s); err != nil {
		return nil, err
	}
	told := []interface{}{}
	err := s.client.ContentStore().Walk(s.ctx, func(info content.Info) error {
		told = append(told, []interface{}{info.Digest, info.Size, info.Labels})
		return nil
	})
	return told, err
}

// snapshotsOf tells the snapshots that are there after a collection.
func snapshotsOf(s *session) (interface{}, error) {
	if err := collect(s); err != nil {
		return nil, err
	}
	told := []string{}
	service := s.client.SnapshotService(s.snapshotter)
	err := service.Walk(s.ctx, func(_ context.Context, info snapshots.Info) error {
		usage, err := service.Usage(s.ctx, info.Name)
		labels := len(info.Labels)
		told = append(told, fmt.Sprintln(info.Name, info.Parent, info.Kind, labels, usage.Inodes))
		return err
	})
	sort.Strings(told)
	return told, err
}
