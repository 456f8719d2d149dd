// Command goclient works on a daemon through containerd's own Go client, and
// tells what it gets: a line for each step, without what differs from run to
// run. So two daemons can be compared.
//
//	goclient ADDRESS NAMESPACE
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/errdefs"
	"github.com/containerd/containerd/namespaces"
)

// guard ends a program that hangs.
const guard = time.Minute

// session is a client with a namespace of its own.
type session struct {
	client    *containerd.Client
	namespace string
	ctx       context.Context
}

// step does one thing and returns what there is to tell of it.
type step struct {
	name string
	run  func(*session) (interface{}, error)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: goclient ADDRESS NAMESPACE")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), guard)
	defer cancel()
	client, err := containerd.New(os.Args[1])
	check(err)
	defer client.Close()

	s := (&session{client: client, ctx: ctx}).in(os.Args[2])
	s.take(daemonSteps)
	listener, err := listen(s)
	check(err)
	s.take(namespaceSteps)
	s.take(containerSteps)
	s.take(refusedSteps)
	s.take(leaseSteps)
	events, err := listener.heard()
	check(err)
	for _, event := range events {
		tell("event", event, nil)
	}
}

// in returns the session in another namespace, whose name ends in suffix.
func (s *session) in(suffix string) *session {
	name := s.namespace + suffix
	return &session{s.client, name, namespaces.WithNamespace(s.ctx, name)}
}

func (s *session) take(steps []step) {
	for _, step := range steps {
		result, err := step.run(s)
		tell(step.name, result, err)
	}
}

func tell(name string, result interface{}, err error) {
	if err != nil {
		fmt.Printf("%s: %s: %v\n", name, class(err), err)
		return
	}
	told, err := json.Marshal(result)
	check(err)
	fmt.Printf("%s: %s\n", name, told)
}

func class(err error) string {
	for _, class := range []struct {
		name string
		is   func(error) bool
	}{
		{"InvalidArgument", errdefs.IsInvalidArgument},
		{"NotFound", errdefs.IsNotFound},
		{"AlreadyExists", errdefs.IsAlreadyExists},
		{"FailedPrecondition", errdefs.IsFailedPrecondition},
		{"Unavailable", errdefs.IsUnavailable},
		{"NotImplemented", errdefs.IsNotImplemented},
		{"Canceled", errdefs.IsCanceled},
		{"DeadlineExceeded", errdefs.IsDeadlineExceeded},
	} {
		if class.is(err) {
			return class.name
		}
	}
	return "error"
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "goclient:", err)
		os.Exit(1)
	}
}
