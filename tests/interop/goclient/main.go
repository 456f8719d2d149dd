// Command goclient works on a daemon through containerd's own Go client, and
// tells what it gets: a line for each step, without what differs from run to
// run. So two daemons can be compared.
//
//	goclient ADDRESS NAMESPACE [REGISTRY SNAPSHOTTER]
//
// With a registry it pulls the images of the tests, and works with them.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"time"

	"github.com/containerd/containerd"
	"github.com/containerd/containerd/errdefs"
	"github.com/containerd/containerd/namespaces"
)

// madeUp is what the client names by the clock and by chance.
var madeUp = regexp.MustCompile(`(extract|view)-\d+-[\w-]{4}`)

// guard ends a program that hangs.
const guard = time.Minute

// session is a client with a namespace of its own.
type session struct {
	client    *containerd.Client
	namespace string
	ctx       context.Context

	registry    string // host and port, if there is one
	snapshotter string
}

// step does one thing and returns what there is to tell of it.
type step struct {
	name string
	run  func(*session) (interface{}, error)
}

func main() {
	if len(os.Args) != 3 && len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: goclient ADDRESS NAMESPACE [REGISTRY SNAPSHOTTER]")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), guard)
	defer cancel()
	client, err := containerd.New(os.Args[1])
	check(err)
	defer client.Close()

	s := (&session{client: client, ctx: ctx}).in(os.Args[2])
	if len(os.Args) == 5 {
		s.registry, s.snapshotter = os.Args[3], os.Args[4]
		s.takeAndListen(imageSteps, unpackedSteps, imagesGoneSteps)
		return
	}
	s.take(daemonSteps)
	s.takeAndListen(namespaceSteps, containerSteps, refusedSteps, leaseSteps)
}

// takeAndListen takes steps, and then tells the events that came of them.
func (s *session) takeAndListen(all ...[]step) {
	listener, err := listen(s)
	check(err)
	for _, steps := range all {
		s.take(steps)
	}
	events, err := listener.heard()
	check(err)
	for _, event := range events {
		tell("event", event, nil)
	}
}

// in returns the session in another namespace, whose name ends in suffix.
func (s *session) in(suffix string) *session {
	name := s.namespace + suffix
	other := *s
	other.namespace, other.ctx = name, namespaces.WithNamespace(s.ctx, name)
	return &other
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
	fmt.Printf("%s: %s\n", name, madeUp.ReplaceAll(told, []byte("$1-*")))
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
